/**
 * Commands and their output in pages of the documentation.
 *
 * A fenced block whose first line begins with `$ saltbus` is run by bash, command by command: `$ ` begins a command, a `\` at its end goes on
 * with the next line, and what follows is what it prints (stdout and stderr). A line `...` stands for any lines. `$ echo $?` prints the exit
 * code of the command before it. What a command prints that runs in the background (`&`) is shown below the command that made it print; the
 * order of lines is then not compared. A block that is not to be run begins with another line.
 */

/** One command and what it is to print. */
export interface DocCommand {
  readonly text: string;
  readonly output: readonly string[];
  /** 1-based line in the page. */
  readonly line: number;
}

/** The blocks of a page that are to be run. */
export function blocksOf(page: string): readonly (readonly DocCommand[])[] {
  const blocks: DocCommand[][] = [];
  const lines = page.split('\n');
  for (let at = 0; at < lines.length; at += 1) {
    if (!/^```\w*$/.test(lines[at] ?? '')) continue;
    const end = lines.indexOf('```', at + 1);
    if (end === -1) break;
    if (lines[at + 1]?.startsWith('$ saltbus ') === true)
      blocks.push(commandsOf(lines.slice(at + 1, end), at + 2));
    at = end;
  }
  return blocks;
}

function commandsOf(lines: readonly string[], firstLine: number): DocCommand[] {
  const commands: { text: string; output: string[]; line: number }[] = [];
  let goesOn = false;
  lines.forEach((line, index) => {
    const last = commands.at(-1);
    if (goesOn && last !== undefined) last.text += `\n${line}`;
    else if (line.startsWith('$ '))
      commands.push({ text: line.slice(2), output: [], line: firstLine + index });
    else last?.output.push(line);
    goesOn = (goesOn || line.startsWith('$ ')) && line.endsWith('\\');
  });
  return commands;
}

/** What is the same on every machine: times, durations, random names and the width of columns are masked. */
export function masked(line: string): string {
  return (
    line
      .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)?/g, 'TIME')
      .replace(/\b\d\d:\d\d:\d\d\.\d+/g, 'TIME')
      .replace(/\b\d+(?:\.\d+)? (?:ms|s)\b/g, 'DURATION')
      .replace(/[\w./-]*\/(minion|master)_event_(?:\w+_)?(pub|pull)\.ipc/g, '$1-$2')
      .replace(/\b(?:[0-9a-f]{2}:){31}[0-9a-f]{2}\b/g, 'FINGERPRINT')
      .replace(/"ts": ?\d+/g, '"ts":TS')
      // a listener that has just ended may still be counted
      .replace(/"subscribers":\d+/g, '"subscribers":N')
      .replace(/"dialect":"[\d.]+"/g, '"dialect":"RELEASE"')
      .replace(/\b\d+ of (\d+) bytes/g, 'N of $1 bytes')
      .replace(/\b\d{20}\b/g, 'JID')
      .replace(/\b[0-9a-f]{16}\b/g, 'NONCE')
      .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'ID')
      .replace(/("?pid"?[:=] ?)\d+/g, '$1PID')
      .replace(/\s+/g, ' ')
      .trimEnd()
  );
}

/** Whether lines are as they are shown, where `...` stands for any number of lines. */
export function isShown(shown: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = shown;
  if (first === undefined) return actual.length === 0;
  if (first === '...') {
    return rest.length === 0 || actual.some((_, at) => isShown(rest, actual.slice(at)));
  }
  const [line, ...others] = actual;
  return line !== undefined && masked(line) === masked(first) && isShown(rest, others);
}

/** Whether lines are the ones that are shown, in any order. */
export function isShownInAnyOrder(shown: readonly string[], actual: readonly string[]): boolean {
  return isShown(shown.map(masked).sort(), actual.map(masked).sort());
}
