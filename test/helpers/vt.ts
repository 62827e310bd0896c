/** The screen of a terminal that understands what `top` sends, and throws at anything else. */
const SEQUENCE = /\u001b\[(\??)([\d;]*)([A-Za-z])/y;

/** A screen. */
export class VirtualScreen {
  readonly #columns: number;
  readonly #rows: number;
  #cells: string[][];
  #row = 0;
  #column = 0;
  /** Private modes that were set and not reset. */
  readonly modes: Set<string> = new Set<string>();

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
    this.#cells = this.#blank();
  }

  #blank(): string[][] {
    return Array.from({ length: this.#rows }, () => Array.from({ length: this.#columns }, () => ' '));
  }

  /** The rows, without spaces at their ends. */
  get lines(): string[] {
    return this.#cells.map((row) => row.join('').trimEnd());
  }

  /** Takes what was sent. */
  write(text: string): void {
    for (let at = 0; at < text.length; at += 1) {
      if (text[at] !== '\u001b') {
        this.#put(text[at] ?? '');
        continue;
      }
      SEQUENCE.lastIndex = at;
      const match = SEQUENCE.exec(text);
      if (match === null) throw new Error(`An unknown sequence: ${JSON.stringify(text.slice(at, at + 10))}`);
      this.#act(match[1] === '?', match[2] ?? '', match[3] ?? '');
      at += match[0].length - 1;
    }
  }

  #put(character: string): void {
    if (character < ' ') throw new Error(`A control character: ${JSON.stringify(character)}`);
    const row = this.#cells[this.#row];
    if (row === undefined || this.#column >= this.#columns) throw new Error('Text beyond the edge');
    row[this.#column] = character;
    this.#column += 1;
  }

  #act(isPrivate: boolean, parameters: string, final: string): void {
    if (isPrivate && final === 'h') this.modes.add(parameters);
    else if (isPrivate && final === 'l') this.modes.delete(parameters);
    else if (final === 'H') {
      const [row = 1, column = 1] = parameters.split(';').map(Number);
      this.#row = row - 1;
      this.#column = column - 1;
    } else if (final === 'J' && parameters === '2') this.#cells = this.#blank();
    else if (final === 'K' && parameters === '2') {
      this.#cells[this.#row] = Array.from({ length: this.#columns }, () => ' ');
    } else if (final !== 'm') throw new Error(`An unknown sequence: ${parameters}${final}`);
  }
}
