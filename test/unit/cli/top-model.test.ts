/** The model of `top`: counts, gaps, the pause, the filter, rates; without a terminal and without time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BusItem, Gap } from '../../../src/bus/queue.ts';
import { onKey } from '../../../src/cli/top/keys.ts';
import type { KeyName } from '../../../src/cli/top/keys.ts';
import {
  LONGEST_KEPT,
  MOST_BYTES,
  MOST_ENTRIES,
  START,
  nextTop,
  selectedIndex,
  visibleEntries,
} from '../../../src/cli/top/model.ts';
import type { TopInput, TopState } from '../../../src/cli/top/model.ts';
import {
  MOST_PREFIXES,
  NO_RATES,
  OTHER,
  advance,
  busiest,
  count,
  markGap,
  prefixOf,
  rateOf,
} from '../../../src/cli/top/rates.ts';
import { encode } from '../../../src/codec/msgpack/encode.ts';
import { readEvent } from '../../../src/event.ts';

const SCREEN = { page: 10, maxScroll: 5, ratesShown: false };

function event(tag: string, data: Record<string, unknown> = {}): BusItem {
  return readEvent(Buffer.concat([Buffer.from(`${tag}\n\n`), encode(data)]), 1000);
}

function after(state: TopState, ...inputs: TopInput[]): TopState {
  return inputs.reduce(nextTop, state);
}

function items(list: readonly BusItem[], now = 1000): TopInput {
  return { type: 'items', items: list, now };
}

function keys(state: TopState, ...pressed: (KeyName | { text: string })[]): TopState {
  return pressed.reduce<TopState>(
    (at, key) =>
      onKey(at, typeof key === 'string' ? { name: key, text: '' } : { name: 'text', ...key }, SCREEN),
    state,
  );
}

const OPEN = after(START, { type: 'link', name: 'open', now: 500 });
const DRAWN: TopInput = { type: 'drawn' };
const OVERFLOW: Gap = { kind: 'gap', reason: 'overflow', dropped: 5, since: 0, until: 100 };
const RECONNECT: Gap = { kind: 'gap', reason: 'reconnect', dropped: undefined, since: 0, until: 100 };

test('received is shown once it was drawn', () => {
  const state = after(OPEN, items([event('a'), event('b')]));
  assert.equal(state.counts.shown, 0);
  const { received, shown, shed, hidden } = after(state, DRAWN, DRAWN).counts;
  assert.deepEqual({ received, shown, shed, hidden }, { received: 2, shown: 2, shed: 0, hidden: 0 });
});

test('what leaves the list before it was drawn is shed; what was drawn before is not', () => {
  const first = after(OPEN, items([event('first')]), DRAWN);
  const many = Array.from({ length: MOST_ENTRIES + 7 }, (_, at) => event(`t/${at}`));
  const state = after(first, items(many), DRAWN);
  assert.equal(state.list.length, MOST_ENTRIES);
  assert.deepEqual(
    [state.counts.received, state.counts.shown, state.counts.shed],
    [MOST_ENTRIES + 8, MOST_ENTRIES + 1, 7],
  );
  const hugeBatch = Array.from({ length: 5 * MOST_ENTRIES }, (_, at) => event(`t/${at}`));
  const { counts } = after(OPEN, items(hugeBatch), DRAWN);
  assert.equal(counts.shown + counts.shed, 5 * MOST_ENTRIES);
  assert.equal(counts.shown, MOST_ENTRIES);
});

test('a gap and an unreadable item are counted for themselves and keep their place', () => {
  const bad = readEvent(Buffer.from('no end'), 1000);
  const state = after(OPEN, items([event('a'), OVERFLOW, bad, RECONNECT, event('b')]), DRAWN);
  assert.deepEqual(
    state.list.map((entry) => entry.kind),
    ['event', 'gap', 'bad-event', 'gap', 'event'],
  );
  const { received, gaps, bad: unreadable, unknownLoss, shown } = state.counts;
  assert.deepEqual([received, gaps, unreadable, unknownLoss, shown], [2, 2, 1, true, 2]);
  assert.equal(after(OPEN, items([OVERFLOW])).counts.unknownLoss, false);
});

test('dropped is what the queue says, apart from shed, and makes the second a gap', () => {
  const state = after(OPEN, { type: 'dropped', dropped: 9, now: 600 });
  assert.deepEqual([state.counts.dropped, state.counts.shed], [9, 0]);
  assert.equal(state.rates.seconds.at(-1)?.gap, true);
});

test('the pause freezes what is seen and not what is taken in', () => {
  const paused = keys(after(OPEN, items([event('a')]), DRAWN), { text: ' ' });
  const later = after(paused, items([event('b'), RECONNECT]), DRAWN);
  assert.deepEqual(
    visibleEntries(later).map((entry) => entry.tag),
    ['a'],
  );
  assert.deepEqual([later.counts.received, later.counts.shown, later.counts.gaps], [2, 1, 1]);
  const resumed = after(keys(later, { text: ' ' }), DRAWN);
  assert.equal(visibleEntries(resumed).length, 3);
  assert.equal(resumed.counts.shown, 2);
});

test('memory: the bytes of the list are bounded, and data that is too long is not kept', () => {
  const large = Array.from({ length: 40 }, (_, at) =>
    event(`t/${at}`, { text: 'x'.repeat(LONGEST_KEPT - 100) }),
  );
  const state = after(OPEN, items(large));
  assert.ok(state.listBytes <= MOST_BYTES, 'the bytes are within the bound');
  assert.equal(
    state.listBytes,
    state.list.reduce((sum, entry) => sum + entry.size, 0),
  );
  const tooLong = after(OPEN, items([event('long', { text: 'x'.repeat(LONGEST_KEPT) })]));
  assert.equal(tooLong.list[0]?.item, undefined);
  assert.equal(tooLong.list[0]?.tag, 'long');
  assert.equal(tooLong.listBytes, 0);
});

test('the filter box: typed, corrected, refused, set, taken away', () => {
  const state = after(OPEN, items([event('a/1'), event('b/1'), OVERFLOW]));
  const box = keys(state, { text: '/' }, { text: 'a' }, { text: 'x' }, 'backspace', { text: '/' });
  assert.equal(box.box?.text, 'a/');
  const set = keys(box, 'enter');
  assert.deepEqual(
    set.list.map((entry) => entry.tag),
    ['a/1', undefined],
    'a gap stays',
  );
  assert.deepEqual([set.counts.hidden, set.box, set.filter?.mode], [1, undefined, 'prefix']);
  const more = after(set, items([event('b/2'), event('a/2')]), DRAWN);
  assert.deepEqual([more.counts.received, more.counts.hidden, more.counts.shown], [4, 2, 2]);
  const broken = keys(set, { text: '/' }, 'erase', { text: '\ud800' }, 'enter');
  assert.match(broken.box?.error ?? '', /surrogate/);
  assert.equal(broken.filter?.pattern, 'a/');
  assert.equal(keys(broken, 'escape').filter?.pattern, 'a/');
  assert.equal(keys(set, { text: '/' }, 'erase', 'enter').filter, undefined);
  assert.equal(keys(set, { text: '/' }, { text: 'q' }).quit, false, 'letters are text in the box');
});

test('moving: up leaves the newest, down to the newest follows again, a chosen one that has gone is the oldest', () => {
  const state = after(OPEN, items(['a', 'b', 'c'].map((tag) => event(tag))));
  const up = keys(state, 'up');
  assert.equal(up.list[selectedIndex(up.list, up.selected)]?.tag, 'b');
  assert.equal(keys(up, { text: 'j' }).selected, undefined);
  assert.equal(keys(state, 'home').selected, 1);
  assert.equal(keys(state, 'home', 'up').selected, 1);
  assert.equal(keys(state, 'home', 'end').selected, undefined);
  assert.equal(keys(state, 'pageup').selected, 1);
  assert.equal(selectedIndex(state.list.slice(2), 1), 0);
  assert.equal(selectedIndex([], undefined), -1);
  assert.equal(keys(OPEN, 'up', 'enter').detail, undefined, 'there is nothing to choose');
});

test('detail: the entry stays while the list goes on, and scrolls within its lines', () => {
  const state = keys(after(OPEN, items([event('a')])), 'enter');
  const later = after(state, items(Array.from({ length: 2 * MOST_ENTRIES }, () => event('b'))));
  assert.equal(later.detail?.entry.tag, 'a');
  assert.equal(keys(later, 'down', 'down', 'up').detail?.scroll, 1);
  assert.equal(keys(later, 'end', 'down').detail?.scroll, SCREEN.maxScroll);
  assert.equal(keys(later, 'home', 'up').detail?.scroll, 0);
  for (const key of ['escape', 'enter', { text: 'q' }] as const) {
    const closed = keys(later, key);
    assert.deepEqual([closed.detail, closed.quit], [undefined, false]);
  }
});

test('ending: q in the list, Ctrl-C anywhere', () => {
  assert.equal(keys(OPEN, { text: 'q' }).quit, true);
  assert.equal(keys(OPEN, { text: '/' }, 'interrupt').quit, true);
  assert.equal(keys(after(OPEN, items([event('a')])), 'enter', 'interrupt').quit, true);
});

test('connection: known from the socket alone; the seconds without it are gaps, and silence is none', () => {
  const silent = after(OPEN, { type: 'tick', now: 60_500 });
  assert.equal(silent.link.name, 'open');
  assert.equal(
    silent.rates.seconds.some((second) => second.gap),
    false,
  );
  const lost = after(OPEN, { type: 'link', name: 'lost', now: 1500 }, { type: 'tick', now: 3500 });
  assert.deepEqual(lost.link, { name: 'lost', since: 1500 });
  assert.deepEqual(
    lost.rates.seconds.map(({ index, gap }) => [index, gap]),
    [
      [0, false],
      [1, true],
      [2, true],
      [3, true],
    ],
  );
  const retry = after(lost, { type: 'link', name: 'lost', now: 4500 });
  assert.deepEqual(retry.link, { name: 'lost', since: 1500 }, 'a failed attempt does not begin it anew');
  const back = after(retry, { type: 'link', name: 'open', now: 5500 }, { type: 'tick', now: 6500 });
  assert.deepEqual(
    back.rates.seconds.slice(-2).map((second) => second.gap),
    [true, false],
  );
});

test('before the first connection nothing is known: no second, no rate', () => {
  const state = after(START, { type: 'tick', now: 5000 }, { type: 'link', name: 'lost', now: 6000 });
  assert.deepEqual([state.link.name, state.rates.seconds], ['connecting', []]);
});

test('rates: over whole seconds without a gap; unknown is no number', () => {
  const one = (rates: typeof NO_RATES, now: number, events: number): typeof NO_RATES =>
    count(advance(rates, now, true), new Map([['a', events]]));
  let rates = one(NO_RATES, 1000, 10);
  assert.equal(rateOf(rates), undefined, 'the present second is not whole');
  rates = one(rates, 2000, 30);
  assert.equal(rateOf(rates), 10);
  rates = advance(rates, 3000, true);
  assert.deepEqual([rateOf(rates), rateOf(rates, 'a'), rateOf(rates, 'b')], [20, 20, 0]);
  assert.equal(rateOf(markGap(rates, 2500)), 10, 'a second with a gap says nothing');
  assert.equal(rateOf(markGap(rates, 0)), undefined);
  assert.equal(rateOf(advance(rates, 100_000, true)), 0);
  assert.equal(advance(rates, 1e12, true).seconds.length, 60, 'a long sleep costs no more than a minute');
});

test('prefixes: two parts, bounded in number and length', () => {
  assert.deepEqual(
    ['salt/job/2026/ret', 'salt/auth', 'plain', '', `${'x'.repeat(100)}/y/z`].map((tag) => prefixOf(tag)),
    ['salt/job', 'salt/auth', 'plain', '', 'x'.repeat(80)],
  );
  const names = Array.from({ length: MOST_PREFIXES + 20 }, (_, at): [string, number] => [`p${at}`, 1]);
  const rates = count(advance(NO_RATES, 0, true), new Map(names));
  assert.equal(rates.totals.size, MOST_PREFIXES + 1);
  assert.equal(rates.totals.get(OTHER), 20);
  assert.deepEqual(busiest(rates)[0], { prefix: OTHER, total: 20, rate: undefined });
});
