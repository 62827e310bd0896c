/**
 * The matrix of real Salt releases that the interop tests run against, read from the one file that pins it.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** One pinned release. */
export interface PinnedRelease {
  readonly release: string;
  /** The line it belongs to, such as `3007`. */
  readonly line: string;
  /** Absolute path of its pinned requirement list. */
  readonly requirements: string;
}

/** The matrix. */
export interface Matrix {
  /** The Python versions that run every release of it, best first. */
  readonly pythons: readonly string[];
  readonly releases: readonly PinnedRelease[];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(record: Readonly<Record<string, unknown>>, key: string): string {
  const value = record[key];
  if (typeof value !== 'string') throw new Error(`releases.json: '${key}' is not text`);
  return value;
}

function list(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`releases.json: '${name}' is not a list`);
  return value as readonly unknown[];
}

/** Reads `releases.json`. */
export async function readMatrix(): Promise<Matrix> {
  const file = new URL('releases.json', import.meta.url);
  const content: unknown = JSON.parse(await readFile(file, 'utf8'));
  if (!isRecord(content)) throw new Error('releases.json: not a map');
  return {
    pythons: list(content['pythons'], 'pythons').map(String),
    releases: list(content['releases'], 'releases').map((item) => {
      if (!isRecord(item)) throw new Error('releases.json: a release is not a map');
      return {
        release: text(item, 'release'),
        line: text(item, 'line'),
        requirements: fileURLToPath(new URL(text(item, 'requirements'), file)),
      };
    }),
  };
}

/**
 * The releases of the matrix with the given names, in the order of the matrix; all of them when no name is given.
 * @throws Error when a name is not in the matrix
 */
export function chooseReleases(matrix: Matrix, names: readonly string[]): readonly PinnedRelease[] {
  const known = new Set(matrix.releases.map((entry) => entry.release));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new Error(`not in the matrix: ${unknown.join(', ')} (it has ${[...known].join(', ')})`);
  }
  return names.length === 0
    ? matrix.releases
    : matrix.releases.filter((entry) => names.includes(entry.release));
}

/** Whether no later release of its line is in the matrix. */
export function isNewestOfLine(matrix: Matrix, release: string): boolean {
  const line = matrix.releases.find((entry) => entry.release === release)?.line;
  return matrix.releases.findLast((entry) => entry.line === line)?.release === release;
}
