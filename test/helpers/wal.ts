/** Where the commits of a SQLite write-ahead log end: the format is SQLite's (file format, section 4). */
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** Byte offsets behind each commit of a log, in order; frames of an older turn of the log are left out. */
export function commitEnds(wal: Buffer): number[] {
  const pageBytes = wal.readUInt32BE(8);
  const salts = wal.subarray(16, 24);
  const ends: number[] = [];
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  for (let at = HEADER_BYTES; at + frameBytes <= wal.length; at += frameBytes) {
    if (!wal.subarray(at + 8, at + 16).equals(salts)) break;
    // the size of the database after a commit; 0 in every other frame
    if (wal.readUInt32BE(at + 4) !== 0) ends.push(at + frameBytes);
  }
  return ends;
}
