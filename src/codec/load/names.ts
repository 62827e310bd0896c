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
 * Whether the text can be the id of a minion: a file name that stays where it is put. It has no slash, backslash or control
 * character, does not begin with a dot (Salt leaves dot files out when it lists keys), and has at most 255 bytes.
 */
export function isMinionId(text: string): boolean {
  return (
    isShort(text) && !text.startsWith('.') && !/[/\\]/.test(text) && !hasControl(text) && text.isWellFormed()
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
