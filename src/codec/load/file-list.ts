/**
 * Listings of the file server.
 */
import { optional, saltenv, text } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** The environments. */
export interface FileEnvsLoad {
  readonly cmd: '_file_envs';
  readonly saltenv?: string;
}

/** What `_file_envs` may carry. */
export const fileEnvsShape: LoadShape<FileEnvsLoad> = {
  cmd: '_file_envs',
  fields: { saltenv: optional(saltenv) },
};

/** The files of an environment. */
export interface FileListLoad {
  readonly cmd: '_file_list';
  readonly saltenv?: string;
  readonly prefix?: string;
}

/** What `_file_list` may carry. */
export const fileListShape: LoadShape<FileListLoad> = {
  cmd: '_file_list',
  fields: { saltenv: optional(saltenv), prefix: optional(text()) },
};

/** Its empty directories. */
export interface EmptyDirectoriesLoad {
  readonly cmd: '_file_list_emptydirs';
  readonly saltenv?: string;
  readonly prefix?: string;
}

/** What `_file_list_emptydirs` may carry. */
export const emptyDirectoriesShape: LoadShape<EmptyDirectoriesLoad> = {
  cmd: '_file_list_emptydirs',
  fields: { saltenv: optional(saltenv), prefix: optional(text()) },
};

/** Its directories. */
export interface DirectoryListLoad {
  readonly cmd: '_dir_list';
  readonly saltenv?: string;
  readonly prefix?: string;
}

/** What `_dir_list` may carry. */
export const directoryListShape: LoadShape<DirectoryListLoad> = {
  cmd: '_dir_list',
  fields: { saltenv: optional(saltenv), prefix: optional(text()) },
};

/** Its symbolic links. */
export interface SymlinkListLoad {
  readonly cmd: '_symlink_list';
  readonly saltenv?: string;
  readonly prefix?: string;
}

/** What `_symlink_list` may carry. */
export const symlinkListShape: LoadShape<SymlinkListLoad> = {
  cmd: '_symlink_list',
  fields: { saltenv: optional(saltenv), prefix: optional(text()) },
};
