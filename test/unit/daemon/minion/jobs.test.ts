import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job } from '../../../../src/channel/publication-reader.ts';
import type { ExactValue } from '../../../../src/codec/msgpack/values.ts';
import type { FunctionHost, MinionFunction } from '../../../../src/daemon/functions/function.ts';
import { onDiagnostics } from '../../../../src/diagnostics.ts';
import { Jobs } from '../../../../src/daemon/minion/jobs.ts';
import type { JobsOptions } from '../../../../src/daemon/minion/jobs.ts';

function job(fun: string | readonly string[], changes: Readonly<Record<string, ExactValue>> = {}): Job {
  const fields = { fun, arg: [] as ExactValue[], tgt: '*', jid: '20261125000000000000', ...changes };
  return { cmd: 'job', ...fields, whole: new Map<ExactValue, ExactValue>(Object.entries(fields)) };
}

interface Rig {
  readonly jobs: Jobs;
  readonly returned: Map<string, unknown>[];
  readonly run: (job: Job) => void;
  /** Ends the oldest job that waits to be told to. */
  readonly finish: (value?: unknown) => Promise<void>;
}

function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function rig(options: Partial<JobsOptions> = {}): Rig {
  const waiting: ((value: unknown) => void)[] = [];
  const returned: Map<string, unknown>[] = [];
  const slow: MinionFunction = {
    name: 'my.slow',
    doc: '',
    parameters: { rest: true },
    run: ({ signal }) =>
      new Promise((resolve, reject) => {
        waiting.push(resolve);
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      }),
  };
  const quick: MinionFunction = {
    name: 'my.quick',
    doc: '',
    parameters: { rest: true },
    isUrgent: true,
    run: ({ rest }) => rest,
  };
  const host = {
    functions: new Map([slow, quick].map((each) => [each.name, each])),
    grains: () => new Map<string, unknown>(),
    pillar: () => new Map(),
  } as Partial<FunctionHost> as FunctionHost;
  const jobs = new Jobs({ id: 'web1', isOrdered: false, ...options });
  return {
    jobs,
    returned,
    run: (each) => {
      jobs.run(each, host, (load) => returned.push(load));
    },
    finish: async (value) => {
      waiting.shift()?.(value);
      await settled();
    },
  };
}

test('the load of a return, with what the caller gave for others to read', async () => {
  const { run, returned } = rig();
  run(
    job('my.quick', {
      arg: [1, 'x'],
      user: 'sudo_bob',
      metadata: new Map([['why', 1]]),
      master_id: 'up',
      to: 5,
    }),
  );
  await settled();
  assert.deepEqual(returned, [
    new Map<string, unknown>([
      ['cmd', '_return'],
      ['id', 'web1'],
      ['success', true],
      ['return', [1, 'x']],
      ['retcode', 0],
      ['jid', '20261125000000000000'],
      ['fun', 'my.quick'],
      ['fun_args', [1, 'x']],
      ['user', 'sudo_bob'],
      ['master_id', 'up'],
      ['metadata', new Map([['why', 1]])],
    ]),
  ]);
});

test('several functions: maps by their names, or lists in their order', async () => {
  const many = job(['my.quick', 'no.such'], { arg: [[1], []] });
  const byName = rig();
  byName.run(many);
  await settled();
  const [load] = byName.returned;
  assert.deepEqual(
    load?.get('return'),
    new Map<string, unknown>([
      ['my.quick', [1]],
      ['no.such', "'no.such' is not available."],
    ]),
  );
  assert.deepEqual(
    load.get('retcode'),
    new Map([
      ['my.quick', 0],
      ['no.such', 1],
    ]),
  );
  assert.deepEqual(
    load.get('success'),
    new Map([
      ['my.quick', true],
      ['no.such', false],
    ]),
  );
  const inOrder = rig({ isOrdered: true });
  inOrder.run(many);
  await settled();
  assert.deepEqual(inOrder.returned[0]?.get('return'), [[1], "'no.such' is not available."]);
  assert.deepEqual(inOrder.returned[0].get('success'), [true, false]);
});

test('so many at a time, others wait, and one more is answered that there are too many', async () => {
  const { jobs, run, returned, finish } = rig({ maxRunning: 1, maxWaiting: 1 });
  for (const jid of ['1', '2', '3']) run(job('my.slow', { jid }));
  assert.deepEqual(
    jobs.running().map((each) => each.get('jid')),
    ['1'],
  );
  assert.deepEqual(
    returned.map((load) => [load.get('jid'), load.get('return'), load.get('retcode')]),
    [['3', 'ERROR: The minion has too many jobs', 1]],
  );
  // what others wait for is answered at once
  run(job('my.quick', { jid: '4' }));
  await finish('a');
  await finish('b');
  assert.deepEqual(
    returned.map((load) => load.get('jid')),
    ['3', '4', '1', '2'],
  );
  const { began, succeeded, refused, running, waiting } = jobs.counters;
  assert.deepEqual([began, succeeded, refused, running, waiting], [3, 3, 1, 0, 0]);
});

test('a job that is killed returns that', async () => {
  const { jobs, run, returned } = rig();
  run(job('my.slow'));
  assert.equal(jobs.kill('other'), false);
  assert.equal(jobs.kill('20261125000000000000'), true);
  await settled();
  assert.deepEqual([returned[0]?.get('return'), jobs.counters.failed], ['ERROR: The job was ended', 1]);
});

test('the end waits for jobs that run, and refuses those that wait', async () => {
  const { jobs, run, returned, finish } = rig({ maxRunning: 1 });
  run(job('my.slow', { jid: '1' }));
  run(job('my.slow', { jid: '2' }));
  let isDrained = false;
  const drained = jobs.drain().then(() => (isDrained = true));
  await settled();
  assert.deepEqual(
    [isDrained, returned.map((load) => load.get('return'))],
    [false, ['ERROR: The minion is being stopped']],
  );
  await finish('a');
  await drained;
  assert.equal(returned[1]?.get('return'), 'a');
});

test('a job that names a returner is told of, and returns all the same', async () => {
  const { run, returned } = rig();
  const told: unknown[] = [];
  const end = onDiagnostics('saltbus:minion:job', (each) => {
    if (each.what === 'no-returner') told.push(each);
  });
  run(job('my.quick', { ret: '' }));
  run(job('my.quick', { ret: 'master_bus,mysql' }));
  await settled();
  end();
  assert.deepEqual(told, [
    { jid: '20261125000000000000', fun: 'my.quick', what: 'no-returner', returner: 'master_bus,mysql' },
  ]);
  assert.equal(returned.length, 2);
});
