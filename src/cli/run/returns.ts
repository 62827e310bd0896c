/**
 * How returns of a job are written: one function per form.
 */
import { exactToJson } from '../../codec/json/exact-json.ts';
import { pythonJson } from '../../codec/json/python-json.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import type { JobReturn } from '../../client/run/job-return.ts';
import { pythonText } from '../../target/index.ts';
import { nested } from '../output/nested.ts';
import { exactToYaml } from '../output/yaml.ts';
import { oneLine, safeJson } from '../terminal.ts';
import type { Paint } from '../terminal.ts';

/** The forms. */
export const RETURN_FORMS = ['pretty', 'json', 'ndjson', 'yaml', 'txt'] as const;

/** One of them. */
export type ReturnForm = (typeof RETURN_FORMS)[number];

/** Somebody who did not answer. */
export interface NoReturn {
  readonly id: string;
  readonly jid: string;
}

/** What is written: the return of a minion, or that there is none. */
export type ReturnRow =
  { readonly kind: 'return'; readonly item: JobReturn } | { readonly kind: 'none'; readonly none: NoReturn };

/** As Salt's command line says it (3006.30, 3007.17, 3008.5). */
export function noReturnText(jid: string): string {
  return (
    'Minion did not return. [No response]\nThe minions may not have all finished running and any remaining minions will return upon ' +
    `completion. To look up the return data for this job later, run the following command:\n\nsalt-run jobs.lookup_jid ${jid}`
  );
}

/** Rows as text, with a line feed at the end; several at once for `--static`. */
export function showReturns(
  form: ReturnForm,
  rows: readonly ReturnRow[],
  paint: Paint,
  onTerminal: boolean = process.stdout.isTTY,
): string {
  switch (form) {
    case 'pretty':
      return rows.map((row) => pretty(row, paint)).join('');
    case 'json':
      return `${indented(pythonJson(byId(rows)))}\n`;
    case 'ndjson':
      return rows.map((row) => `${ndjson(row)}\n`).join('');
    case 'yaml':
      return exactToYaml(byId(rows));
    case 'txt':
      return rows.map((row) => txt(row, onTerminal ? oneLine : (line) => line)).join('');
  }
}

/** Whose row it is. */
export function idOf(row: ReturnRow): string {
  return row.kind === 'return' ? row.item.id : row.none.id;
}

function valueOf(row: ReturnRow): ExactValue {
  return row.kind === 'return' ? row.item.exact : noReturnText(row.none.jid);
}

function byId(rows: readonly ReturnRow[]): ReadonlyMap<ExactValue, ExactValue> {
  return new Map(rows.map((row) => [idOf(row), valueOf(row)]));
}

function pretty(row: ReturnRow, paint: Paint): string {
  if (row.kind === 'return') {
    return `${nested(byId([row]), { paint, isFailed: row.item.retcode !== 0 })}\n`;
  }
  const lines = noReturnText(row.none.jid)
    .split('\n')
    .map((line) => `    ${paint.bad(line)}`.trimEnd());
  return [`${paint.key(oneLine(row.none.id))}:`, ...lines, ''].join('\n');
}

function ndjson(row: ReturnRow): string {
  if (row.kind === 'none') return JSON.stringify({ id: row.none.id, jid: row.none.jid, answered: false });
  const { item } = row;
  const { id, jid, retcode, success } = item;
  const parts = [
    `"id":${JSON.stringify(id)}`,
    `"jid":${JSON.stringify(jid)}`,
    '"answered":true',
    `"fun":${exactToJson(item.event.exact.get('fun') ?? null)}`,
    `"retcode":${retcode}`,
    ...(success === undefined ? [] : [`"success":${success}`]),
    ...(item.expected ? [] : ['"expected":false']),
    `"return":${exactToJson(item.exact)}`,
  ];
  return safeJson(`{${parts.join(',')}}`);
}

// What commands print goes into a pipe as it is; on a terminal no return may move the cursor.
function txt(row: ReturnRow, shown: (line: string) => string): string {
  const value = valueOf(row);
  const id = oneLine(idOf(row));
  const lines = typeof value === 'string' ? value.split(/\r\n|[\n\r]/) : [pythonText(value)];
  if (typeof value === 'string' && lines.at(-1) === '') lines.pop();
  return lines.map((line) => `${id}: ${shown(line)}\n`).join('');
}

/** JSON text with line feeds and four blanks for each level, as Python's `json.dumps(indent=4)` does it. */
export function indented(json: string): string {
  let out = '';
  let depth = 0;
  const newLine = (): string => `\n${'    '.repeat(depth)}`;
  // strings, brackets with what is empty between them, and what separates
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|\{\}|\[\]|[[\]{}]|, |: |[^"[\]{},:\s]+/g)) {
    if (token === '{' || token === '[') {
      depth += 1;
      out += token + newLine();
    } else if (token === '}' || token === ']') {
      depth -= 1;
      out += newLine() + token;
    } else out += token === ', ' ? `,${newLine()}` : token;
  }
  return safeJson(out);
}
