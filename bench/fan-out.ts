/** One firing process, many subscribers, nothing lost and nobody cut. */
import type { Figure } from './lib/report.ts';
import { Parts, message } from './lib/run-parts.ts';
import type { PartJob } from './lib/run-parts.ts';

/** Events a second that went in, until the last subscriber had all of its own. */
async function round(
  count: number,
  listeners: readonly Partial<PartJob>[],
  fire: Partial<PartJob>,
): Promise<number> {
  using parts = new Parts();
  const broker = await parts.up({ role: 'broker', count });
  const done = [];
  for (const job of listeners) {
    const listener = await parts.up({ role: 'listen', count, decode: true, ...job });
    done.push(message(listener, 'done'));
  }
  const begun = performance.timeOrigin + performance.now();
  parts.start({ role: 'fire', count, ...fire });
  const ends = await Promise.all(done);
  broker.send('state');
  const { cut } = await message(broker, 'state');
  if (cut !== 0) throw new Error(`${String(cut)} subscribers were cut`);
  // the start of the firing process is in it, some 300 ms
  return (count / (Math.max(...ends.map((end) => Number(end['endedAt']))) - begun)) * 1000;
}

async function rounds(times: number, measure: () => Promise<number>): Promise<number[]> {
  const rates = [];
  for (let index = 0; index < times; index += 1) rates.push(await measure());
  return rates;
}

/** 1 to 10, each in a process of its own that decodes all. */
export async function tenSubscribers(short: boolean): Promise<Figure> {
  const count = short ? 20_000 : 300_000;
  const listeners = Array.from({ length: short ? 3 : 10 }, () => ({}));
  return {
    name: `1 to ${listeners.length} subscribers, each in a process that decodes all`,
    unit: 'events/s in',
    rounds: { saltbus: await rounds(short ? 1 : 5, () => round(count, listeners, {})) },
  };
}

/** 1 to 100, each with a prefix that matches one event in a hundred; ten in a process. */
export async function filteredSubscribers(short: boolean): Promise<Figure> {
  const count = short ? 20_000 : 500_000;
  const processes = short ? 2 : 100;
  const listeners = Array.from({ length: processes }, (_, index) => ({
    expected: count / 100,
    patterns: [{ tag: `salt/job/${index}/` }],
  }));
  return {
    name: `1 to ${processes} subscribers with a prefix that matches 1 %, a process each`,
    unit: 'events/s in',
    rounds: { saltbus: await rounds(short ? 1 : 3, () => round(count, listeners, { spread: 100 })) },
  };
}

/** 200 subscriptions of all kinds in one process. */
export async function manySubscriptions(short: boolean): Promise<Figure> {
  const count = short ? 20_000 : 500_000;
  const patterns = Array.from({ length: 200 }, (_, index) => {
    const number = index >> 1;
    if (index % 2 === 0) return { tag: `salt/job/${number}/ret/` };
    if (index % 4 === 1) return { tag: `salt/job/${number}/*/web*`, match: 'glob' as const };
    return { tag: `salt/job/${number}/(ret|new)/web\\d+`, match: 'regex' as const };
  });
  return {
    name: '200 subscriptions (prefix, glob, regex) in one process, each matching 1 %',
    unit: 'events/s in',
    rounds: {
      saltbus: await rounds(short ? 1 : 5, () =>
        round(count, [{ expected: count / 100, patterns }], { spread: 100 }),
      ),
    },
  };
}

/** 4 kB state returns, decoded and left undecoded. */
export async function stateReturns(short: boolean): Promise<Figure> {
  const count = short ? 5000 : 200_000;
  const of = (decode: boolean): Promise<number[]> =>
    rounds(short ? 1 : 5, () => round(count, [{ decode }], { payload: 'state' }));
  return {
    name: '4 kB state returns, 1 to 1',
    unit: 'events/s',
    rounds: { 'saltbus, decoded': await of(true), 'saltbus, left undecoded': await of(false) },
  };
}
