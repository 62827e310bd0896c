/**
 * Names that come from the network and from which others build paths: what may be one is decided here, before that.
 */

const MOST_BYTES = 255;

function isShort(text: string): boolean {
  return text !== '' && text.length <= MOST_BYTES && Buffer.byteLength(text) <= MOST_BYTES;
}

function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || unit === 0x7f) return true;
  }
  return false;
}

/**
 * Whether something can be the id of a minion, which is the name of its key's file.
 *
 * As Salt (3006.30 to 3008.5): no slash or backslash, no NUL, and a direct child of the directory. Stricter than Salt: no name that begins
 * with a dot, which no listing shows; no control character; and no more bytes than a file name has.
 */
export function isMinionId(id: unknown): id is string {
  return (
    typeof id === 'string' &&
    isShort(id) &&
    !id.startsWith('.') &&
    !/[/\\]/.test(id) &&
    !hasControl(id) &&
    id.isWellFormed()
  );
}

const JID = /^\d{20}(?:_\d{1,10})?$/;

/** Whether the text is a job id: 20 digits, with `_` and a process id where `unique_jid` is set. */
export function isJid(text: string): boolean {
  return JID.test(text);
}

/**
 * Whether the text can name an environment of the file server. Branch names with slashes can, parts such as `..` cannot
 * (CVE-2025-22240).
 */
export function isSaltenv(text: string): boolean {
  return (
    isShort(text) &&
    !text.includes('\\') &&
    !hasControl(text) &&
    text.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

/** Whether the text can be one component of a path. */
export function isPathComponent(text: string): boolean {
  return isShort(text) && text !== '.' && text !== '..' && !/[/\\]/.test(text) && !hasControl(text);
}
