import { readFileSync, readdirSync } from 'node:fs';
import { homedir, hostname } from 'node:os';

/** What the configuration needs to know of the system; tests put their own in its place. */
export interface SystemFacts {
  readonly env: NodeJS.ProcessEnv;
  readonly hostname: string;
  readonly home: string;
  /** Text of a file, `undefined` when there is none; other errors are thrown. */
  readonly readFile: (path: string) => string | undefined;
  /** Names in a directory; none when it is not there. */
  readonly list: (directory: string) => readonly string[];
}

/** The system as it is. */
export function realSystem(env: NodeJS.ProcessEnv = process.env): SystemFacts {
  return {
    env,
    hostname: hostname(),
    home: env['HOME'] ?? homedir(),
    readFile: (path) => {
      try {
        return readFileSync(path, 'utf8');
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
  };
}
