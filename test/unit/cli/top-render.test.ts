/** What `top` draws: every line fits, nothing moves the cursor, a gap is no zero. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BusItem } from '../../../src/bus/queue.ts';
import { cellText, cellWidth, cutToCells, wrapToCells } from '../../../src/cli/top/cells.ts';
import { onKey } from '../../../src/cli/top/keys.ts';
import { fitLine, glyphsFor, lineText } from '../../../src/cli/top/lines.ts';
import { START, nextTop } from '../../../src/cli/top/model.ts';
import type { TopInput, TopState } from '../../../src/cli/top/model.ts';
import { onScreen, renderTop } from '../../../src/cli/top/render.ts';
import type { Surface } from '../../../src/cli/top/render.ts';
import { ENTER_SCREEN, LEAVE_SCREEN, Screen } from '../../../src/cli/top/screen.ts';
import { keyOf } from '../../../src/cli/top/terminal-device.ts';
import { encode } from '../../../src/codec/msgpack/encode.ts';
import { readEvent } from '../../../src/event.ts';

const GLYPHS = glyphsFor({ LANG: 'C.UTF-8' });
const ASCII = glyphsFor({ LC_ALL: 'C', LANG: 'C.UTF-8' });

function surface(columns: number, rows: number, more: Partial<Surface> = {}): Surface {
  return { columns, rows, glyphs: ASCII, title: 'minion bus /run/x', now: 10_000, ...more };
}

function event(tag: string, data: Record<string, unknown> = {}): BusItem {
  return readEvent(Buffer.concat([Buffer.from(`${tag}\n\n`), encode(data)]), Date.UTC(2026, 0, 1));
}

function after(...inputs: TopInput[]): TopState {
  return inputs.reduce(nextTop, nextTop(START, { type: 'link', name: 'open', now: 500 }));
}

function screenText(state: TopState, on: Surface): string[] {
  return renderTop(state, on).map((line) => lineText(line).trimEnd());
}

function press(state: TopState, text: string, on: Surface): TopState {
  return onKey(state, { name: 'text', text }, onScreen(state, on));
}

test('cells: wide, narrow and combining characters', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['', 0],
    ['salt/job', 8],
    ['日本', 4],
    ['한국', 4],
    ['ｆｕ', 4],
    ['e\u0301', 1],
    ['😀', 2],
    ['é', 1],
    ['\u{20000}', 2],
  ];
  for (const [text, width] of cases) assert.equal(cellWidth(text), width, JSON.stringify(text));
});

test('cells: cut and wrapped without halving a character', () => {
  assert.equal(cutToCells('abcdef', 4, '~'), 'abc~');
  assert.equal(cutToCells('abcd', 4, '~'), 'abcd');
  assert.equal(cutToCells('日本語', 5, '~'), '日本~');
  assert.equal(cutToCells('日本語', 4, '~'), '日~');
  assert.equal(cutToCells('日本語', 1, '~'), '~');
  assert.equal(cutToCells('日本語', 0, '~'), '');
  assert.deepEqual(wrapToCells('日本語', 5, 9), ['日本', '語']);
  assert.deepEqual(wrapToCells('abcde', 2, 9), ['ab', 'cd', 'e']);
  assert.deepEqual(wrapToCells('', 2, 9), ['']);
  assert.deepEqual(wrapToCells('😀😀', 1, 9), ['😀', '😀']);
  assert.equal(wrapToCells('日'.repeat(100), 2, 5).length, 5);
  const heap = `e${'\u0301'.repeat(1000)}`;
  assert.equal(cutToCells(heap, 5, '~').length, 5, 'marks on one letter are bounded');
});

test('cells: controls and invisible characters are written out', () => {
  assert.equal(cellText('a\u001b[2J\u200bb\u202ec\ufeff\n'), 'a\\u001b[2J\\u200bb\\u202ec\\ufeff\\n');
});

test('every line has exactly the width of the terminal, for any tag and any size', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.integer({ min: 1, max: 130 }),
      fc.integer({ min: 1, max: 30 }),
      fc.boolean(),
      (tag, text, columns, rows, isDetail) => {
        const safeTag = tag.replaceAll('\n', ' ');
        const on = surface(columns, rows, { glyphs: GLYPHS, title: text });
        const items = [event(safeTag, { [text]: text }), event(text.replaceAll('\n', ' '), {})];
        let state = after({ type: 'items', items, now: 1000 });
        if (isDetail) state = onKey(state, { name: 'enter', text: '' }, onScreen(state, on));
        const lines = renderTop(state, on);
        assert.equal(lines.length, rows);
        for (const line of lines) {
          assert.equal(cellWidth(lineText(line)), columns);
          assert.doesNotMatch(lineText(line), /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/);
        }
      },
    ),
    { numRuns: 100 },
  );
});

test('the screen of a quiet bus, an event and a gap', () => {
  const gap = { kind: 'gap', reason: 'reconnect', dropped: undefined, since: 0, until: 0 } as const;
  const state = after(
    { type: 'items', items: [event('my/tag', { n: 1 }), gap], now: 2500 },
    { type: 'drawn' },
    { type: 'tick', now: 4500 },
  );
  const lines = screenText(state, surface(110, 10));
  assert.equal(lines[0], ' * connected  minion bus /run/x');
  assert.equal(
    lines[1],
    ' received 1   dropped 0   gaps 1 (loss unknown)   shed 0   shown 1'.replaceAll('   ', '  '),
  );
  assert.match(lines[2] ?? '', /^ {56}\.\.X\.\. {2}0 events\/s$/, 'a gap is no zero');
  assert.match(
    lines[3] ?? '',
    /^ \d\d:\d\d:\d\d\.\d{3} {2}my\/tag {2}\{"n":1\} +\| {4}rate\/s {4}total {2}tags$/,
  );
  assert.match(lines[4] ?? '', /^>\d\d:\d\d:\d\d\.\d{3} {2}-- gap: connected again .*\| +0 {8}1 {2}my\/tag$/);
  assert.match(lines[9] ?? '', /q quit/);
});

test('while the connection is down, it is said, and no rate is a number', () => {
  const state = after(
    { type: 'items', items: [event('a/b')], now: 2500 },
    { type: 'link', name: 'lost', now: 4000 },
    { type: 'tick', now: 9500 },
  );
  const lines = screenText(state, surface(110, 10));
  assert.match(lines[0] ?? '', /^ x disconnected for 6\.0 s, trying again/);
  assert.match(lines[2] ?? '', /\.\.#\.XXXXXX {2}\? events\/s$/);
  assert.match(lines[4] ?? '', /\| +\? {8}1 {2}a\/b$/);
  assert.match(screenText(START, surface(110, 10))[0] ?? '', /^ x connecting/);
  assert.match(screenText(START, surface(110, 10))[2] ?? '', /^ +\? events\/s$/);
});

test('the pause says how much is newer, and the list stands still', () => {
  const on = surface(80, 6);
  const paused = press(after({ type: 'items', items: [event('a')], now: 1000 }), ' ', on);
  const later = nextTop(paused, { type: 'items', items: [event('b'), event('c')], now: 1000 });
  const lines = screenText(later, on);
  assert.match(lines[0] ?? '', /PAUSED, 2 newer/);
  assert.match(lines[1] ?? '', /received 3/);
  assert.deepEqual(
    lines.slice(2, 5).map((line) => line.slice(15)),
    ['a  {}', '', ''],
  );
});

test('rates: beside the list where there is room, in its place where there is none', () => {
  const state = after({ type: 'items', items: [event('a/b')], now: 1000 });
  const narrow = surface(60, 6);
  assert.doesNotMatch(screenText(state, narrow).join('\n'), /rate\/s/);
  assert.match(screenText(press(state, 'r', narrow), narrow)[2] ?? '', /^ {4}rate\/s/);
  const wide = surface(120, 6);
  assert.match(screenText(state, wide)[2] ?? '', /rate\/s/);
  assert.doesNotMatch(screenText(press(state, 'r', wide), wide).join('\n'), /rate\/s/);
});

test('detail: all of the event, scrolled', () => {
  const on = surface(40, 6);
  const data = { id: 'web1', text: 'one\ntwo\nthree', long: 'x'.repeat(60) };
  let state = after({ type: 'items', items: [event('my/tag', data)], now: 1000 });
  state = onKey(state, { name: 'enter', text: '' }, onScreen(state, on));
  assert.equal(onScreen(state, on).maxScroll, 5);
  const lines = screenText(state, on);
  assert.match(lines[2] ?? '', /my\/tag$/);
  assert.equal(lines[3], '    id: web1');
  state = onKey(state, { name: 'end', text: '' }, onScreen(state, on));
  assert.deepEqual(screenText(state, on).slice(2, 5), [
    '        three',
    `    long: ${'x'.repeat(30)}`,
    'x'.repeat(30),
  ]);
});

test('a list that is longer than the screen ends with the newest, or stands around the chosen one', () => {
  const on = surface(40, 5);
  const items = Array.from({ length: 9 }, (_, at) => event(`t${at}`));
  let state = after({ type: 'items', items, now: 1000 });
  const tags = (): string[] =>
    screenText(state, on)
      .slice(2, 4)
      .map((line) => line.slice(15, 17));
  assert.deepEqual(tags(), ['t7', 't8']);
  state = onKey(state, { name: 'home', text: '' }, onScreen(state, on));
  assert.deepEqual(tags(), ['t0', 't1']);
});

test('a frame sends the rows that changed, each placed, none with a way to move on', () => {
  const screen = new Screen({ color: true });
  const one = [fitLine([{ text: 'a', style: 'bad' }], 2, '~'), fitLine([{ text: 'b' }], 2, '~')];
  assert.equal(
    screen.update(one),
    '\u001b[2J\u001b[1;1H\u001b[2K\u001b[1;31ma\u001b[0m \u001b[2;1H\u001b[2Kb ',
  );
  assert.equal(screen.update(one), '');
  assert.equal(screen.update([one[0] ?? [], [{ text: 'c' }]]), '\u001b[2;1H\u001b[2Kc');
  screen.clear();
  assert.match(screen.update(one), /^\u001b\[2J/);
  const plain = new Screen({ color: false });
  assert.equal(
    plain
      .update([
        [
          { text: 'a', style: 'tag' },
          { text: 'b', style: 'inverse' },
        ],
      ])
      .slice(14),
    'a\u001b[7mb\u001b[0m',
  );
});

test('what is switched on for the screen is switched off after it', () => {
  const on = [...ENTER_SCREEN.matchAll(/\[\?(\d+)h/g)].map(([, mode]) => mode);
  const off = [...ENTER_SCREEN.matchAll(/\[\?(\d+)l/g)].map(([, mode]) => mode);
  for (const mode of on) assert.match(LEAVE_SCREEN, new RegExp(`\\[\\?${mode ?? ''}l`));
  for (const mode of off) assert.match(LEAVE_SCREEN, new RegExp(`\\[\\?${mode ?? ''}h`));
  assert.deepEqual([on, off], [['1049'], ['25', '7']]);
});

test('keys of a terminal', () => {
  const cases: readonly (readonly [
    string | undefined,
    Parameters<typeof keyOf>[1],
    ReturnType<typeof keyOf>,
  ])[] = [
    ['a', { name: 'a' }, { name: 'text', text: 'a' }],
    ['/', { sequence: '/' }, { name: 'text', text: '/' }],
    ['界', { sequence: '界' }, { name: 'text', text: '界' }],
    [' ', { name: 'space' }, { name: 'text', text: ' ' }],
    ['\r', { name: 'return' }, { name: 'enter', text: '' }],
    [undefined, { name: 'up' }, { name: 'up', text: '' }],
    ['\u0003', { name: 'c', ctrl: true }, { name: 'interrupt', text: '' }],
    ['\u001a', { name: 'z', ctrl: true }, 'suspend'],
    ['\u0001', { name: 'a', ctrl: true }, undefined],
    ['x', { name: 'x', meta: true }, undefined],
    [undefined, { name: 'f5' }, undefined],
    ['\t', { name: 'tab' }, undefined],
  ];
  for (const [text, pressed, wanted] of cases)
    assert.deepEqual(keyOf(text, pressed), wanted, JSON.stringify(pressed));
});
