/** What the operating system sees: the log of the spool is forced to the disk before each answer is written. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encode } from '../../src/codec/msgpack/encode.ts';
import { openControl } from '../../src/control/index.ts';
import { start } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import type { SpoolPartJob } from '../helpers/spool-part.ts';
import { callsOf, needStrace, straceTo } from '../helpers/trace.ts';

const PART = fileURLToPath(new URL('../helpers/spool-part.ts', import.meta.url));
const FIRED = 20;

test('each answer comes after the log was written and forced out', { timeout: 120_000 }, async (t) => {
  needStrace();
  const folder = temporaryFolder(t);
  const job: SpoolPartJob = { socket: join(folder, 'control.ipc'), spool: join(folder, 'spool.db') };
  const trace = join(folder, 'trace');
  const part = start(t, 'strace', [
    ...straceTo(trace),
    ...[process.execPath, '--import', 'tsx', PART, JSON.stringify(job)],
  ]);
  const [, pid] = (await part.line('serving')).split(' ');
  const client = await openControl({ kind: 'unix', path: job.socket }, { program: 'trace' });
  for (let n = 0; n < FIRED; n += 1) {
    const answer = await client.fire({
      id: `trace-${String(n).padStart(16, '0')}`,
      package: encode({ tag: 'a', data: {}, events: null, pretag: null }),
    });
    assert.deepEqual(answer, { state: 'spooled' });
  }
  await client.close();
  // strace ends with the program; a signal to strace itself would leave the program running
  process.kill(Number(pid), 'SIGTERM');
  await part.ended;
  const calls = callsOf(trace, 'spool.db-wal', (line) => line.includes('<UNIX') && line.includes('spooled'));
  const answers = calls.filter((call) => call === 'answered').length;
  assert.equal(answers, FIRED);
  let written = false;
  let forced = false;
  for (const call of calls) {
    if (call === 'log written') [written, forced] = [true, false];
    else if (call === 'log forced') forced = written;
    else {
      assert.equal(forced, true, 'an answer came before the log was forced to the disk');
      [written, forced] = [false, false];
    }
  }
});
