/**
 * The spool as it is written: a table for a person, JSON or YAML for a program.
 */
import { stringify } from 'yaml';
import { exactToJson } from '../../codec/json/exact-json.ts';
import { decodeExact } from '../../codec/msgpack/decode.ts';
import type { Figures, SpoolItem } from '../../control/index.ts';
import { showDuration } from '../duration.ts';
import { oneLine, safeJson } from '../terminal.ts';

/** The forms of output. */
export type SpoolForm = 'text' | 'json' | 'yaml';

/** Writes data for a program. */
export function showData(data: unknown, form: 'json' | 'yaml'): string {
  return form === 'json' ? `${safeJson(JSON.stringify(data))}\n` : stringify(data, { lineWidth: 0 });
}

/** A list of entries; `depth` is how many there are in all. */
export function showItems(items: readonly SpoolItem[], depth: number, form: SpoolForm, now: number): string {
  if (form !== 'text') return showData({ items: items.map(plainItem), depth }, form);
  if (items.length === 0) return 'The spool is empty.\n';
  const rows = [
    ['ID', 'PRIORITY', 'STATE', 'AGE', 'SIZE', 'TRIES', 'TAGS'],
    ...items.map((item) => [
      oneLine(item.id),
      String(item.priority),
      item.state,
      showDuration(Math.max(0, now - item.arrivedAt)),
      String(item.size),
      String(item.tries),
      tagsOf(item),
    ]),
  ];
  const rest = depth > items.length ? `${depth - items.length} more are not shown\n` : '';
  return columns(rows) + rest;
}

/** One entry with its package. */
export function showItem(item: SpoolItem, form: SpoolForm, now: number): string {
  const load = item.package === undefined ? 'null' : exactToJson(decodeExact(item.package));
  if (form === 'json') {
    const head = JSON.stringify(plainItem(item));
    return `${safeJson(`${head.slice(0, -1)},"package":${load}}`)}\n`;
  }
  if (form === 'yaml')
    return stringify([{ ...plainItem(item), package: JSON.parse(load) as unknown }], { lineWidth: 0 });
  const expires = item.expiresAt === null ? 'never' : `in ${showDuration(Math.max(0, item.expiresAt - now))}`;
  return columns([
    ['id', oneLine(item.id)],
    ['lane', oneLine(item.lane)],
    ['priority', String(item.priority)],
    ['kind', item.kind],
    ['state', item.state],
    ['age', showDuration(Math.max(0, now - item.arrivedAt))],
    ['expires', expires],
    ['size', `${item.size} bytes`],
    ['tries', String(item.tries)],
    ['package', safeJson(load)],
  ]);
}

/** The figures: one a line, then a table by priority. */
export function showFigures(figures: Figures, form: SpoolForm): string {
  if (form !== 'text') return showData(figures, form);
  const { priorities, oldestMs, ...total } = figures;
  const lines = Object.entries(total).map(([name, value]) => [name, oneLine(JSON.stringify(value))]);
  lines.splice(1, 0, ['oldest', showDuration(Number(oldestMs ?? 0))]);
  let text = columns(lines);
  if (!Array.isArray(priorities) || priorities.length === 0) return text;
  const names = ['priority', 'depth', 'bytes', 'spooled', 'sent', 'retried', 'refused', 'dropped', 'expired'];
  const rows = (priorities as readonly Readonly<Record<string, number>>[]).map((one) =>
    names.map((name) => String(one[name] ?? 0)),
  );
  text += `\n${columns([names.map((name) => name.toUpperCase()), ...rows])}`;
  return text;
}

function plainItem({
  id,
  lane,
  priority,
  kind,
  state,
  arrivedAt,
  expiresAt,
  size,
  tries,
  tags,
}: SpoolItem): object {
  return { id, lane, priority, kind, state, arrivedAt, expiresAt, size, tries, tags };
}

function tagsOf({ tags, kind }: SpoolItem): string {
  const shown = tags.map(oneLine).join(' ');
  return kind === 'list' ? `[${shown}]` : shown;
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows
    .map(
      (row) =>
        `${row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  ')}\n`,
    )
    .join('');
}
