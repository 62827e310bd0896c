/** Capture and replay beside a real Salt: its bytes are kept, and what is fired again is an event to its own client. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CaptureReader } from '../../src/codec/capture/read.ts';
import { runSaltbus, saltbus } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { interop, pythonFire, pythonListen } from './helpers.ts';

const LIMIT = { timeout: 90_000 };

test('what Salt fires is captured, printed, and fired again for its own client to see', LIMIT, async (t) => {
  const { masterConfigDir, minionConfigDir, release } = interop();
  const file = join(temporaryFolder(t), 'salt.sbcap');
  const master = ['-c', masterConfigDir, '--node', 'master'];
  const capture = saltbus(t, ['capture', file, 'capture/', '-n', '3', '--ready', ...master]);
  await capture.line('listening', 'stderr');
  const events = [
    { tag: 'capture/1', data: { a: 1, f: 1.5 } },
    { tag: 'capture/2', data: { raw: { __bytes__: 'AP8=' } } },
    { tag: 'capture/3', data: { text: '日本' } },
  ];
  await pythonFire(t, { node: 'master', events });
  assert.equal((await capture.ended).code, 0);
  const reader = new CaptureReader();
  const records = reader.push(readFileSync(file));
  assert.deepEqual(
    records.map(({ kind, node }) => [kind, node]),
    [
      ['start', 'master'],
      ['event', 'master'],
      ['event', 'master'],
      ['event', 'master'],
    ],
  );
  // Salt 3006.26 and later on that line prefix what a publish socket sends; no other line does.
  const wanted = release === '3006.30' ? 'prefixed' : 'bare';
  assert.equal(records[1]?.framing, wanted);
  const printed = await runSaltbus(t, [
    'replay',
    file,
    '--at-once',
    '-o',
    'json',
    '--fields',
    'tag,data.raw',
  ]);
  assert.equal(
    printed.stdout,
    '{"tag":"capture/1","data.raw":null}\n{"tag":"capture/2","data.raw":{"$bin":"AP8="}}\n{"tag":"capture/3","data.raw":null}\n',
  );
  const listener = pythonListen(t, { node: 'minion', tag: 'again/' });
  await listener.ready;
  const minion = ['-c', minionConfigDir, '--node', 'minion'];
  const fired = await runSaltbus(t, ['replay', file, '--fire', '--at-once', '--prefix', 'again', ...minion]);
  assert.equal(fired.code, 0, fired.stderr);
  assert.match(fired.stderr, /note: captured on the bus of a master, fired on the bus of a minion/);
  const seen = await listener.collect(3);
  const unstamped = seen.map(({ tag, data }) => {
    const { _stamp, ...rest } = data;
    assert.equal(typeof _stamp, 'string');
    return { tag, data: rest };
  });
  assert.deepEqual(
    unstamped,
    events.map(({ tag, data }) => ({ tag: `again/${tag}`, data })),
  );
});
