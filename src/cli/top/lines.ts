/**
 * Lines of spans: text with a look, measured in cells.
 */
import { cellWidth, cutToCells } from './cells.ts';

/** How a span looks. */
export type Style = 'tag' | 'key' | 'dim' | 'warn' | 'bad' | 'good' | 'inverse';

/** Text of one look. It holds nothing that a terminal acts on: `cellText()` has seen all that came from outside. */
export interface Span {
  readonly text: string;
  readonly style?: Style;
}

/** One row. */
export type Line = readonly Span[];

/** The characters that are drawn besides text. */
export interface Glyphs {
  /** Stands where something was cut off; one cell. */
  readonly cut: string;
  readonly open: string;
  readonly lost: string;
  readonly marker: string;
  readonly edge: string;
  /** A second in which events may be missing. */
  readonly gap: string;
  /** A second without events. */
  readonly zero: string;
  /** A second with events, few to many. */
  readonly bars: readonly string[];
}

const UNICODE: Glyphs = {
  cut: '\u2026',
  open: '\u25cf',
  lost: '\u2717',
  marker: '>',
  edge: '\u2502',
  gap: '\u2573',
  zero: '\u00b7',
  bars: ['\u2581', '\u2582', '\u2583', '\u2584', '\u2585', '\u2586', '\u2587', '\u2588'],
};

const ASCII: Glyphs = {
  cut: '~',
  open: '*',
  lost: 'x',
  marker: '>',
  edge: '|',
  gap: 'X',
  zero: '.',
  bars: ['_', '-', '=', '#'],
};

/** The characters that the terminal of this environment can show. */
export function glyphsFor(env: NodeJS.ProcessEnv): Glyphs {
  // The first that is set decides, as for the C library.
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find(
    (value) => value !== undefined && value !== '',
  );
  return /utf-?8/i.test(locale ?? '') ? UNICODE : ASCII;
}

/** The line cut or filled up to exactly `width` cells. */
export function fitLine(line: Line, width: number, mark: string): Line {
  const fitted: Span[] = [];
  let left = width;
  for (const span of line) {
    const cells = cellWidth(span.text);
    if (cells <= left) {
      fitted.push(span);
      left -= cells;
      continue;
    }
    const text = cutToCells(span.text, left, mark);
    fitted.push({ ...span, text });
    left -= cellWidth(text);
    break;
  }
  if (left > 0) fitted.push({ text: ' '.repeat(left) });
  return fitted;
}

/** The text of a line without its looks. */
export function lineText(line: Line): string {
  return line.map((span) => span.text).join('');
}
