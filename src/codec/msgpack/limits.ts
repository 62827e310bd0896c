/** Deepest nesting that is read. Python's msgpack stops at 1024 as well, so nothing that Salt reads is refused. */
export const MAX_DEPTH = 1024;

/** Deepest nesting that is written: what was read can be written again (msgpack 1.2.4 in Salt 3006.25 to 3008.5 does the same). */
export const MAX_ENCODE_DEPTH = 1024;
