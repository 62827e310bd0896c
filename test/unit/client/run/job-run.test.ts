import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobRun } from '../../../../src/client/run/job-run.ts';
import type { JobHost, JobRunOptions, JobWatcher } from '../../../../src/client/run/job-run.ts';
import type { JobToPublish, PublishedJob } from '../../../../src/client/run/publish-request.ts';
import { EventBodyEncoder, dataStart } from '../../../../src/codec/event-body.ts';
import { SaltbusError } from '../../../../src/errors.ts';
import { SaltEvent } from '../../../../src/event.ts';

const JID = '20260101000000000000';
const FIND = '20260101000000000001';
const JOB: JobToPublish = {
  target: { tgt: '*', tgtType: 'glob', delimiter: ':' },
  fun: 'test.ping',
  arg: [],
  ret: '',
  kwargs: {},
};
const encoder = new EventBodyEncoder();

function event(jid: string, id: string, data: object): SaltEvent {
  const tag = `salt/job/${jid}/ret/${id}`;
  const body = Buffer.from(encoder.encode(tag, { jid, id, ...data }, '2026-01-01T00:00:00.000000'));
  return new SaltEvent(tag, body, dataStart(body, 0, body.length), 0);
}

/** A master that does what the test says, and a clock that the test moves. */
class FakeMaster {
  readonly asked: (readonly string[])[] = [];
  answer: () => PublishedJob = () => ({ jid: JID, minions: ['a', 'b'], missing: [] });
  question: () => PublishedJob = () => ({ jid: FIND, minions: [], missing: [] });
  readonly #watchers = new Map<string, JobWatcher>();
  #now = 0;
  #timers: { readonly at: number; readonly call: () => void }[] = [];

  readonly host: JobHost = {
    publish: (job) => {
      if (job.fun !== 'saltutil.find_job') return Promise.resolve().then(() => this.answer());
      this.asked.push(job.target.tgt as readonly string[]);
      return Promise.resolve().then(() => this.question());
    },
    watch: (jid, watcher) => {
      this.#watchers.set(jid, watcher);
      return () => this.#watchers.delete(jid);
    },
    findJob: (jid, ids) => ({
      ...JOB,
      target: { tgt: ids, tgtType: 'list', delimiter: ':' },
      fun: 'saltutil.find_job',
      arg: [jid],
    }),
    now: () => this.#now,
    after: (ms, call) => {
      const timer = { at: this.#now + ms, call };
      this.#timers.push(timer);
      return () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      };
    },
  };

  get watched(): number {
    return this.#watchers.size;
  }

  get timers(): number {
    return this.#timers.length;
  }

  watcher(jid = JID): JobWatcher {
    const watcher = this.#watchers.get(jid);
    assert.notEqual(watcher, undefined);
    return watcher as JobWatcher;
  }

  back(id: string, data: object = { return: true, retcode: 0, success: true }, jid = JID): void {
    this.#watchers.get(jid)?.onReturn(event(jid, id, data));
  }

  async move(to: number): Promise<void> {
    this.#now = to;
    for (const timer of this.#timers.filter(({ at }) => at <= to)) {
      this.#timers = this.#timers.filter((other) => other !== timer);
      timer.call();
    }
    await settled();
  }

  run(options: Partial<JobRunOptions> = {}): JobRun {
    return new JobRun(this.host, JOB, {
      timeoutMs: 5000,
      gatherJobTimeoutMs: 10_000,
      limitBytes: 1_000_000,
      ...options,
    });
  }
}

// what follows from a promise that is resolved has happened
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

async function idsOf(run: JobRun): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of run) ids.push(id);
  return ids;
}

test('returns come, and the summary when all are there', async () => {
  const master = new FakeMaster();
  const run = master.run();
  assert.deepEqual(await run.started, { jid: JID, minions: ['a', 'b'], missing: [] });
  await settled();
  assert.deepEqual(run.waitingFor, ['a', 'b']);
  master.back('b', { return: 'x', retcode: 2, success: false, fun: 'cmd.run', out: 'nested' });
  const first = await run.next();
  assert.ok(first.done !== true);
  const { value } = first;
  assert.deepEqual(
    [value.id, value.return, value.retcode, value.success, value.fun, value.out, value.expected],
    ['b', 'x', 2, false, 'cmd.run', 'nested', true],
  );
  master.back('a');
  assert.deepEqual(await idsOf(run), ['a']);
  assert.deepEqual(await run.summary, {
    jid: JID,
    minions: ['a', 'b'],
    missing: [],
    returned: 2,
    failed: ['b'],
    unanswered: [],
    unexpected: [],
    repeated: 0,
    dropped: [],
    gaps: 0,
    unasked: 0,
  });
  assert.deepEqual([master.watched, master.timers], [0, 0]);
});

test('who is silent is asked, and named at the end; who says that it runs is waited for', async () => {
  const master = new FakeMaster();
  master.answer = () => ({ jid: JID, minions: ['a', 'b'], missing: ['ghost'] });
  const run = master.run();
  const ids = idsOf(run);
  await settled();
  await master.move(5000);
  assert.deepEqual(master.asked, [['a', 'b']]);
  master.back('a', { return: { pid: 7 }, retcode: 0 }, FIND);
  master.back('b', { return: {}, retcode: 0 }, FIND);
  await master.move(15_000);
  assert.deepEqual(master.asked.slice(1), [['a', 'b']]);
  master.back('a');
  master.back('x');
  await master.move(25_000);
  assert.deepEqual(await ids, ['a', 'x']);
  const { unanswered, missing, unexpected } = await run.summary;
  assert.deepEqual(
    { unanswered, missing, unexpected },
    {
      unanswered: ['b'],
      missing: ['ghost'],
      unexpected: ['x'],
    },
  );
  assert.deepEqual([master.watched, master.timers], [0, 0]);
});

test('nobody matches', async () => {
  const master = new FakeMaster();
  master.answer = () => ({ jid: undefined, minions: [], missing: ['ghost'] });
  const run = master.run();
  assert.deepEqual(await idsOf(run), []);
  const { jid, minions, missing } = await run.summary;
  assert.deepEqual([jid, minions, missing], [undefined, [], ['ghost']]);
});

test('a refusal rejects the iteration once, and the summary', async () => {
  const master = new FakeMaster();
  master.answer = () => {
    throw new SaltbusError('ERR_SALTBUS_NOT_AUTHORIZED', 'no');
  };
  const run = master.run();
  await assert.rejects(idsOf(run), { code: 'ERR_SALTBUS_NOT_AUTHORIZED' });
  await assert.rejects(run.started, { code: 'ERR_SALTBUS_NOT_AUTHORIZED' });
  await assert.rejects(run.summary, { code: 'ERR_SALTBUS_NOT_AUTHORIZED' });
  assert.deepEqual(await run.next(), { done: true, value: undefined });
});

test('an abort ends it, before and after it is published', async () => {
  const early = new FakeMaster();
  await assert.rejects(early.run({ signal: AbortSignal.abort() }).started, { code: 'ERR_SALTBUS_ABORTED' });
  const master = new FakeMaster();
  const stop = new AbortController();
  const run = master.run({ signal: stop.signal });
  const ids = idsOf(run);
  await settled();
  stop.abort();
  await assert.rejects(ids, { code: 'ERR_SALTBUS_ABORTED' });
  await assert.rejects(run.summary, { code: 'ERR_SALTBUS_ABORTED' });
  assert.deepEqual([master.watched, master.timers], [0, 0]);
});

test('leaving the loop ends it with what is known', async () => {
  const master = new FakeMaster();
  const run = master.run();
  await run.started;
  await settled();
  master.back('a');
  for await (const { id } of run) {
    assert.equal(id, 'a');
    break;
  }
  const { returned, unanswered } = await run.summary;
  assert.deepEqual([returned, unanswered, master.watched, master.timers], [1, ['b'], 0, 0]);
});

test('a consumer that is too slow loses returns, which are named, and none is waited for twice', async () => {
  const master = new FakeMaster();
  const run = master.run({ limitBytes: 2000 });
  await run.started;
  await settled();
  master.back('a', { return: 'x'.repeat(1500), retcode: 0 });
  master.back('b', { return: 'x'.repeat(1500), retcode: 0 });
  assert.deepEqual(await idsOf(run), ['a']);
  const { dropped, returned, unanswered } = await run.summary;
  assert.deepEqual([dropped, returned, unanswered], [['b'], 2, []]);
});

test('gaps, returns that repeat, questions that cannot be sent, and events that are no returns', async () => {
  const master = new FakeMaster();
  master.question = () => {
    throw new SaltbusError('ERR_SALTBUS_TIMEOUT', 'late');
  };
  const run = master.run();
  await run.started;
  await settled();
  master.back('a');
  master.back('a');
  master.back('b', { no: 'return' });
  master.back('b', { id: 7, return: true });
  master.watcher().onGap?.();
  master.watcher().onMinions?.(['c']);
  await master.move(5000);
  await master.move(15_000);
  assert.deepEqual(await idsOf(run), ['a']);
  const { minions, repeated, gaps, unasked, unanswered } = await run.summary;
  assert.deepEqual(
    { minions, repeated, gaps, unasked, unanswered },
    { minions: ['a', 'b', 'c'], repeated: 1, gaps: 1, unasked: 1, unanswered: ['b', 'c'] },
  );
});

test('the end of the client is the end of its jobs', async () => {
  const master = new FakeMaster();
  const run = master.run();
  await run.started;
  await settled();
  master.watcher().onEnd(new SaltbusError('ERR_SALTBUS_CLOSED', 'closed'));
  await assert.rejects(idsOf(run), { code: 'ERR_SALTBUS_CLOSED' });
});

test('the exit code of several functions is the highest', async () => {
  const codes: readonly (readonly [unknown, number])[] = [
    [{ 'a.a': 0, 'b.b': 3 }, 3],
    [[1, 0], 1],
    [{}, 0],
    [true, 1],
    [undefined, 0],
    ['text', 0],
  ];
  for (const [retcode, expected] of codes) {
    const master = new FakeMaster();
    master.answer = () => ({ jid: JID, minions: ['a'], missing: [] });
    const run = master.run();
    await run.started;
    await settled();
    master.back('a', retcode === undefined ? { return: 1 } : { return: 1, retcode });
    const { value } = await run.next();
    assert.equal(value?.retcode, expected, JSON.stringify(retcode));
  }
});
