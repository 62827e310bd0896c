/**
 * What `saltbus top` knows, and how it changes: a pure function from state and input to state.
 *
 * *Dropped* are events that the queue of the subscription had no room for; *shed* are events that went through the view
 * faster than it was drawn; *hidden* are events that the filter box keeps out. The three are counted apart.
 */
import type { BusItem } from '../../bus/queue.ts';
import type { TagMatch } from '../../match/index.ts';
import { NO_RATES, advance, count, markGap, prefixOf } from './rates.ts';
import type { Rates } from './rates.ts';

/** Most entries of the list. */
export const MOST_ENTRIES = 1000;
/** Most bytes of events in the list. */
export const MOST_BYTES: number = 16 * 1024 * 1024;
/** The data of a longer event is not kept. */
export const LONGEST_KEPT: number = 1024 * 1024;

/** One line of the list. */
export interface Entry {
  /** Counts up from 1. */
  readonly seq: number;
  readonly kind: BusItem['kind'];
  /** `undefined` for a gap, and where none could be read. */
  readonly tag: string | undefined;
  /** When it came, in milliseconds since 1970. */
  readonly at: number;
  /** Bytes as they came. */
  readonly size: number;
  /** `undefined` when it was too long to be kept. */
  readonly item: BusItem | undefined;
}

/** Where the connection to the publish socket stands, as the socket tells it. `since`: of the monotonic clock. */
export type LinkView =
  | { readonly name: 'connecting' }
  | { readonly name: 'open'; readonly since: number }
  | { readonly name: 'lost'; readonly since: number };

/** Numbers since the beginning. */
export interface TopCounts {
  /** Events that came to the view. */
  readonly received: number;
  /** Those that were in the list when it was drawn. */
  readonly shown: number;
  readonly hidden: number;
  readonly shed: number;
  readonly dropped: number;
  readonly bad: number;
  readonly gaps: number;
  /** Whether a gap was among them of which nobody knows how many events it has cost. */
  readonly unknownLoss: boolean;
}

/** The filter box while it is open. */
export interface FilterBox {
  readonly text: string;
  /** What is wrong with the text. */
  readonly error: string | undefined;
}

/** All that is drawn. */
export interface TopState {
  readonly link: LinkView;
  readonly counts: TopCounts;
  /** Oldest first. */
  readonly list: readonly Entry[];
  readonly listBytes: number;
  readonly nextSeq: number;
  /** The newest entry that was in the list when it was drawn. */
  readonly drawnSeq: number;
  /** The list as it stood when the view was paused. */
  readonly frozen: readonly Entry[] | undefined;
  readonly filter: TagMatch | undefined;
  readonly box: FilterBox | undefined;
  /** The chosen entry; `undefined`: the newest, whichever that is. */
  readonly selected: number | undefined;
  readonly detail: { readonly entry: Entry; readonly scroll: number } | undefined;
  readonly rates: Rates;
  /** Whether the rates are shown; `undefined`: where there is room. */
  readonly showRates: boolean | undefined;
  readonly quit: boolean;
}

/** What can happen, besides keys. `now` is of a monotonic clock, in milliseconds. */
export type TopInput =
  | { readonly type: 'items'; readonly items: readonly BusItem[]; readonly now: number }
  /** The socket was opened or lost. */
  | { readonly type: 'link'; readonly name: 'open' | 'lost'; readonly now: number }
  /** What the queue has dropped so far. */
  | { readonly type: 'dropped'; readonly dropped: number; readonly now: number }
  | { readonly type: 'tick'; readonly now: number }
  /** The present state was drawn. */
  | { readonly type: 'drawn' };

/** The beginning. */
export const START: TopState = {
  link: { name: 'connecting' },
  counts: {
    received: 0,
    shown: 0,
    hidden: 0,
    shed: 0,
    dropped: 0,
    bad: 0,
    gaps: 0,
    unknownLoss: false,
  },
  list: [],
  listBytes: 0,
  nextSeq: 1,
  drawnSeq: 0,
  frozen: undefined,
  filter: undefined,
  box: undefined,
  selected: undefined,
  detail: undefined,
  rates: NO_RATES,
  showRates: undefined,
  quit: false,
};

/** The state after an input. */
export function nextTop(state: TopState, input: TopInput): TopState {
  switch (input.type) {
    case 'items':
      return takeItems(state, input.items, input.now);
    case 'link':
      return { ...state, ...link(state, input.name, input.now) };
    case 'dropped': {
      if (input.dropped === state.counts.dropped) return state;
      const rates = markGap(advance(state.rates, input.now, isKnown(state)), input.now);
      return { ...state, rates, counts: { ...state.counts, dropped: input.dropped } };
    }
    case 'tick':
      return { ...state, rates: advance(state.rates, input.now, isKnown(state)) };
    case 'drawn':
      return drawn(state);
  }
}

function isKnown(state: TopState): boolean {
  return state.link.name === 'open';
}

function link(state: TopState, name: 'open' | 'lost', now: number): Pick<TopState, 'link' | 'rates'> {
  const rates = advance(state.rates, now, isKnown(state));
  if (name === 'open') {
    if (isKnown(state)) return { link: state.link, rates };
    // The second in which the connection came back began without it.
    const known = state.link.name === 'lost' ? markGap(rates, now) : advance(rates, now, true);
    return { link: { name, since: now }, rates: known };
  }
  if (state.link.name !== 'open') return { link: state.link, rates };
  return { link: { name, since: now }, rates: markGap(rates, now) };
}

function drawn(state: TopState): TopState {
  const newest = state.nextSeq - 1;
  if (state.frozen !== undefined || state.drawnSeq === newest) return state;
  let shown = 0;
  for (let at = state.list.length - 1; at >= 0; at -= 1) {
    const entry = state.list[at];
    if (entry === undefined || entry.seq <= state.drawnSeq) break;
    if (entry.kind === 'event') shown += 1;
  }
  return {
    ...state,
    drawnSeq: newest,
    counts: { ...state.counts, shown: state.counts.shown + shown },
  };
}

function takeItems(state: TopState, items: readonly BusItem[], now: number): TopState {
  const { filter } = state;
  const prefixes = new Map<string, number>();
  let { received, hidden, bad, gaps, unknownLoss, shed } = state.counts;
  let rates = advance(state.rates, now, isKnown(state));
  let seq = state.nextSeq;
  let added: Entry[] = [];
  for (const item of items) {
    if (item.kind === 'event') {
      received += 1;
      const prefix = prefixOf(item.tag);
      prefixes.set(prefix, (prefixes.get(prefix) ?? 0) + 1);
      if (filter?.test(item.tag) === false) {
        hidden += 1;
        continue;
      }
    } else if (item.kind === 'gap') {
      gaps += 1;
      unknownLoss ||= item.dropped === undefined;
      rates = markGap(rates, now - Math.max(0, item.until - item.since));
    } else bad += 1;
    added.push(entryOf(item, seq));
    seq += 1;
    // A great batch is not turned into entries all at once.
    if (added.length >= 2 * MOST_ENTRIES) {
      shed += added.slice(0, -MOST_ENTRIES).filter((entry) => entry.kind === 'event').length;
      added = added.slice(-MOST_ENTRIES);
    }
  }
  const trimmed = trim([...state.list, ...added], state.listBytes + bytesOf(added), state.drawnSeq);
  return {
    ...state,
    list: trimmed.list,
    listBytes: trimmed.bytes,
    nextSeq: seq,
    rates: count(rates, prefixes),
    counts: { ...state.counts, received, hidden, bad, gaps, unknownLoss, shed: shed + trimmed.shed },
  };
}

function entryOf(item: BusItem, seq: number): Entry {
  if (item.kind === 'gap') {
    return { seq, kind: 'gap', tag: undefined, at: item.until, size: 0, item };
  }
  const size = item.raw.length;
  const kept = size > LONGEST_KEPT ? undefined : item;
  return { seq, kind: item.kind, tag: item.tag, at: item.receivedAt, size, item: kept };
}

function keptBytes(entry: Entry): number {
  return entry.item === undefined ? 0 : entry.size;
}

function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + keptBytes(entry), 0);
}

// The oldest go first. Those that no frame has shown are shed.
function trim(
  entries: readonly Entry[],
  bytes: number,
  drawnSeq: number,
): { readonly list: readonly Entry[]; readonly bytes: number; readonly shed: number } {
  let left = bytes;
  let from = 0;
  let shed = 0;
  while (entries.length - from > MOST_ENTRIES || (left > MOST_BYTES && entries.length - from > 1)) {
    const entry = entries[from];
    if (entry === undefined) break;
    left -= keptBytes(entry);
    if (entry.kind === 'event' && entry.seq > drawnSeq) shed += 1;
    from += 1;
  }
  return { list: from === 0 ? entries : entries.slice(from), bytes: left, shed };
}

/** The entries that are drawn: the present ones, or those of the moment of the pause. */
export function visibleEntries(state: TopState): readonly Entry[] {
  return state.frozen ?? state.list;
}

/** Where the chosen entry stands in a list; the oldest when it has gone, the newest when none is chosen; -1 in an empty list. */
export function selectedIndex(entries: readonly Entry[], selected: number | undefined): number {
  if (selected === undefined) return entries.length - 1;
  const at = entries.findIndex((entry) => entry.seq >= selected);
  return at === -1 ? entries.length - 1 : at;
}

/** Puts a filter in place: entries that it keeps out leave the list, and are counted as hidden when no frame has shown them. */
export function withFilter(state: TopState, filter: TagMatch | undefined): TopState {
  const passes = (entry: Entry): boolean =>
    entry.kind !== 'event' || entry.tag === undefined || filter?.test(entry.tag) !== false;
  const list = state.list.filter(passes);
  const hidden = state.list.filter((entry) => !passes(entry) && entry.seq > state.drawnSeq).length;
  return {
    ...state,
    filter,
    list,
    listBytes: bytesOf(list),
    frozen: state.frozen?.filter(passes),
    counts: { ...state.counts, hidden: state.counts.hidden + hidden },
  };
}
