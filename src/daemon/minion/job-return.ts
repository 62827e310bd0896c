/**
 * What a master is told of a job that has ended: the load of `_return`, with the fields that real minions send (3006.30, 3007.17, 3008.5).
 */
import type { Job } from '../../channel/publication-reader.ts';
import type { FunctionResult } from '../functions/run.ts';

/** How a job went. */
export interface JobResult {
  readonly fields: ReadonlyMap<string, unknown>;
  readonly isGood: boolean;
}

/** The result of a job of one function. */
export function oneResult(result: FunctionResult): JobResult {
  const fields = new Map<string, unknown>([
    ['success', result.success],
    ['return', result.return],
    ['retcode', result.retcode],
  ]);
  if (result.out !== undefined) fields.set('out', result.out);
  return { fields, isGood: result.success };
}

/** The result of a job of several functions: maps by their names, or lists in their order (`multifunc_ordered`). */
export function manyResults(
  results: readonly { readonly name: string; readonly result: FunctionResult }[],
  isOrdered: boolean,
): JobResult {
  const gather = (value: (result: FunctionResult) => unknown): unknown =>
    isOrdered
      ? results.map(({ result }) => value(result))
      : new Map(results.map(({ name, result }) => [name, value(result)]));
  const fields = new Map<string, unknown>([
    ['return', gather((result) => result.return)],
    ['retcode', gather((result) => result.retcode)],
    ['success', gather((result) => result.success)],
  ]);
  return { fields, isGood: results.every(({ result }) => result.success) };
}

/** The result of a job that was not run. */
export function refusedResult(job: Job, why: string, isOrdered: boolean): JobResult {
  const result: FunctionResult = { return: `ERROR: ${why}`, retcode: 1, success: false, out: 'nested' };
  if (typeof job.fun === 'string') return oneResult(result);
  return manyResults(
    job.fun.map((name) => ({ name, result })),
    isOrdered,
  );
}

/** The load. */
export function jobReturn(id: string, job: Job, result: JobResult): Map<string, unknown> {
  const load = new Map<string, unknown>([
    ['cmd', '_return'],
    ['id', id],
    ...result.fields,
    ['jid', job.jid],
    ['fun', job.fun],
    ['fun_args', job.arg],
  ]);
  // what the caller gave for others to read: copied as it came
  for (const name of ['user', 'master_id', 'metadata']) {
    const value = job.whole.get(name);
    if (value === undefined || (name === 'metadata' && !(value instanceof Map))) continue;
    load.set(name, value);
  }
  return load;
}
