import { closeSync, constants, openSync, readFileSync, readdirSync } from 'node:fs';
import { homedir, hostname, networkInterfaces } from 'node:os';

/** What the configuration needs to know of the system; tests put their own in its place. */
export interface SystemFacts {
  readonly env: NodeJS.ProcessEnv;
  readonly hostname: string;
  readonly home: string;
  /** Text of a file, `undefined` when there is none; other errors are thrown. */
  readonly readFile: (path: string) => string | undefined;
  /** Names in a directory; none when it is not there. */
  readonly list: (directory: string) => readonly string[];
  /** Addresses of a network interface; none when it is not there. @defaultValue no interface has any */
  readonly addresses?: (networkInterface: string) => readonly string[];
}

// Without waiting: a FIFO in the place of a file must not stop whoever reads the configuration.
const READ_ONLY = constants.O_RDONLY | (process.platform === 'win32' ? 0 : constants.O_NONBLOCK);

/** The system as it is. */
export function realSystem(env: NodeJS.ProcessEnv = process.env): SystemFacts {
  return {
    env,
    hostname: hostname(),
    home: env['HOME'] ?? homedir(),
    readFile: (path) => {
      try {
        return readText(path);
      } catch (error) {
        if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
          return undefined;
        throw error;
      }
    },
    list: (directory) => {
      try {
        return readdirSync(directory);
      } catch {
        return [];
      }
    },
    addresses: (name) => (networkInterfaces()[name] ?? []).map(({ address }) => address),
  };
}

function readText(path: string): string {
  const file = openSync(path, READ_ONLY);
  try {
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}
