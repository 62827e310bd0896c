/**
 * One file of the file server, without its content.
 */
import { saltenv, text } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** Its hash. */
export interface FileHashLoad {
  readonly cmd: '_file_hash';
  /** Not yet confined to a root. */
  readonly path: string;
  readonly saltenv: string;
}

/** What `_file_hash` may carry. */
export const fileHashShape: LoadShape<FileHashLoad> = {
  cmd: '_file_hash',
  fields: { path: text(), saltenv: saltenv },
};

/** Its hash and stat. */
export interface FileHashAndStatLoad {
  readonly cmd: '_file_hash_and_stat';
  /** Not yet confined to a root. */
  readonly path: string;
  readonly saltenv: string;
}

/** What `_file_hash_and_stat` may carry. */
export const fileHashAndStatShape: LoadShape<FileHashAndStatLoad> = {
  cmd: '_file_hash_and_stat',
  fields: { path: text(), saltenv: saltenv },
};

/** Where it is, and its stat. */
export interface FileFindLoad {
  readonly cmd: '_file_find';
  /** Not yet confined to a root. */
  readonly path: string;
  readonly saltenv: string;
}

/** What `_file_find` may carry. */
export const fileFindShape: LoadShape<FileFindLoad> = {
  cmd: '_file_find',
  fields: { path: text(), saltenv: saltenv },
};
