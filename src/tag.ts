/**
 * Tags: what can be one on the wire, building them as Salt does, and taking Salt's own apart.
 */
import { SaltbusError } from './errors.ts';

/**
 * Checks that a tag reaches the other end as it is.
 *
 * A tag ends at the first two line feeds in a row (Salt 2015.5 and later), so two of them inside, or one at the end,
 * would give another tag and spoil the data behind it. Salt's client refuses an empty tag.
 * @throws SaltbusError `ERR_SALTBUS_TAG`
 */
export function checkTag(tag: string): void {
  const problem = problemOfTag(tag);
  if (problem === undefined) return;
  throw new SaltbusError('ERR_SALTBUS_TAG', problem);
}

function problemOfTag(tag: unknown): string | undefined {
  if (typeof tag !== 'string') return 'A tag is text';
  if (tag === '') return 'A tag is not empty';
  if (tag.includes('\n\n'))
    return `The tag ${JSON.stringify(tag)} holds two line feeds in a row, which end a tag`;
  if (tag.endsWith('\n'))
    return `The tag ${JSON.stringify(tag)} ends with a line feed, which would be taken for its end`;
  if (!tag.isWellFormed())
    return `The tag ${JSON.stringify(tag)} holds half a surrogate pair, which UTF-8 cannot say`;
  return undefined;
}

/**
 * Joins base, prefix and suffix with slashes, leaving out what is empty, as Salt's `tagify` does (all releases).
 *
 * The parts are not cleaned: one with a slash of its own at an end gives two in a row.
 */
export function tagify(suffix: string | readonly string[] = '', prefix = '', base = 'salt'): string {
  const suffixes = typeof suffix === 'string' ? [suffix] : suffix;
  return [base, prefix, ...suffixes].filter((part) => part !== '').join('/');
}

/** The tag of a job's return. @throws SaltbusError `ERR_SALTBUS_TAG` for an empty jid or id, or one with a slash */
export function jobReturnTag(jid: string, id: string): string {
  return build('salt', 'job', part('jid', jid), 'ret', part('id', id));
}

/** The tag that announces a job. @throws SaltbusError `ERR_SALTBUS_TAG` for an empty jid, or one with a slash */
export function jobNewTag(jid: string): string {
  return build('salt', 'job', part('jid', jid), 'new');
}

/** The tag of a minion that has signed in. @throws SaltbusError `ERR_SALTBUS_TAG` for an empty id, or one with a slash */
export function minionStartTag(id: string): string {
  return build('salt', 'minion', part('id', id), 'start');
}

/**
 * The tag of a beacon's event on the master; it ends with a slash where there is no suffix, as Salt's do.
 * @throws SaltbusError `ERR_SALTBUS_TAG` for an empty id or name, or one with a slash
 */
export function beaconTag(id: string, beacon: string, suffix = ''): string {
  return build('salt', 'beacon', part('id', id), part('name of the beacon', beacon), suffix);
}

/**
 * The tag under which a syndic passes an event of its own master on.
 * @throws SaltbusError `ERR_SALTBUS_TAG` for an empty id, one with a slash, or a tag that is none
 */
export function syndicTag(id: string, tag: string): string {
  checkTag(tag);
  return build('syndic', part('id', id), tag);
}

function part(what: string, value: string): string {
  if (value !== '' && !value.includes('/')) return value;
  throw new SaltbusError('ERR_SALTBUS_TAG', `${JSON.stringify(value)} cannot be the ${what} in a tag`, {
    next: 'Give one that is not empty and holds no slash.',
  });
}

function build(...parts: readonly string[]): string {
  const tag = parts.join('/');
  checkTag(tag);
  return tag;
}

/** What is done or over in a batch (Salt 3008.2 and later). */
export type BatchPhase = 'new' | 'progress' | 'complete' | 'halted' | 'stop' | 'recover';

/** A tag on which a minion daemon acts, where it has no kind of its own (`RESERVED_PREFIXES`). */
export type MinionCommand =
  | 'module_refresh'
  | 'pillar_refresh'
  | 'beacons_refresh'
  | 'matchers_refresh'
  | 'resource_refresh'
  | 'manage_schedule'
  | 'manage_beacons'
  | 'grains_refresh'
  | 'environ_setenv'
  | '_minion_mine'
  | 'fire_master'
  | '__master_disconnected'
  | '__master_failback'
  | '__master_connected'
  | '__schedule_return'
  | 'salt/auth/creds'
  | '__beacons_return';

/** A tag of Salt taken apart; `other` is every tag that is not documented. */
export type ParsedTag =
  // jobs
  | { readonly kind: 'job-new'; readonly jid: string }
  /** Salt 3007 and later. */
  | { readonly kind: 'job-publish'; readonly jid: string }
  /** `new_job`, the old name of `salt/job/<jid>/new`: the jid is in the data only. */
  | { readonly kind: 'legacy-job-new' }
  | { readonly kind: 'job-return'; readonly jid: string; readonly id: string }
  /** `step` is the number of the state, or of what a generator yielded. */
  | { readonly kind: 'job-progress'; readonly jid: string; readonly id: string; readonly step: string }
  | { readonly kind: 'job-error'; readonly jid: string }
  | { readonly kind: 'job-sub-error'; readonly jid: string; readonly id: string; readonly fun: string }
  /** Salt 3008, on request. */
  | { readonly kind: 'job-start'; readonly jid: string; readonly id: string }
  /** A bare jid: the minions of a job; up to Salt 3007. */
  | { readonly kind: 'job-minions'; readonly jid: string }
  | { readonly kind: 'state-result'; readonly jid: string; readonly id: string; readonly name: string }
  | { readonly kind: 'batch'; readonly jid: string; readonly phase: BatchPhase }
  // minions and their keys
  | { readonly kind: 'auth' }
  | { readonly kind: 'key' }
  | { readonly kind: 'key-rotation' }
  | { readonly kind: 'minion-start'; readonly id: string }
  /** `minion_start`: the id is in the data only. */
  | { readonly kind: 'legacy-minion-start' }
  | { readonly kind: 'minion-refresh'; readonly id: string }
  /** Salt 3008. */
  | { readonly kind: 'resource-refresh'; readonly id: string }
  | { readonly kind: 'minion-ping' }
  | { readonly kind: 'presence-present' }
  | { readonly kind: 'presence-change' }
  /** `suffix` is '' where the beacon gives none. */
  | { readonly kind: 'beacon'; readonly id: string; readonly beacon: string; readonly suffix: string }
  // runners, wheels and others on the master
  | { readonly kind: 'run-new'; readonly jid: string }
  | { readonly kind: 'run-return'; readonly jid: string }
  | { readonly kind: 'run-args'; readonly jid: string }
  | { readonly kind: 'run-progress'; readonly jid: string }
  | { readonly kind: 'wheel-new'; readonly jid: string }
  | { readonly kind: 'wheel-return'; readonly jid: string }
  | { readonly kind: 'cloud'; readonly vm: string; readonly phase: string }
  | { readonly kind: 'fileserver-update'; readonly backend: string }
  | { readonly kind: 'queue-process'; readonly queue: string }
  /** `path` is what follows `salt/netapi/hook/`; '' where nothing does. */
  | { readonly kind: 'netapi-hook'; readonly path: string }
  | { readonly kind: 'reactors-manage'; readonly action: string; readonly complete: boolean }
  | { readonly kind: 'scheduler'; readonly path: string }
  | { readonly kind: 'engine'; readonly engine: string; readonly path: string }
  | { readonly kind: 'stats'; readonly worker: string }
  | { readonly kind: 'event-listen-start' }
  | { readonly kind: 'salt-error' }
  // other masters
  | { readonly kind: 'syndic-start'; readonly id: string }
  | { readonly kind: 'legacy-syndic-start' }
  /** An event that a syndic passes up. */
  | { readonly kind: 'syndic'; readonly id: string; readonly innerTag: string; readonly inner: ParsedTag }
  | { readonly kind: 'cluster-peer'; readonly id: string }
  | {
      readonly kind: 'cluster-event';
      readonly peer: string;
      readonly innerTag: string;
      readonly inner: ParsedTag;
    }
  // on the bus of a minion
  /** A minion acts on everything that begins with the command; `rest` is what follows. */
  | { readonly kind: 'minion-command'; readonly command: MinionCommand; readonly rest: string }
  /** The data is a whole request for the master. `uuid` since 3006.10 and 3007.2, `master` since 3006.4 and 3007.0. */
  | {
      readonly kind: 'master-request';
      readonly uuid: string | undefined;
      readonly master: string | undefined;
    }
  | { readonly kind: 'master-reply'; readonly uuid: string }
  /** `/salt/minion/...`, with a slash in front: a refresh, the schedule or the beacons are done. */
  | { readonly kind: 'completion'; readonly name: string }
  | { readonly kind: 'other' };

const OTHER: ParsedTag = { kind: 'other' };

// Syndics below syndics: deeper than any tree of masters, and no tag can make us run out of stack.
const DEEPEST_INNER = 8;

/** Takes a tag apart; never throws. Ids can hold dots but no slashes. */
export function parseTag(tag: string): ParsedTag {
  return parse(tag, 0);
}

function parse(tag: string, depth: number): ParsedTag {
  if (tag.startsWith('salt/')) return parseSalt(tag) ?? OTHER;
  if (tag.startsWith('syndic/')) return parseSyndic(tag, depth) ?? OTHER;
  if (tag.startsWith('cluster/')) return parseCluster(tag, depth) ?? OTHER;
  return WHOLE_TAGS.get(tag) ?? parseMinionBus(tag) ?? parseRefresh(tag) ?? parseJid(tag) ?? OTHER;
}

const WHOLE_TAGS: ReadonlyMap<string, ParsedTag> = new Map<string, ParsedTag>([
  ['key', { kind: 'key-rotation' }],
  ['new_job', { kind: 'legacy-job-new' }],
  ['minion_start', { kind: 'legacy-minion-start' }],
  ['syndic_start', { kind: 'legacy-syndic-start' }],
  ['minion_ping', { kind: 'minion-ping' }],
  ['_salt_error', { kind: 'salt-error' }],
  ['salt/auth', { kind: 'auth' }],
  ['salt/key', { kind: 'key' }],
  ['salt/presence/present', { kind: 'presence-present' }],
  ['salt/presence/change', { kind: 'presence-change' }],
  ['salt/event_listen/start', { kind: 'event-listen-start' }],
  ['salt/netapi/hook', { kind: 'netapi-hook', path: '' }],
]);

function parseSalt(tag: string): ParsedTag | undefined {
  const whole = WHOLE_TAGS.get(tag);
  if (whole !== undefined) return whole;
  const [, area, ...parts] = tag.split('/');
  switch (area) {
    case 'job':
      return parseJob(parts);
    case 'state_result':
      return parseStateResult(parts);
    case 'batch':
      return parseBatch(parts);
    case 'run':
      return parseRun(parts);
    case 'wheel':
      return parseWheel(parts);
    case 'beacon':
      return parseBeacon(parts);
    case 'engine':
    case 'engines':
      return parseEngine(parts);
    case 'reactors':
      return parseReactors(parts);
    case 'scheduler':
      return { kind: 'scheduler', path: parts.join('/') };
    case 'netapi':
      return parts[0] === 'hook' ? { kind: 'netapi-hook', path: parts.slice(1).join('/') } : undefined;
    case 'auth':
      return tag.startsWith('salt/auth/creds') ? command('salt/auth/creds', tag) : undefined;
    default:
      return parseShort(area, parts);
  }
}

function command(name: MinionCommand, tag: string): ParsedTag {
  return { kind: 'minion-command', command: name, rest: tag.slice(name.length) };
}

function parseJob([jid, what, id, last, fun, ...more]: readonly string[]): ParsedTag | undefined {
  if (!isName(jid) || more.length > 0) return undefined;
  if (id === undefined) {
    if (what === 'new') return { kind: 'job-new', jid };
    if (what === 'publish') return { kind: 'job-publish', jid };
    if (what === 'error') return { kind: 'job-error', jid };
    return undefined;
  }
  if (id === '') return undefined;
  if (last === undefined) {
    if (what === 'ret') return { kind: 'job-return', jid, id };
    if (what === 'start') return { kind: 'job-start', jid, id };
    return undefined;
  }
  if (fun === undefined)
    return what === 'prog' && last !== '' ? { kind: 'job-progress', jid, id, step: last } : undefined;
  return what === 'sub' && last === 'error' && fun !== ''
    ? { kind: 'job-sub-error', jid, id, fun }
    : undefined;
}

/** The name of a state can hold slashes. */
function parseStateResult([jid, id, ...name]: readonly string[]): ParsedTag | undefined {
  if (!isName(jid) || !isName(id) || name.length === 0) return undefined;
  return { kind: 'state-result', jid, id, name: name.join('/') };
}

const BATCH_PHASES: ReadonlySet<string> = new Set<BatchPhase>([
  'new',
  'progress',
  'complete',
  'halted',
  'stop',
  'recover',
]);

function isBatchPhase(phase: string | undefined): phase is BatchPhase {
  return phase !== undefined && BATCH_PHASES.has(phase);
}

function parseBatch([jid, phase, ...more]: readonly string[]): ParsedTag | undefined {
  return isName(jid) && isBatchPhase(phase) && more.length === 0 ? { kind: 'batch', jid, phase } : undefined;
}

function parseRun([jid, what, ...more]: readonly string[]): ParsedTag | undefined {
  if (!isName(jid) || more.length > 0) return undefined;
  if (what === 'new') return { kind: 'run-new', jid };
  if (what === 'ret') return { kind: 'run-return', jid };
  if (what === 'args') return { kind: 'run-args', jid };
  if (what === 'progress') return { kind: 'run-progress', jid };
  return undefined;
}

function parseWheel([jid, what, ...more]: readonly string[]): ParsedTag | undefined {
  if (!isName(jid) || more.length > 0) return undefined;
  if (what === 'new') return { kind: 'wheel-new', jid };
  if (what === 'ret') return { kind: 'wheel-return', jid };
  return undefined;
}

function parseBeacon([id, beacon, ...suffix]: readonly string[]): ParsedTag | undefined {
  return isName(id) && isName(beacon) ? { kind: 'beacon', id, beacon, suffix: suffix.join('/') } : undefined;
}

function parseEngine([engine, ...path]: readonly string[]): ParsedTag | undefined {
  return isName(engine) ? { kind: 'engine', engine, path: path.join('/') } : undefined;
}

/** What has a name and one more word behind the area, or (stats) the name alone. */
function parseShort(
  area: string | undefined,
  [first, second, ...more]: readonly string[],
): ParsedTag | undefined {
  if (!isName(first) || more.length > 0) return undefined;
  if (area === 'stats') return second === undefined ? { kind: 'stats', worker: first } : undefined;
  if (!isName(second)) return undefined;
  switch (`${area ?? ''}/${second}`) {
    case 'minion/start':
      return { kind: 'minion-start', id: first };
    case 'syndic/start':
      return { kind: 'syndic-start', id: first };
    case 'fileserver/update':
      return { kind: 'fileserver-update', backend: first };
    case 'queue/process':
      return { kind: 'queue-process', queue: first };
  }
  if (area === 'cloud') return { kind: 'cloud', vm: first, phase: second };
  return undefined;
}

/** Such as `add`, answered by `add-complete`; but `list` by `list-results`, and `is_leader` by `leader/value`. */
function parseReactors([manage, ...words]: readonly string[]): ParsedTag | undefined {
  const action = words.join('/');
  if (manage !== 'manage' || action === '') return undefined;
  const complete = action.endsWith('-complete');
  return {
    kind: 'reactors-manage',
    action: complete ? action.slice(0, -'-complete'.length) : action,
    complete,
  };
}

function parseSyndic(tag: string, depth: number): ParsedTag | undefined {
  const end = tag.indexOf('/', 'syndic/'.length);
  const id = tag.slice('syndic/'.length, end);
  const innerTag = tag.slice(end + 1);
  if (end === -1 || id === '' || innerTag === '') return undefined;
  return { kind: 'syndic', id, innerTag, inner: depth < DEEPEST_INNER ? parse(innerTag, depth + 1) : OTHER };
}

function parseCluster(tag: string, depth: number): ParsedTag | undefined {
  const [, what, peer] = tag.split('/', 3);
  if (!isName(peer)) return undefined;
  const innerTag = tag.slice(`cluster/event/${peer}/`.length);
  if (what === 'peer') return tag === `cluster/peer/${peer}` ? { kind: 'cluster-peer', id: peer } : undefined;
  if (what !== 'event' || innerTag === '') return undefined;
  return {
    kind: 'cluster-event',
    peer,
    innerTag,
    inner: depth < DEEPEST_INNER ? parse(innerTag, depth + 1) : OTHER,
  };
}

const MINION_COMMANDS: readonly MinionCommand[] = [
  'module_refresh',
  'pillar_refresh',
  'beacons_refresh',
  'matchers_refresh',
  'resource_refresh',
  'manage_schedule',
  'manage_beacons',
  'grains_refresh',
  'environ_setenv',
  '_minion_mine',
  'fire_master',
  '__master_disconnected',
  '__master_failback',
  '__master_connected',
  '__schedule_return',
  '__beacons_return',
];

const REQUEST = '__master_req_channel_payload';
const REPLY = '__master_req_channel_return/';
const COMPLETION = '/salt/minion/';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function parseMinionBus(tag: string): ParsedTag | undefined {
  if (tag.startsWith(REQUEST)) return parseRequest(tag.slice(REQUEST.length));
  if (tag.startsWith(REPLY)) return { kind: 'master-reply', uuid: tag.slice(REPLY.length) };
  if (tag.startsWith('_salt_error')) return { kind: 'salt-error' };
  if (tag.startsWith(COMPLETION)) {
    const name = tag.slice(COMPLETION.length);
    return name.endsWith('_complete') || name === 'minion_schedule_saved'
      ? { kind: 'completion', name }
      : undefined;
  }
  const name = MINION_COMMANDS.find((prefix) => tag.startsWith(prefix));
  return name === undefined ? undefined : command(name, tag);
}

/** Nothing, `/<master>`, or `/<uuid>/<master>`. */
function parseRequest(rest: string): ParsedTag {
  const [, first = ''] = rest.split('/', 2);
  const uuid = UUID.test(first) ? first : undefined;
  const master = rest.slice(uuid === undefined ? 1 : uuid.length + 2);
  return { kind: 'master-request', uuid, master: master === '' ? undefined : master };
}

function parseRefresh(tag: string): ParsedTag | undefined {
  const [what, refresh, id, ...more] = tag.split('/', 4);
  if (refresh !== 'refresh' || !isName(id) || more.length > 0) return undefined;
  if (what === 'minion') return { kind: 'minion-refresh', id };
  return what === 'resource' ? { kind: 'resource-refresh', id } : undefined;
}

function parseJid(tag: string): ParsedTag | undefined {
  return /^\d{20}(?:_\d+)?$/.test(tag) ? { kind: 'job-minions', jid: tag } : undefined;
}

function isName(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}
