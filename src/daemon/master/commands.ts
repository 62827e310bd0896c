/**
 * The commands that a minion may send over its encrypted channel, as an allow-list (CVE-2020-11651), with what answers each.
 *
 * What comes in was decrypted and its sender verified; what goes out is a value, and events for the bus.
 */
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { SaltbusError } from '../../errors.ts';
import { BATCH_LIMITS, batchReply, eventIdIn, helloReply } from '../delivery.ts';
import type { AcceptedEvents } from './accepted.ts';
import { acceptPackages, packagesIn } from './events/accepted-events.ts';
import { minionEvents } from './events/minion-event.ts';
import type { MinionEventOptions } from './events/minion-event.ts';
import { returnEvents } from './events/return-event.ts';
import type { FileServer } from './files/file-server.ts';
import type { JobRecords } from './jobs/job-records.ts';
import { isTruthy, mapOf, refusal } from './load.ts';
import type { BusEvent, Load, Refusal } from './load.ts';
import { masterOpts } from './master-opts.ts';
import type { Mine } from './mine/mine.ts';
import { answerPillar } from './pillar/pillar-request.ts';
import type { PillarParts } from './pillar/pillar-request.ts';

/** A request whose sender is verified. */
export interface MinionRequest {
  /** The id that the channel has verified; that of the load equals it. */
  readonly sender: string;
  readonly load: Load;
  /** What the request took on the wire. */
  readonly bytes: number;
}

/** What is answered, and what is to be fired. */
export interface Answer {
  readonly reply: ExactValue;
  /** `pillar`: the reply is the map that goes into the signed form of `_pillar`. */
  readonly form: 'plain' | 'pillar';
  readonly events: readonly BusEvent[];
  /** For counters, and for a log at a bounded rate. */
  readonly refused: readonly Refusal[];
  /** What went wrong while it was answered, for the log. */
  readonly error?: unknown;
}

/** Answers one command; at once where nothing has to be read from a disk. */
export type MinionCommand = (request: MinionRequest) => Answer | Promise<Answer>;

/** What the commands work on. */
export interface MasterParts extends PillarParts {
  readonly files: FileServer;
  readonly mine: Mine;
  readonly jobs: JobRecords;
  readonly newJid: () => string;
  readonly events: MinionEventOptions;
  /** Where events with ids are kept; `undefined` when they are not. */
  readonly accepted?: AcceptedEvents | undefined;
  /** The options of the master that minions take over, by name. @defaultValue Salt's defaults */
  readonly masterOptions?: ReadonlyMap<string, ExactValue>;
  /** Deletes the key of a minion that asks for it; `undefined` when `allow_minion_key_revoke` is false. */
  readonly revokeKey?: (id: string, options: { readonly keepCache: boolean }) => boolean | Promise<boolean>;
}

/** Builds the table; a command that is not in it is answered by {@link answerCommand}. */
export function minionCommands(parts: MasterParts): ReadonlyMap<string, MinionCommand> {
  const { files, mine } = parts;
  const filed =
    (read: (load: Load) => ExactValue | Promise<ExactValue>): MinionCommand =>
    async ({ load }) =>
      plain(await read(load));
  return new Map<string, MinionCommand>([
    ['_minion_event', (request) => fire(request, parts)],
    ['_saltbus_hello', (request) => hello(request, parts)],
    ['_saltbus_events', (request) => takeEvents(request, parts)],
    ['_return', (request) => takeReturn(request, parts)],
    ['_pillar', (request) => pillar(request, parts)],
    ['_file_envs', () => plain(files.envs())],
    ['_file_list', filed((load) => files.fileList(load))],
    ['_file_list_emptydirs', filed((load) => files.emptyDirs(load))],
    ['_dir_list', filed((load) => files.dirList(load))],
    ['_symlink_list', filed((load) => files.symlinkList(load))],
    ['_file_find', filed((load) => files.find(load))],
    ['_file_hash', filed((load) => files.hash(load))],
    ['_file_hash_and_stat', filed((load) => files.hashAndStat(load))],
    ['_serve_file', filed((load) => files.serve(load))],
    ['_mine', ({ load, sender }) => plain(mine.update(load, sender))],
    ['_mine_get', ({ load, sender }) => plain(mine.get(load, sender))],
    ['_mine_delete', ({ load, sender }) => plain(mine.deleteFunction(load, sender))],
    ['_mine_flush', ({ sender }) => plain(mine.flush(sender))],
    ['_master_opts', ({ load }) => plain(masterOpts(load, files.envs(), parts.masterOptions))],
    ['_master_tops', () => plain(new Map())],
    ['_ext_nodes', () => plain(new Map())],
    ['_register_resources', ({ sender }) => registerResources(sender)],
    ['revoke_auth', (request) => revoke(request, parts)],
    // as a master answers that has `file_recv` off, no `peer` and no `peer_run`
    ['_file_recv', refused(false)],
    ['minion_pub', refused(new Map())],
    ['minion_publish', refused(new Map())],
    ['minion_runner', refused(new Map())],
    ['pub_ret', refused(new Map())],
    // a syndic is no minion, and what it sends speaks for others
    ['_syndic_return', refused(new Map())],
  ]);
}

/**
 * Answers a request: an unknown command gets an empty map and one that fails '', as from real masters (3006.30, 3007.17,
 * 3008.5). Never throws nor rejects, because a request that is not answered blocks the minion (CVE-2023-20897).
 */
export function answerCommand(
  commands: ReadonlyMap<string, MinionCommand>,
  request: MinionRequest,
): Answer | Promise<Answer> {
  const name = request.load.get('cmd');
  const command = typeof name === 'string' ? commands.get(name) : undefined;
  if (command === undefined) return plain(new Map(), [], [refusal('not-served', name)]);
  try {
    const answer = command(request);
    return answer instanceof Promise ? answer.catch((error: unknown) => failed(error, name)) : answer;
  } catch (error) {
    return failed(error, name);
  }
}

function failed(error: unknown, name: ExactValue | undefined): Answer {
  const isLimit = error instanceof SaltbusError && error.code === 'ERR_SALTBUS_LIMIT';
  return { ...plain('', [], [refusal(isLimit ? 'limit' : 'failed', name)]), error };
}

function plain(
  reply: ExactValue,
  events: readonly BusEvent[] = [],
  refusals: readonly Refusal[] = [],
): Answer {
  return { reply, form: 'plain', events, refused: refusals };
}

function refused(reply: ExactValue): MinionCommand {
  return ({ load }) => plain(reply, [], [refusal('not-served', load.get('cmd'))]);
}

function fire({ load, sender }: MinionRequest, parts: MasterParts): Answer | Promise<Answer> {
  const id = parts.accepted === undefined ? undefined : eventIdIn(load);
  if (parts.accepted !== undefined && id !== undefined)
    return accept({ load, sender }, id, parts, parts.accepted);
  const { events, refused: refusals } = minionEvents(load, sender, parts.events);
  return plain(null, events, refusals);
}

async function accept(
  { load, sender }: Pick<MinionRequest, 'load' | 'sender'>,
  id: string,
  parts: MasterParts,
  store: AcceptedEvents,
): Promise<Answer> {
  const { events, refused: refusals } = await acceptPackages([{ id, load }], sender, parts.events, store);
  return plain(null, events, refusals);
}

// A master that keeps no events answers as a real one: its minions then send as to a real one.
function hello({ load }: MinionRequest, { accepted }: MasterParts): Answer {
  return plain(accepted === undefined ? new Map() : helloReply(load.get('version')));
}

async function takeEvents({ load, sender }: MinionRequest, parts: MasterParts): Promise<Answer> {
  if (parts.accepted === undefined) return plain(new Map(), [], [refusal('not-served', '_saltbus_events')]);
  const packages = packagesIn(load);
  if (packages === undefined) return plain('', [], [refusal('shape')]);
  // nothing is accepted of what is beyond the agreement: what is refused is given up by the minion
  if (packages.length > BATCH_LIMITS.events) return plain('', [], [refusal('limit')]);
  const {
    events,
    refused: refusals,
    refusedPlaces,
  } = await acceptPackages(packages, sender, parts.events, parts.accepted);
  return plain(batchReply(refusedPlaces), events, refusals);
}

function takeReturn({ load, sender, bytes }: MinionRequest, parts: MasterParts): Answer {
  const {
    job,
    events,
    refused: refusals,
  } = returnEvents(load, sender, {
    ...parts.events,
    newJid: parts.newJid,
  });
  if (job?.isCached === true) parts.jobs.addReturn(job.jid, sender, job.load, bytes);
  return plain(null, events, refusals);
}

async function pillar({ load, sender }: MinionRequest, parts: MasterParts): Promise<Answer> {
  const answer = await answerPillar(load, sender, parts);
  if (answer === undefined) return plain(false, [], [refusal('shape')]);
  return { reply: answer.pillar, form: 'pillar', events: answer.events, refused: [] };
}

// Resources are not kept: nothing here targets them.
function registerResources(sender: string): Answer {
  const event = { tag: `resource/refresh/${sender}`, data: mapOf({ 'Resource cache refresh': sender }) };
  return plain(true, [event]);
}

async function revoke({ load, sender }: MinionRequest, parts: MasterParts): Promise<Answer> {
  if (parts.revokeKey === undefined) return plain(false, [], [refusal('not-served', 'revoke_auth')]);
  const keepCache = isTruthy(load.get('preserve_minion_cache'));
  return plain(await parts.revokeKey(sender, { keepCache }));
}
