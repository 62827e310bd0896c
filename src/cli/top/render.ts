/**
 * What is drawn for a state: a pure function to lines of spans, as many as the terminal has rows.
 */
import { exactToJson } from '../../codec/json/exact-json.ts';
import { otherLine } from '../output/format.ts';
import { localTime } from '../output/pretty.ts';
import { showDuration } from '../duration.ts';
import { cellText } from './cells.ts';
import { detailLines } from './detail.ts';
import type { OnScreen } from './keys.ts';
import { fitLine } from './lines.ts';
import type { Glyphs, Line, Span } from './lines.ts';
import { selectedIndex, visibleEntries } from './model.ts';
import type { Entry, TopState } from './model.ts';
import { KEPT_SECONDS, busiest, rateOf } from './rates.ts';

/** The terminal, and what the drawing depends on besides the state. */
export interface Surface {
  readonly columns: number;
  readonly rows: number;
  readonly glyphs: Glyphs;
  /** Which bus is looked at; one line. */
  readonly title: string;
  /** Of the monotonic clock, in milliseconds. */
  readonly now: number;
}

const RATES_COLUMNS = 36;
const ROOM_FOR_RATES = 96;
/** Data of a longer event is not shown in the list: it would be encoded anew for each frame. */
const LONGEST_PREVIEW = 4096;

/** How the rows are shared out. */
interface Layout {
  readonly header: number;
  readonly body: number;
  readonly footer: number;
  readonly rates: 'none' | 'beside' | 'instead';
}

function layoutOf(state: TopState, { columns, rows }: Surface): Layout {
  const header = rows >= 8 ? 3 : rows >= 4 ? 2 : 1;
  const footer = rows >= 3 ? 1 : 0;
  const wide = columns >= ROOM_FOR_RATES;
  const shown = state.detail === undefined && (state.showRates ?? wide);
  const rates = shown ? (wide ? 'beside' : 'instead') : 'none';
  return { header, footer, body: Math.max(0, rows - header - footer), rates };
}

/** What is on the screen, for the keys. */
export function onScreen(state: TopState, surface: Surface): OnScreen {
  const { body, rates } = layoutOf(state, surface);
  const lines = state.detail === undefined ? 0 : detailLines(state.detail.entry, surface.columns).length;
  return { page: Math.max(1, body), maxScroll: Math.max(0, lines - body), ratesShown: rates !== 'none' };
}

/** The lines of a frame, each of exactly `columns` cells. */
export function renderTop(state: TopState, surface: Surface): readonly Line[] {
  const { columns, rows, glyphs } = surface;
  const layout = layoutOf(state, surface);
  const header = [titleLine(state, surface), countsLine(state, columns), minuteLine(state, surface)].slice(
    0,
    layout.header,
  );
  const footer = layout.footer === 0 ? [] : [footerLine(state)];
  const lines = [...header, ...bodyLines(state, surface, layout), ...footer].slice(0, rows);
  return lines.map((line) => fitLine(line, columns, glyphs.cut));
}

function titleLine(state: TopState, { title, glyphs, now }: Surface): Line {
  const line: Span[] = [{ text: ' ' }, ...linkSpans(state, glyphs, now)];
  if (state.frozen !== undefined) {
    const newest = state.frozen.at(-1)?.seq ?? 0;
    const since = state.list.reduce((sum, entry) => (entry.seq > newest ? sum + 1 : sum), 0);
    line.push({ text: '  ' }, { text: ` PAUSED, ${since} newer `, style: 'inverse' });
  }
  if (state.filter !== undefined) {
    line.push({ text: '  filter ' }, { text: cellText(state.filter.pattern), style: 'key' });
  }
  line.push({ text: `  ${cellText(title)}`, style: 'dim' });
  return line;
}

function linkSpans(state: TopState, glyphs: Glyphs, now: number): readonly Span[] {
  const { link } = state;
  switch (link.name) {
    case 'connecting':
      return [{ text: `${glyphs.lost} connecting`, style: 'warn' }];
    case 'open':
      return [{ text: `${glyphs.open} connected`, style: 'good' }];
    case 'lost': {
      const lasted = showDuration(Math.floor((now - link.since) / 1000) * 1000);
      return [{ text: `${glyphs.lost} disconnected for ${lasted}, trying again`, style: 'bad' }];
    }
  }
}

function countsLine(state: TopState, columns: number): Line {
  const { received, shown, hidden, shed, dropped, gaps, bad, unknownLoss } = state.counts;
  const loss = unknownLoss ? ' (loss unknown)' : '';
  const parts: (Span | undefined)[] = [
    { text: `received ${received}` },
    { text: `dropped ${dropped}`, ...(dropped > 0 ? { style: 'bad' as const } : {}) },
    { text: `gaps ${gaps}${loss}`, ...(gaps > 0 ? { style: 'bad' as const } : {}) },
    { text: `shed ${shed}`, ...(shed > 0 ? { style: 'warn' as const } : {}) },
    { text: `shown ${shown}` },
    state.filter === undefined && hidden === 0 ? undefined : { text: `hidden ${hidden}` },
    bad === 0 ? undefined : { text: `unreadable ${bad}`, style: 'warn' },
  ];
  const between = columns < 72 ? ' ' : '   ';
  return parts
    .filter((part) => part !== undefined)
    .flatMap((part) => [{ text: between === ' ' ? ' ' : between.slice(1) }, part])
    .map((span, index) => (index === 0 ? { text: ' ' } : span));
}

// A second of which nothing is known, one that is a gap, one without events, and one with: four different looks.
function minuteLine(state: TopState, { columns, glyphs }: Surface): Line {
  const { seconds } = state.rates;
  const room = Math.max(0, Math.min(KEPT_SECONDS, columns - 24));
  const kept = room === 0 ? [] : seconds.slice(-room);
  const highest = Math.max(1, ...kept.map((second) => second.count));
  const spans: Span[] = [{ text: ' ' }, { text: ' '.repeat(room - kept.length) }];
  for (const second of kept) {
    if (second.gap) spans.push({ text: glyphs.gap, style: 'bad' });
    else if (second.count === 0) spans.push({ text: glyphs.zero, style: 'dim' });
    else {
      const step = Math.ceil((second.count / highest) * glyphs.bars.length) - 1;
      spans.push({ text: glyphs.bars[step] ?? glyphs.gap, style: 'good' });
    }
  }
  spans.push({ text: `  ${rateText(state, undefined)} events/s` });
  return spans;
}

// While the connection is down nobody knows the rate.
function rateText(state: TopState, prefix: string | undefined): string {
  const rate = state.link.name === 'open' ? rateOf(state.rates, prefix) : undefined;
  if (rate === undefined) return '?';
  return rate >= 100 || rate === 0 ? String(Math.round(rate)) : rate.toFixed(1);
}

function bodyLines(state: TopState, surface: Surface, layout: Layout): readonly Line[] {
  const { body } = layout;
  const { columns, glyphs } = surface;
  if (state.detail !== undefined) {
    const lines = detailLines(state.detail.entry, columns);
    const scroll = Math.min(state.detail.scroll, Math.max(0, lines.length - body));
    return filled(lines.slice(scroll, scroll + body), body);
  }
  if (layout.rates === 'instead') return filled(ratesLines(state, body), body);
  const list = filled(listLines(state, body, glyphs), body);
  if (layout.rates === 'none') return list;
  const left = columns - RATES_COLUMNS - 2;
  const right = filled(ratesLines(state, body), body);
  return list.map((line, row) => [
    ...fitLine(line, left, glyphs.cut),
    { text: ` ${glyphs.edge}`, style: 'dim' },
    ...(right[row] ?? []),
  ]);
}

function filled(lines: readonly Line[], rows: number): readonly Line[] {
  return [...lines, ...Array.from({ length: Math.max(0, rows - lines.length) }, (): Line => [])];
}

function listLines(state: TopState, rows: number, glyphs: Glyphs): readonly Line[] {
  const entries = visibleEntries(state);
  if (entries.length === 0) {
    const text = state.filter === undefined ? ' no events yet' : ' no events that the filter lets through';
    return [[{ text, style: 'dim' }]];
  }
  const at = selectedIndex(entries, state.selected);
  // The newest at the bottom; a chosen one that would be above or below is brought into the middle.
  const follow = Math.max(0, entries.length - rows);
  const top = at >= follow ? follow : Math.max(0, at - Math.floor(rows / 2));
  return entries
    .slice(top, top + rows)
    .map((entry, row) => entryLine(entry, top + row === at, state.selected !== undefined, glyphs));
}

function entryLine(entry: Entry, isSelected: boolean, isChosen: boolean, glyphs: Glyphs): Line {
  const marker: Span = isSelected
    ? { text: glyphs.marker, style: isChosen ? 'inverse' : 'dim' }
    : { text: ' ' };
  const time: Span = { text: `${localTime(entry.at)}  `, style: 'dim' };
  const { item } = entry;
  if (item !== undefined && item.kind !== 'event') {
    return [marker, time, { text: cellText(otherLine(item)), style: item.kind === 'gap' ? 'bad' : 'warn' }];
  }
  const tag: Span = {
    text: cellText(entry.tag ?? '(no tag)'),
    style: isSelected && isChosen ? 'inverse' : 'tag',
  };
  return [marker, time, tag, { text: `  ${preview(entry)}`, style: 'dim' }];
}

function preview(entry: Entry): string {
  if (entry.item?.kind !== 'event' || entry.size > LONGEST_PREVIEW) return `(${entry.size} bytes)`;
  return cellText(exactToJson(entry.item.exact));
}

function ratesLines(state: TopState, rows: number): readonly Line[] {
  const head: Line = [{ text: '    rate/s    total  tags', style: 'dim' }];
  const lines = busiest(state.rates)
    .slice(0, Math.max(0, rows - 1))
    .map(({ prefix, total }): Line => [
      { text: rateText(state, prefix).padStart(10) },
      { text: String(total).padStart(9) },
      { text: '  ' },
      { text: cellText(prefix), style: 'tag' },
    ]);
  return [head, ...lines].slice(0, rows);
}

function footerLine(state: TopState): Line {
  if (state.box !== undefined) {
    const line: Span[] = [
      { text: ' filter: ', style: 'inverse' },
      { text: ' ' },
      { text: cellText(state.box.text) },
      { text: ' ', style: 'inverse' },
    ];
    line.push(
      state.box.error === undefined
        ? { text: '   a prefix, or a glob with * ? [ ]; Enter sets it, Esc leaves it', style: 'dim' }
        : { text: `   ${cellText(state.box.error)}`, style: 'bad' },
    );
    return line;
  }
  const keys =
    state.detail === undefined
      ? ' space pause  / filter  enter detail  r rates  up down move  end follow  q quit'
      : ' esc back  up down scroll  space pause';
  return [{ text: keys, style: 'dim' }];
}
