/**
 * The environments of the file server and the folders that each is made of.
 */
import { byCodePoint } from '../load.ts';

/** Which paths are kept back. */
export interface IgnoreOptions {
  /** `file_ignore_glob`. @defaultValue none, as in Salt */
  readonly ignoreGlobs?: readonly string[];
  /** `file_ignore_regex`, searched for. @defaultValue none, as in Salt */
  readonly ignoreRegexes?: readonly string[];
}

/** Environment to its folders, the first one that has a file wins: Salt's `file_roots`. */
export type FileRoots = ReadonlyMap<string, readonly string[]>;

// An environment of this name stands for all that are not named, and its name in a folder for the one that is asked for.
const ANY_ENVIRONMENT = '__env__';

/** The names of the environments, sorted. */
export function environments(roots: FileRoots): string[] {
  return [...roots.keys()].sort(byCodePoint);
}

/** The folders of an environment; `undefined` when there is no such environment. */
export function rootsOf(roots: FileRoots, saltenv: string): readonly string[] | undefined {
  const named = roots.get(saltenv);
  if (named !== undefined) return named;
  return roots.get(ANY_ENVIRONMENT)?.map((folder) => folder.replaceAll(ANY_ENVIRONMENT, saltenv));
}
