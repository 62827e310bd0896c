/** What the operating system sees: the log of the spool is forced to the disk before each answer is written. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encode } from '../../src/codec/msgpack/encode.ts';
import { openControl } from '../../src/control/index.ts';
import { start } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import type { SpoolPartJob } from '../helpers/spool-part.ts';

const PART = fileURLToPath(new URL('../helpers/spool-part.ts', import.meta.url));
const FIRED = 20;

/** One call of the trace that matters here. */
type Call = 'log written' | 'log forced' | 'answered';

// strace writes one line for a call, or two (unfinished, resumed) where another thread came between: what counts is when
// a write begins and when the forcing ends.
function callsOf(trace: string): Call[] {
  const calls: Call[] = [];
  const forcing = new Set<string>();
  for (const line of trace.split('\n')) {
    const [thread = ''] = line.split(' ', 1);
    if (/ pwrite64\(\d+<[^>]*spool\.db-wal>/.test(line)) calls.push('log written');
    else if (/ (fsync|fdatasync)\(\d+<[^>]*spool\.db-wal>/.test(line)) {
      if (line.includes('<unfinished')) forcing.add(thread);
      else if (line.endsWith('= 0')) calls.push('log forced');
    } else if (/<\.\.\. (fsync|fdatasync) resumed>/.test(line) && forcing.delete(thread)) {
      if (line.endsWith('= 0')) calls.push('log forced');
    } else if (/ (write|writev|sendto|sendmsg)\(\d+<UNIX/.test(line) && line.includes('spooled'))
      calls.push('answered');
  }
  return calls;
}

test('each answer comes after the log was written and forced out', { timeout: 120_000 }, async (t) => {
  if (spawnSync('strace', ['-V']).status !== 0) {
    const installed = spawnSync('apt-get', ['install', '-y', 'strace'], { encoding: 'utf8' });
    assert.equal(installed.status, 0, `strace is missing, and could not be installed: ${installed.stderr}`);
  }
  const folder = temporaryFolder(t);
  const job: SpoolPartJob = { socket: join(folder, 'control.ipc'), spool: join(folder, 'spool.db') };
  const trace = join(folder, 'trace');
  const part = start(t, 'strace', [
    ...['-f', '-yy', '-s', '256', '-o', trace, '-e', 'signal=none'],
    ...['-e', 'trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg'],
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
  const calls = callsOf(readFileSync(trace, 'latin1'));
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
