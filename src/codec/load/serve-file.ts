/**
 * A piece of a file.
 */
import { count, nullable, optional, saltenv, text } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** A piece of a file, from an offset on. */
export interface ServeFileLoad {
  readonly cmd: '_serve_file';
  /** Not yet confined to a root. */
  readonly path: string;
  readonly saltenv: string;
  /** Offset in bytes. */
  readonly loc: number;
  /** Level of compression. */
  readonly gzip?: number | null;
}

/** What `_serve_file` may carry. */
export const serveFileShape: LoadShape<ServeFileLoad> = {
  cmd: '_serve_file',
  fields: { path: text(), saltenv: saltenv, loc: count, gzip: optional(nullable(count)) },
};
