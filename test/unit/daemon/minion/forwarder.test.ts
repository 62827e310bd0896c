import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventBodyEncoder } from '../../../../src/codec/event-body.ts';
import { MemoryForwarder } from '../../../../src/daemon/minion/forwarder.ts';
import type { EventLoad } from '../../../../src/daemon/minion/forward-package.ts';
import { readPackage, tagOf, tagPrefix } from '../../../../src/daemon/minion/forward-package.ts';
import { onDiagnostics } from '../../../../src/diagnostics.ts';
import { SaltbusError } from '../../../../src/errors.ts';

const encoder = new EventBodyEncoder();

function body(data: Readonly<Record<string, unknown>>, tag = 'fire_master'): Buffer {
  return Buffer.from(encoder.encode(tag, data));
}

const NONE = { data: null, tag: null, events: null, pretag: null };

test('the single form: data and tag, and nothing else of the package', () => {
  const load = readPackage(body({ ...NONE, data: { a: 1 }, tag: 'x', id: 'whoever', sync: true }));
  assert.deepEqual(
    load,
    new Map<string, unknown>([
      ['cmd', '_minion_event'],
      ['pretag', null],
      ['data', new Map([['a', 1]])],
      ['tag', 'x'],
    ]),
  );
  assert.equal(tagOf(load), 'x');
});

test('what Python takes for nothing is sent as an empty map', () => {
  for (const data of [null, {}, [], '', 0, false, Buffer.alloc(0)])
    assert.deepEqual(
      readPackage(body({ ...NONE, data, tag: 'x' })).get('data'),
      new Map(),
      JSON.stringify(data),
    );
  assert.equal(readPackage(body({ ...NONE, data: 'text', tag: 'x' })).get('data'), 'text');
});

test('the list form: the elements as they came, with the pretag, and no tag beside them', () => {
  const load = readPackage(
    body({ ...NONE, tag: 'ignored', events: [{ tag: 'a', data: { n: 1 } }], pretag: 'p' }),
  );
  assert.deepEqual(
    load,
    new Map<string, unknown>([
      ['cmd', '_minion_event'],
      ['pretag', 'p'],
      [
        'events',
        [
          new Map<string, unknown>([
            ['tag', 'a'],
            ['data', new Map([['n', 1]])],
          ]),
        ],
      ],
    ]),
  );
  assert.equal(tagOf(load), 'a');
});

const REFUSED: readonly (readonly [Record<string, unknown>, string])[] = [
  [{ data: {}, tag: 'x', events: null }, 'ERR_SALTBUS_DATA'],
  [{ ...NONE }, 'ERR_SALTBUS_DATA'],
  [{ ...NONE, events: 'text' }, 'ERR_SALTBUS_DATA'],
  [{ ...NONE, events: [{ data: {} }] }, 'ERR_SALTBUS_DATA'],
  [{ ...NONE, events: [{ tag: 'a', data: 'text' }] }, 'ERR_SALTBUS_DATA'],
  [{ ...NONE, tag: 'salt/key', data: {} }, 'ERR_SALTBUS_DENIED_TAG'],
  [{ ...NONE, events: [{ tag: 'key', data: {} }], pretag: 'salt' }, 'ERR_SALTBUS_DENIED_TAG'],
  [{ ...NONE, tag: 't'.repeat(65_537), data: {} }, 'ERR_SALTBUS_LIMIT'],
  [{ ...NONE, events: [{ tag: 'a' }, { tag: 'ä'.repeat(32_769) }] }, 'ERR_SALTBUS_LIMIT'],
  [{ ...NONE, events: [{ tag: 't'.repeat(65_000) }], pretag: 'p'.repeat(536) }, 'ERR_SALTBUS_LIMIT'],
];

test('what a master would drop is refused when it comes, and told', (t) => {
  const forwarder = new MemoryForwarder({
    master: 'm',
    isUp: () => true,
    send: () => assert.fail('nothing is sent'),
  });
  const told: string[] = [];
  t.after(
    onDiagnostics('saltbus:minion:forward', ({ outcome, error }) =>
      told.push(`${outcome} ${error?.code ?? ''}`),
    ),
  );
  for (const [data, code] of REFUSED) {
    assert.equal(forwarder.accept(body(data)), 'refused');
    assert.equal(told.at(-1), `refused ${code}`, JSON.stringify(data));
  }
  assert.equal(forwarder.accept(Buffer.from('fire_master\n\n\xc1', 'latin1')), 'refused');
  assert.equal(forwarder.counters.refused, REFUSED.length + 1);
  forwarder.resume();
});

interface Scripted {
  readonly forwarder: MemoryForwarder;
  readonly sent: unknown[];
  isUp: boolean;
  fault: SaltbusError | undefined;
}

function scripted(limits: { readonly maxItems?: number; readonly maxBytes?: number } = {}): Scripted {
  const state = { isUp: true, fault: undefined as SaltbusError | undefined };
  const sent: unknown[] = [];
  const forwarder = new MemoryForwarder({
    master: 'm',
    isUp: () => state.isUp,
    send: (load: EventLoad) => {
      if (state.fault !== undefined) return Promise.reject(state.fault);
      sent.push(load.get('tag'));
      return Promise.resolve(null);
    },
    ...limits,
  });
  return Object.assign(state, { forwarder, sent });
}

const single = (tag: string): Buffer => body({ ...NONE, tag, data: { a: 1 } });

test('kept while the master is away, then sent in order, and counted', async () => {
  const rig = scripted();
  for (const tag of ['a', 'b', 'c']) assert.equal(rig.forwarder.accept(single(tag)), 'queued');
  rig.fault = new SaltbusError('ERR_SALTBUS_DISCONNECTED', 'lost');
  rig.isUp = false;
  rig.forwarder.resume();
  await rig.forwarder.drain();
  assert.deepEqual([rig.sent, rig.forwarder.counters.waiting], [[], 3]);
  rig.fault = undefined;
  rig.isUp = true;
  rig.forwarder.resume();
  await rig.forwarder.drain();
  assert.deepEqual(rig.sent, ['a', 'b', 'c']);
  const { queued, sent, repeated, waiting, waitingBytes } = rig.forwarder.counters;
  assert.deepEqual([queued, sent, repeated, waiting, waitingBytes], [3, 3, 1, 0, 0]);
});

test('without room it is dropped, and told; so is what waits at the end', (t) => {
  const rig = scripted({ maxItems: 1 });
  const told: string[] = [];
  t.after(onDiagnostics('saltbus:minion:forward', ({ outcome, tag }) => told.push(`${outcome} ${tag}`)));
  assert.deepEqual(
    [rig.forwarder.accept(single('a')), rig.forwarder.accept(single('b'))],
    ['queued', 'refused'],
  );
  rig.forwarder.end();
  assert.deepEqual(told, ['dropped b', 'dropped a']);
  assert.equal(rig.forwarder.counters.dropped, 2);
});

test('what cannot be sent at all makes room for the next', async () => {
  const rig = scripted();
  rig.fault = new SaltbusError('ERR_SALTBUS_DATA', 'a key serial');
  rig.forwarder.accept(single('a'));
  rig.forwarder.resume();
  await rig.forwarder.drain();
  assert.deepEqual([rig.forwarder.counters.refused, rig.forwarder.counters.waiting], [1, 0]);
});

test('a prefix of a tag is seen in the bytes, and never beyond their end', () => {
  const is = tagPrefix('fire_master');
  const at = (text: string): boolean => is(Buffer.from(text, 'latin1'), 0, Buffer.byteLength(text, 'latin1'));
  assert.deepEqual(
    ['fire_master\n\n\x80', 'fire_master/x\n\n\x80', 'fire_maste\n\n\x80', 'x', 'fire_master'].map(at),
    [true, true, false, false, false],
  );
});
