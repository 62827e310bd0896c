/**
 * Text in a command that a reader copies into a shell.
 */

/** The text as one word of a shell: as it is, or between apostrophes where a shell could take it for something else. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9._-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
