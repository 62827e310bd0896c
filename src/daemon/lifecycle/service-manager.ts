/**
 * Tells a service manager how the daemon is: systemd's protocol, through its own program `systemd-notify`.
 *
 * The socket of that protocol takes datagrams, which Node has no unix socket for. The program is where systemd is, and is run
 * a few times in the life of a daemon; a unit needs `NotifyAccess=all`, because a child says it.
 */
import { execFile } from 'node:child_process';

/** What the daemon says. */
export interface ServiceManager {
  /** One message, such as `['READY=1', 'STATUS=serving']`; messages arrive in order. Never rejects. */
  notify(assignments: readonly string[]): Promise<void>;
  /** Stops what is said by itself. */
  stop(): void;
}

// The program waits up to 5 s until the message was looked at, so that its sender is still there then.
const NOTIFY_MS = 10_000;
const LEAST_WATCHDOG_MS = 1000;

type Run = (assignments: readonly string[], socket: string) => Promise<Error | undefined>;

/**
 * The service manager that has started this, by the variables of its protocol, which are taken out of `env`: what the daemon
 * starts in its turn must not speak in its name.
 * @param onFailure - called once when it cannot be told
 */
export function serviceManager(
  env: NodeJS.ProcessEnv,
  onFailure: (error: Error) => void,
  run: Run = runNotify,
): ServiceManager {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdog, WATCHDOG_PID: watched } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) Reflect.deleteProperty(env, name);
  if (socket === undefined || socket === '')
    return { notify: () => Promise.resolve(), stop: () => undefined };
  let last: Promise<void> = Promise.resolve();
  let waiting = 0;
  let hasFailed = false;
  const notify = (assignments: readonly string[]): Promise<void> => {
    waiting += 1;
    last = last.then(async () => {
      const error = await run(assignments, socket);
      waiting -= 1;
      if (error === undefined || hasFailed) return;
      hasFailed = true;
      onFailure(error);
    });
    return last;
  };
  const everyMs = watchdogMs(watchdog, watched);
  const timer =
    everyMs === undefined
      ? undefined
      : setInterval(() => {
          // Where telling takes longer than the time between two, more of them would not help.
          if (waiting === 0) void notify(['WATCHDOG=1']);
        }, everyMs);
  timer?.unref();
  return {
    notify,
    stop: () => {
      clearInterval(timer);
    },
  };
}

/** How often the watchdog is fed: twice in its time; `undefined` where it does not watch this process. */
export function watchdogMs(
  usec: string | undefined,
  pid: string | undefined,
  own: number = process.pid,
): number | undefined {
  if (usec === undefined || !/^[1-9]\d*$/.test(usec)) return undefined;
  if (pid !== undefined && pid !== '' && pid !== String(own)) return undefined;
  return Math.max(LEAST_WATCHDOG_MS, Math.floor(Number(usec) / 2000));
}

/** Text as the value of an assignment: on one line, and of bounded length. */
export function statusText(text: string): string {
  // eslint-disable-next-line no-control-regex -- these would begin another assignment
  return text.replace(/[\u0000-\u001f\u007f]/g, ' ').slice(0, 512);
}

function runNotify(assignments: readonly string[], socket: string): Promise<Error | undefined> {
  return new Promise((resolve) => {
    execFile(
      'systemd-notify',
      [...assignments],
      {
        env: { PATH: process.env['PATH'], NOTIFY_SOCKET: socket },
        timeout: NOTIFY_MS,
        killSignal: 'SIGKILL',
      },
      (error, _stdout, stderr) => {
        // The message is out; only that it was looked at is not known (managers other than systemd do not say).
        resolve(error === null || stderr.includes('barrier') ? undefined : error);
      },
    );
  });
}
