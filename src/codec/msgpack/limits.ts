/** Deepest nesting that is read. Python's msgpack stops at 1024 as well, so nothing that Salt reads is refused. */
export const MAX_DEPTH = 1024;

/** Deepest nesting that is written; Python's packer stops at 511 levels. */
export const MAX_ENCODE_DEPTH = 511;
