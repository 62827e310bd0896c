/**
 * `_return`: from the result of a job to the events on the bus of the master.
 */
import type { ExactValue } from '../../../codec/msgpack/values.ts';
import { isJid } from '../jobs/jid.ts';
import { isList, isMap, isTruthy, refusal } from '../load.ts';
import type { Load } from '../load.ts';
import { Outgoing, readTag, requestData } from './minion-event.ts';
import type { FiredEvents, MinionEventOptions } from './minion-event.ts';

/** How returns are let through. */
export interface ReturnOptions extends Pick<MinionEventOptions, 'acl' | 'stampSender'> {
  /** Makes a job id, for a minion that began a job by itself. */
  readonly newJid: () => string;
  /** Most error events of one return; the rest is counted. @defaultValue 1000 */
  readonly maxSubEvents?: number;
}

/** A return that was taken, and what is to be fired. */
export interface TakenReturn extends FiredEvents {
  /** The id of the job, and the whole return as it is fired; `undefined` when it was refused. */
  readonly job: { readonly jid: string; readonly load: Load; readonly isCached: boolean } | undefined;
}

/** The functions whose failed states are told one by one (all releases). */
const SUB_EVENTS: ReadonlySet<ExactValue> = new Set<ExactValue>(['state.highstate', 'state.sls']);

/** Reads a return. One without `return`, `jid` or `id` is ignored, as by real masters, and counted here. */
export function returnEvents(load: Load, sender: string, options: ReturnOptions): TakenReturn {
  const out = new Outgoing(sender, options);
  const taken = readReturn(load, sender, options, out);
  if (taken !== undefined) {
    out.addOwn(`salt/job/${taken.jid}/ret/${sender}`, taken.load);
    addSubEvents(taken.load, taken.jid, sender, options.maxSubEvents ?? 1000, out);
  }
  return { job: taken, events: out.events, refused: out.refused };
}

function readReturn(load: Load, sender: string, options: ReturnOptions, out: Outgoing): TakenReturn['job'] {
  if (!load.has('return') || !load.has('jid') || load.get('id') !== sender) {
    out.refuse(refusal('shape'));
    return undefined;
  }
  // 3008 puts this in the place of the id after it has checked who sends; it would be a way to answer for others
  const resource = load.get('resource_id');
  if (resource !== undefined && resource !== sender) {
    out.refuse(refusal('foreign-id', resource));
    return undefined;
  }
  const jid = load.get('jid');
  if (jid === 'req') {
    const own = options.newJid();
    return { jid: own, load: ownJob(requestData(load), own, sender), isCached: true };
  }
  if (jid === 'nocache') return { jid, load: requestData(load), isCached: false };
  if (isJid(jid)) return { jid, load: requestData(load), isCached: true };
  out.refuse(refusal('jid', jid));
  return undefined;
}

// A minion that began the job asks for its id and does not say whom it is for (all releases).
function ownJob(load: Load, jid: string, sender: string): Load {
  const data = new Map<ExactValue, ExactValue>(load);
  data.set('arg', load.get('arg') ?? load.get('fun_args') ?? []);
  data.set('tgt_type', 'glob');
  data.set('tgt', sender);
  return data.set('jid', jid);
}

function addSubEvents(load: Load, jid: string, sender: string, most: number, out: Outgoing): void {
  const fun = load.get('fun');
  const retcode = load.get('retcode');
  const result = load.get('return');
  if (!isTruthy(retcode)) return;
  const budget = { left: most };
  if (!isList(fun)) {
    if (SUB_EVENTS.has(fun ?? null))
      addFailures({ load, jid, sender, fun: fun as string }, retcode, result, budget, out);
    return;
  }
  // several functions: lists in their order, or maps by their names
  for (const [index, name] of fun.slice(0, most).entries()) {
    if (!SUB_EVENTS.has(name)) continue;
    const code = partOf(retcode, index, name);
    if (isTruthy(code)) {
      addFailures({ load, jid, sender, fun: name as string }, code, partOf(result, index, name), budget, out);
    }
  }
}

function partOf(value: ExactValue | undefined, index: number, name: ExactValue): ExactValue | undefined {
  if (isList(value)) return value[index];
  return isMap(value) ? value.get(name) : undefined;
}

interface Job {
  readonly load: Load;
  readonly jid: string;
  readonly sender: string;
  readonly fun: string;
}

function addFailures(
  { load, jid, sender, fun }: Job,
  retcode: ExactValue | undefined,
  result: ExactValue | undefined,
  budget: { left: number },
  out: Outgoing,
): void {
  if (!isMap(result)) return;
  for (const [key, state] of result) {
    if (typeof key !== 'string' || !isMap(state) || state.get('result') !== false) continue;
    if (budget.left === 0) {
      out.refuse(refusal('limit', key));
      continue;
    }
    budget.left -= 1;
    const parts = key.split('_|-');
    const name = `${parts[0] ?? ''}.${parts.at(-1) ?? ''}`;
    const data = new Map<ExactValue, ExactValue>(state).set('retcode', retcode ?? null);
    // The old form: its tag is the text of the minion, so it is checked as an event of the minion; a state whose name
    // makes no tag has the new form only.
    if (readTag(name) !== undefined) out.add(name, data);
    const told = new Map(data)
      .set('jid', jid)
      .set('id', sender)
      .set('success', false)
      .set('return', `Error: ${name}`)
      .set('fun', fun);
    const user = load.get('user');
    if (user !== undefined) told.set('user', user);
    out.addOwn(`salt/job/${jid}/sub/${sender}/error/${fun}`, told);
  }
}
