/**
 * What a terminal is shown: text without control characters, and colours only where they are wanted.
 */

// C0 and C1 controls, DEL, line and paragraph separators, and the marks that change the direction of writing: an event
// must not be able to move the cursor or to make text look like other text.
// eslint-disable-next-line no-control-regex -- control characters are what it is about
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
// Of these, what JSON.stringify leaves as it is.
const UNSAFE_IN_JSON = /[\u007f-\u009f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function escapeOne(character: string): string {
  return SHORT.get(character) ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Text on one line with every control character escaped. */
export function oneLine(text: string): string {
  return text.replace(UNSAFE, escapeOne);
}

/** JSON text with the same meaning in which nothing can move the cursor of a terminal. */
export function safeJson(json: string): string {
  return json.replace(UNSAFE_IN_JSON, escapeOne);
}

/** Whether text holds a character that {@link oneLine} escapes. */
export function hasUnsafe(text: string): boolean {
  return text.search(UNSAFE) !== -1;
}

/** Text of several lines, each without control characters. */
export function safeLines(text: string): string {
  return text.split('\n').map(oneLine).join('\n');
}

/** Colours, or nothing where they are off. */
export interface Paint {
  readonly tag: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly key: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

function painter(code: string): (text: string) => string {
  return (text) => `\u001b[${code}m${text}\u001b[0m`;
}

const plain = (text: string): string => text;

/** No colours. */
export const plainPaint: Paint = { tag: plain, dim: plain, warn: plain, key: plain, good: plain, bad: plain };

/** Whether a stream is shown colours: not when it is no terminal, with `--no-color`, or with `NO_COLOR` in the environment. */
export function hasColor(stream: { readonly isTTY?: boolean }, color: boolean): boolean {
  const noColor = process.env['NO_COLOR'];
  return (
    color &&
    stream.isTTY === true &&
    (noColor === undefined || noColor === '') &&
    process.env['TERM'] !== 'dumb'
  );
}

/** The colours for a stream, if it is shown any. */
export function paintFor(stream: { readonly isTTY?: boolean }, color: boolean): Paint {
  return hasColor(stream, color)
    ? {
        tag: painter('1;36'),
        dim: painter('2'),
        warn: painter('33'),
        key: painter('34'),
        good: painter('32'),
        bad: painter('1;31'),
      }
    : plainPaint;
}
