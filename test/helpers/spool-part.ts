/**
 * A daemon in a process of its own: a spool with its control socket, and what sends from it to a master's store of accepted
 * events in the same process. It can be told to kill itself in a named window, as `kill -9` would.
 *
 * Its job is the first argument, as JSON. It says `serving PID` when programs can connect, and ends by SIGTERM.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ControlServer } from '../../src/control/index.ts';
import type { ControlHandlers, FireReply } from '../../src/control/index.ts';
import { openAccepted } from '../../src/daemon/master/accepted.ts';
import type { AcceptedEvents } from '../../src/daemon/master/accepted.ts';
import { packageTags, spoolHandlers } from '../../src/daemon/spool/handlers.ts';
import { openSpool } from '../../src/daemon/spool/spool.ts';
import type { Spool } from '../../src/daemon/spool/spool.ts';

/** Where it can kill itself. */
export const WINDOWS = [
  'before the append',
  'before the commit',
  'in the commit',
  'after the commit',
  'after the answer',
  'before the send',
  'in the accept',
  'after the accept',
  'before the delete',
  'in the delete',
  'after the delete',
] as const;

/** One of them. */
export type Window = (typeof WINDOWS)[number];

/** What it is told. */
export interface SpoolPartJob {
  readonly socket: string;
  readonly spool: string;
  /** The master's store; nothing is sent when absent. */
  readonly accepted?: string;
  /** Dies the n-th time that it comes to the window. */
  readonly kill?: { readonly window: Window; readonly count: number };
}

class Daemon {
  readonly #job: SpoolPartJob;
  #left: number;
  #isSending = false;

  constructor(job: SpoolPartJob) {
    this.#job = job;
    this.#left = job.kill?.count ?? 0;
  }

  at(window: Window): void {
    if (this.#job.kill?.window !== window) return;
    this.#left -= 1;
    if (this.#left === 0) process.kill(process.pid, 'SIGKILL');
  }

  /** The handlers with the windows around a fire. */
  handlers(spool: Spool): ControlHandlers {
    const handlers = spoolHandlers(spool);
    return {
      ...handlers,
      fire: (request, reply) => {
        this.at('before the append');
        handlers.fire(request, this.#watched(reply));
        this.at('before the commit');
        // the write is on its way to the thread by then
        setImmediate(() => setImmediate(() => this.at('in the commit')));
      },
    };
  }

  #watched(reply: FireReply): FireReply {
    return {
      lane: reply.lane,
      follows: reply.follows,
      spooled: () => {
        this.at('after the commit');
        reply.spooled();
        setImmediate(() => this.at('after the answer'));
      },
      refused: (error) => reply.refused(error),
      left: (how) => reply.left(how),
    };
  }

  async send(spool: Spool, accepted: AcceptedEvents): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    for (;;) {
      const taken = await spool.take(16);
      if (taken.length === 0) break;
      this.at('before the send');
      const accepting = accepted.accept(
        taken.map((entry) => ({
          id: entry.id,
          minion: 'm1',
          tag: packageTags(entry.package)[0] ?? '',
          data: entry.package,
        })),
      );
      setImmediate(() => setImmediate(() => this.at('in the accept')));
      await accepting;
      this.at('after the accept');
      const done = spool.done(taken.map(({ id }) => id));
      this.at('before the delete');
      setImmediate(() => setImmediate(() => this.at('in the delete')));
      await done;
      this.at('after the delete');
    }
    this.#isSending = false;
  }
}

async function main(job: SpoolPartJob): Promise<void> {
  const daemon = new Daemon(job);
  let send: () => void = () => undefined;
  const spool = await openSpool({ path: job.spool, onAvailable: () => send() });
  const accepted = job.accepted === undefined ? undefined : await openAccepted({ path: job.accepted });
  const server = new ControlServer(daemon.handlers(spool));
  await server.listen({ kind: 'unix', path: job.socket });
  if (accepted !== undefined) {
    send = () => void daemon.send(spool, accepted);
    send();
  }
  process.stdout.write(`serving ${process.pid}\n`);
  process.once('SIGTERM', () => {
    void (async () => {
      await server.close();
      while (accepted !== undefined && spool.stats().depth > 0) await delay(5);
      await spool.close();
      await accepted?.close();
      process.exit(0);
    })();
  });
}

// the test imports the list of windows
if (process.argv[2] !== undefined && process.argv[1]?.endsWith('spool-part.ts') === true)
  await main(JSON.parse(process.argv[2]) as SpoolPartJob);
