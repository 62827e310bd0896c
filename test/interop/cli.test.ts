/** The command line beside a real Salt: output that equals Salt's own, and the configuration that Salt uses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '../../src/client/connect.ts';
import { runSaltbus, saltbus, start } from '../helpers/cli.ts';
import { takeEvents } from '../helpers/take.ts';
import { interop, pythonFire, saltCommand } from './helpers.ts';

const LIMIT = { timeout: 90_000 };

test('tsv is the line that salt-run state.event prints, byte for byte', LIMIT, async (t) => {
  const { masterConfigDir } = interop();
  const env = { PYTHONWARNINGS: 'ignore', LANG: 'C.UTF-8' };
  const count = 6;
  const theirs = start(
    t,
    saltCommand('salt-run'),
    ['-c', masterConfigDir, '--log-level=quiet', 'state.event', 'tsv/*', `count=${count}`],
    { env },
  );
  const ours = saltbus(t, [
    'listen',
    'tsv/*',
    '-c',
    masterConfigDir,
    '--node',
    'master',
    '-o',
    'tsv',
    '-n',
    String(count),
    '--ready',
  ]);
  await ours.line('listening', 'stderr');
  // state.event does not say when it listens: a first event is fired until it has printed it.
  const bus = await connect({ node: 'master', configDir: masterConfigDir });
  t.after(() => {
    bus.destroy();
  });
  const first = theirs.line('tsv/first').then(() => true);
  for (let fired = 0; fired < 40; fired += 1) {
    await bus.fire('tsv/first', { n: 1 });
    if (await Promise.race([first, delay(500, false, { ref: false })])) break;
  }
  await first;
  const values = [
    { text: 'é "quoted" \\ \u0001 \u007f 日本', empty: {}, list: [] },
    { float: 1.5, small: 0.00001, large: 1.5e300, whole: 10_000_000_000_000_000, tiny: 5e-324 },
    { none: null, yes: true, no: false, nested: { a: [1, { b: null }] } },
    new Map<unknown, unknown>([
      [
        'keys',
        new Map<unknown, unknown>([
          [1, 'one'],
          [null, 'nil'],
          [true, 'yes'],
          [-5, 'minus'],
        ]),
      ],
    ]),
    { big: 2n ** 64n - 1n, negative: -(2n ** 63n) },
  ];
  for (const value of values) await bus.fire('tsv/value', value);
  const theirLines = await Promise.race([
    theirs.ended,
    theirs.line('18446744073709551615').then(() => theirs.ended),
  ]);
  const wanted = theirLines.stdout.split('\n').filter((line) => line.startsWith('tsv/value\t'));
  const listened = saltbus(t, [
    'listen',
    'tsv/value',
    '-c',
    masterConfigDir,
    '--node',
    'master',
    '-o',
    'tsv',
    '-n',
    String(values.length),
    '--ready',
  ]);
  await listened.line('listening', 'stderr');
  for (const value of values) await bus.fire('tsv/value', value);
  const mine = (await listened.ended).stdout.split('\n').filter((line) => line !== '');
  const unstamped = (line: string): string => line.replace(/"_stamp": "[^"]*"/, '"_stamp": ""');
  assert.ok(wanted.length > 0, 'Salt printed some of them');
  assert.deepEqual(mine.slice(0, wanted.length).map(unstamped), wanted.map(unstamped));
  assert.equal((await ours.ended).code, 0);
});

test('listen prints as NDJSON what Salt fires, and ends after -n', LIMIT, async (t) => {
  const { minionConfigDir } = interop();
  const listening = saltbus(t, [
    'listen',
    'cli/ndjson',
    '-c',
    minionConfigDir,
    '--node',
    'minion',
    '-n',
    '2',
    '--ready',
  ]);
  await listening.line('listening', 'stderr');
  await pythonFire(t, {
    node: 'minion',
    events: [
      { tag: 'cli/other', data: {} },
      { tag: 'cli/ndjson/1', data: { a: 1 } },
      { tag: 'cli/ndjson/2', data: { raw: { __bytes__: 'AP8=' } } },
    ],
  });
  const { code, stdout } = await listening.ended;
  assert.equal(code, 0);
  const items = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { tag: string; data: Record<string, unknown>; received: string });
  assert.deepEqual(
    items.map((item) => item.tag),
    ['cli/ndjson/1', 'cli/ndjson/2'],
  );
  assert.equal(items[0]?.data['a'], 1);
  assert.deepEqual(items[1]?.data['raw'], { $bin: 'AP8=' });
  assert.match(items[0].received, /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
});

test('fire --to-master: an object arrives nested, a list flat', LIMIT, async (t) => {
  const { masterConfigDir, minionConfigDir, minionId } = interop();
  const master = await connect({ node: 'master', configDir: masterConfigDir });
  t.after(() => {
    master.destroy();
  });
  const subscription = master.listen({ tag: 'cli/forward' });
  await subscription.ready;
  const single = await runSaltbus(t, [
    'fire',
    'cli/forward',
    'k=v',
    'n=1',
    '--to-master',
    '-c',
    minionConfigDir,
  ]);
  assert.deepEqual([single.code, single.stdout, single.stderr], [0, '', '']);
  const list = await runSaltbus(t, [
    'fire',
    'cli/forward',
    '[{"m": 1}, {"m": 2, "tag": "cli/forward/own"}]',
    '--to-master',
    '-c',
    minionConfigDir,
  ]);
  assert.equal(list.code, 0);
  const events = await takeEvents(subscription, 3);
  assert.equal(events[0]?.data['id'], minionId);
  assert.deepEqual(events[0].data['data'], { k: 'v', n: 1 });
  assert.equal(events[1]?.data['m'], 1);
  assert.equal(events[2]?.tag, 'cli/forward/own');
  assert.equal(events[2].data['m'], 2);
});
