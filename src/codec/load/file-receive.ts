/**
 * A piece of a file that a minion pushes; off unless the master says otherwise.
 */
import { bytes, count, pathComponents } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** A piece of a file for the master (CVE-2024-38824: the path is a list of components). */
export interface FileReceiveLoad {
  readonly cmd: '_file_recv';
  readonly path: readonly string[];
  readonly loc: number;
  readonly size: number;
  readonly data: Buffer;
}

/** What `_file_recv` may carry. */
export const fileReceiveShape: LoadShape<FileReceiveLoad> = {
  cmd: '_file_recv',
  fields: { path: pathComponents, loc: count, size: count, data: bytes },
};
