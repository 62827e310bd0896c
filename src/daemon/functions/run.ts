/**
 * Runs one function of a job, and says how it went as real minions do (3006.30, 3007.17, 3008.5): nothing that a function does ends the
 * minion.
 */
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { SaltbusError } from '../../errors.ts';
import { bindArguments } from './arguments.ts';
import type { FunctionHost } from './function.ts';
import { docsOf } from './sys.ts';

/** How a function went. */
export interface FunctionResult {
  readonly return: unknown;
  readonly retcode: number;
  readonly success: boolean;
  /** The outputter that the command line is told. */
  readonly out?: string;
}

/** Runs a function with the arguments of a job. Never rejects. */
export async function runFunction(
  host: FunctionHost,
  name: string,
  args: readonly ExactValue[],
  job: ReadonlyMap<ExactValue, ExactValue>,
  signal: AbortSignal,
): Promise<FunctionResult> {
  const target = host.functions.get(name);
  if (target === undefined) return failed(unavailable(host, name));
  if (isBlackedOut(host, name)) {
    return failed(
      `ERROR executing '${name}': Minion in blackout mode. Set 'minion_blackout' to False in pillar or grains to resume operations. ` +
        'Only saltutil.refresh_pillar allowed in blackout mode.',
    );
  }
  const bound = bindArguments(target, args, job);
  if (bound.kind === 'keyword') return failed(`ERROR executing '${name}': ${bound.message}`);
  if (bound.kind === 'type')
    return failed(`Passed invalid arguments to ${name}: ${bound.message}\n${target.doc}`);
  try {
    const value = (await target.run({ ...bound.call, signal, host })) ?? null;
    const isGood = saysGood(value);
    return {
      return: value,
      retcode: isGood ? 0 : 1,
      success: isGood,
      ...(target.out === undefined ? {} : { out: target.out }),
    };
  } catch (error) {
    return failed(words(name, error));
  }
}

// A text that begins like a function brings out what there is, with the verdict among it.
function unavailable(host: FunctionHost, name: string): unknown {
  const verdict = `'${name}' is not available.`;
  const docs: Map<string, string> = docsOf(host, [`${name}*`]);
  return docs.size === 0 ? verdict : docs.set(name, verdict);
}

function words(name: string, error: unknown): string {
  if (error instanceof SaltbusError) {
    const { message } = error;
    return error.code === 'ERR_SALTBUS_USAGE' ? `ERROR executing '${name}': ${message}` : `ERROR: ${message}`;
  }
  return `The minion function caused an exception: ${error instanceof Error ? error.message : String(error)}`;
}

function failed(value: unknown): FunctionResult {
  return { return: value, retcode: 1, success: false, out: 'nested' };
}

// A map may say itself that it is no success.
function saysGood(value: unknown): boolean {
  if (!(value instanceof Map)) return true;
  return ['result', 'success'].every((key) => !value.has(key) || isTrue(value.get(key)));
}

function isTrue(value: unknown): boolean {
  if (value instanceof Map) return value.size > 0;
  if (Array.isArray(value)) return value.length > 0;
  return Boolean(value);
}

const ALWAYS_ALLOWED = 'saltutil.refresh_pillar';

function isBlackedOut(host: FunctionHost, name: string): boolean {
  if (name === ALWAYS_ALLOWED) return false;
  return [host.pillar(), host.grains()].some((data: ReadonlyMap<unknown, unknown>) => {
    if (!isTrue(data.get('minion_blackout'))) return false;
    const allowed = data.get('minion_blackout_whitelist');
    return !(Array.isArray(allowed) && allowed.includes(name));
  });
}
