/**
 * Frames as what a terminal is sent: only the rows that changed, each placed for itself, so that a character that
 * is wider than was thought disturbs no other row.
 */
import type { Line, Style } from './lines.ts';

const ESC = '\u001b';
/** Other screen, no cursor, no wrapping at the edge. */
export const ENTER_SCREEN: string = `${ESC}[?1049h${ESC}[?25l${ESC}[?7l${ESC}[2J`;
/** All of that undone. */
export const LEAVE_SCREEN: string = `${ESC}[0m${ESC}[?7h${ESC}[?25h${ESC}[?1049l`;

const COLOURS: Readonly<Record<Style, string>> = {
  tag: '36',
  key: '34',
  dim: '2',
  warn: '33',
  bad: '1;31',
  good: '32',
  inverse: '7',
};

// NO_COLOR is about colours: what is bold or inverse stays so.
const ATTRIBUTES: Readonly<Record<Style, string>> = {
  tag: '',
  key: '',
  dim: '',
  warn: '1',
  bad: '1',
  good: '',
  inverse: '7',
};

function rowText(line: Line, codes: Readonly<Record<Style, string>>): string {
  let text = '';
  for (const span of line) {
    const code = span.style === undefined ? '' : codes[span.style];
    text += code === '' ? span.text : `${ESC}[${code}m${span.text}${ESC}[0m`;
  }
  return text;
}

/** Remembers what is on the screen. */
export class Screen {
  readonly #codes: Readonly<Record<Style, string>>;
  #rows: readonly string[] = [];

  constructor(options: { readonly color: boolean }) {
    this.#codes = options.color ? COLOURS : ATTRIBUTES;
  }

  /** Forgets what is on the screen: the next frame is sent whole. */
  clear(): void {
    this.#rows = [];
  }

  /** What turns the present screen into these lines; '' when nothing changes. */
  update(lines: readonly Line[]): string {
    const rows = lines.map((line) => rowText(line, this.#codes));
    let sent = this.#rows.length === 0 ? `${ESC}[2J` : '';
    for (const [row, text] of rows.entries()) {
      // The row is emptied first: after its last cell the cursor stands on that cell, and would take it along.
      if (text !== this.#rows[row]) sent += `${ESC}[${row + 1};1H${ESC}[2K${text}`;
    }
    this.#rows = rows;
    return sent;
  }
}
