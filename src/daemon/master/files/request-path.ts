/**
 * Paths that minions ask for: taken apart as Salt does, and confined.
 *
 * What is refused here never reaches the file system (CVE-2024-22232, CVE-2025-22238, CVE-2025-22240).
 */
import { posix } from 'node:path';
import type { ExactValue } from '../../../codec/msgpack/values.ts';

/** A file that is asked for: an environment, and a path below its roots. */
export interface RequestPath {
  readonly saltenv: string;
  /** Normalised, relative, without `..`. */
  readonly rel: string;
}

const LONGEST_PATH = 4096;
const LONGEST_ENVIRONMENT = 255;

/**
 * Reads path and environment of a request; `undefined` for what may not be asked for.
 *
 * As in Salt (3006.30, 3007.17, 3008.5), `a.txt?saltenv=dev` names the environment in the path, and a path that begins
 * with `|` is taken as it is, question mark and all.
 */
export function readRequestPath(path: ExactValue | undefined, saltenv: ExactValue): RequestPath | undefined {
  if (typeof path !== 'string') return undefined;
  const { file, environment } = path.startsWith('|')
    ? { file: path.replace(/^\|+/, ''), environment: undefined }
    : splitQuery(path);
  const rel = confine(file);
  const name = readEnvironment(environment ?? saltenv);
  return rel === undefined || name === undefined ? undefined : { saltenv: name, rel };
}

function splitQuery(path: string): { readonly file: string; readonly environment: string | undefined } {
  const [file = '', query] = path.split('?');
  let environment: string | undefined;
  for (const part of (query ?? '').split('&')) {
    if (part.startsWith('saltenv=')) environment = part.slice('saltenv='.length);
  }
  return { file, environment };
}

/**
 * The name of an environment; `undefined` for what is none. It becomes a part of a path where a root holds `__env__`, so
 * it may hold no separator. Numbers are names too, because YAML makes numbers of some.
 */
export function readEnvironment(saltenv: ExactValue | undefined): string | undefined {
  const name = typeof saltenv === 'number' && Number.isSafeInteger(saltenv) ? String(saltenv) : saltenv;
  if (typeof name !== 'string' || name === '' || name === '.' || name.includes('..')) return undefined;
  return name.length > LONGEST_ENVIRONMENT || isUnsafe(name) || name.includes('/') ? undefined : name;
}

/** Normalises a path that has to stay below a root; `undefined` for one that does not, or that is no file's. */
export function confine(path: string): string | undefined {
  if (path === '' || path.length > LONGEST_PATH || isUnsafe(path) || path.startsWith('/')) return undefined;
  // refused although it may lead back: Salt does so too
  if (path.split('/').includes('..')) return undefined;
  const rel = posix.normalize(path);
  // again: `./C:` is a drive once it is normal
  return rel === '.' || rel.endsWith('/') || isUnsafe(rel) ? undefined : rel;
}

/** Whether text holds what can mean another path than it seems: NUL, a Windows separator or drive, half a surrogate pair. */
export function isUnsafe(text: string): boolean {
  return /[\0\\]|^[A-Za-z]:/.test(text) || !text.isWellFormed();
}
