/**
 * Which Salt is installed here, by its own word.
 */
import { execFile, spawnSync } from 'node:child_process';

/** An installed Salt. */
export interface InstalledSalt {
  /** `3006.30` */
  readonly version: string;
  /** The command that said so. */
  readonly command: string;
}

// The packages of 3006 and later keep their own Python here, and link the commands into /usr/bin.
const COMMANDS = [
  'salt-minion',
  'salt-master',
  'salt-call',
  '/opt/saltstack/salt/salt-minion',
  '/opt/saltstack/salt/salt-master',
];
// Salt takes half a second to say its version; one that hangs must not keep us from starting.
const TIMEOUT_MS = 10_000;

/** Asks the installed commands for their version; `undefined` when none is there. It says nothing about a daemon that was started before an upgrade. */
export function installedSalt(): InstalledSalt | undefined {
  for (const command of COMMANDS) {
    // The types do not say it: there is no output where the command is not there.
    const { stdout } = spawnSync(command, ['--version'], {
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
    }) as { readonly stdout: string | null };
    const version = versionIn(stdout ?? '');
    if (version !== undefined) return { version, command };
  }
  return undefined;
}

/**
 * As {@link installedSalt}, without stopping everything else meanwhile. `'silent'`: a command is there and has not said
 * its version before `signal` was aborted.
 */
export async function installedSaltSoon(
  signal: AbortSignal,
  env: NodeJS.ProcessEnv = process.env,
): Promise<InstalledSalt | 'silent' | undefined> {
  for (const command of COMMANDS) {
    const stdout = await output(command, signal, env);
    if (stdout === 'silent') return 'silent';
    const version = versionIn(stdout);
    if (version !== undefined) return { version, command };
  }
  return undefined;
}

function output(command: string, signal: AbortSignal, env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve) => {
    // SIGKILL: what does not answer may not listen to SIGTERM either.
    execFile(command, ['--version'], { env, signal, killSignal: 'SIGKILL' }, (_error, stdout) => {
      resolve(signal.aborted ? 'silent' : stdout);
    });
  });
}

function versionIn(stdout: string): string | undefined {
  return /^salt-\w+ (\d{4}(?:\.\d+)?)/.exec(stdout)?.[1];
}
