/**
 * How many cells of a terminal a text takes, and texts cut to a number of cells.
 */
import { oneLine } from '../terminal.ts';

// Characters that no cell shows but that change how others look, or are not there to see: shown by their number.
const INVISIBLE = /[\p{Cf}\p{Co}\p{Cs}\u115f\u1160\u3164\uffa0]/gu;
const ZERO = /^[\p{Mn}\p{Me}\u1160-\u11ff]$/u;
// East Asian Wide and Fullwidth of Unicode 15, in coarse ranges, and what is shown as an emoji by itself.
const WIDE =
  /^(?:[\u1100-\u115e\u231a\u231b\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f251}\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})$/u;
const PLAIN = /^[\x20-\x7e]*$/;
/** Marks on one letter that are shown; a letter can be given thousands. */
const MOST_MARKS = 4;

/** Text that takes no other cells than it seems to: on one line, without controls, invisible and formatting characters. */
export function cellText(text: string): string {
  const line = oneLine(text);
  if (PLAIN.test(line)) return line;
  return line.replace(
    INVISIBLE,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

function widthOf(character: string): number {
  if (character <= '\u02ff') return 1;
  if (ZERO.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** The cells that a text takes; the text is one that {@link cellText} has made. */
export function cellWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

/** The text cut to at most `width` cells, with `mark` (one cell) as its last when something was cut. */
export function cutToCells(text: string, width: number, mark: string): string {
  if (PLAIN.test(text)) {
    if (text.length <= width) return text;
    return width < 1 ? '' : text.slice(0, width - 1) + mark;
  }
  let used = 0;
  let marks = 0;
  // Where the text ends if the mark has to stand behind it.
  let kept = '';
  let all = '';
  for (const character of text) {
    const cells = widthOf(character);
    marks = cells === 0 ? marks + 1 : 0;
    if (marks > MOST_MARKS) continue;
    if (used + cells > width) return width < 1 ? '' : kept + mark;
    used += cells;
    all += character;
    if (used < width) kept = all;
  }
  return all;
}

/** The text in lines of at most `width` cells, and no more than `most` of them. */
export function wrapToCells(text: string, width: number, most: number): readonly string[] {
  const lines: string[] = [];
  if (PLAIN.test(text)) {
    for (let at = 0; at < text.length && lines.length < most; at += width)
      lines.push(text.slice(at, at + width));
    return lines.length === 0 ? [''] : lines;
  }
  let line = '';
  let used = 0;
  let marks = 0;
  for (const character of text) {
    const cells = widthOf(character);
    marks = cells === 0 ? marks + 1 : 0;
    if (marks > MOST_MARKS) continue;
    if (used + cells > width && line !== '') {
      lines.push(line);
      if (lines.length === most) return lines;
      line = '';
      used = 0;
    }
    line += character;
    used += cells;
  }
  lines.push(line);
  return lines;
}
