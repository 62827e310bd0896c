/**
 * What programs can ask of a spool over the control socket.
 */
import { checkPackage } from '../../bus/fire-master.ts';
import { MsgpackCursor } from '../../codec/msgpack/cursor.ts';
import { decodeExact } from '../../codec/msgpack/decode.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { MOST_ITEMS } from '../../control/index.ts';
import type { ControlHandlers, Figures, FireReply, FireRequest, SpoolItem } from '../../control/index.ts';
import { SaltbusError } from '../../errors.ts';
import { isList, isMap } from '../master/load.ts';
import { DEFAULT_PRIORITY, isPriority } from './entry.ts';
import type { PackageKind, SpoolEntry, SpooledInfo } from './entry.ts';
import type { Spool, TakenEntry } from './spool.ts';

/** What the daemon adds to its spool. */
export interface SpoolHandlerOptions {
  /** Has what waits sent now, and not after the pause that was to come. */
  readonly flush?: () => void;
  /** The figures of `status`, besides those of the spool. */
  readonly status?: () => Figures;
  /** Milliseconds since 1970. @defaultValue Date.now */
  readonly now?: () => number;
}

/** Tags that are shown of a list. */
const MOST_TAGS = 5;

/** The form of a package; it is checked as a minion and a master would, who drop in silence what is wrong. */
export function packageKind(bytes: Uint8Array): PackageKind {
  const tag = singleTag(bytes);
  if (tag !== undefined) {
    checkPackage({ tag, data: null, events: null, pretag: null });
    return 'single';
  }
  const load = decodeExact(bytes);
  checkPackage(load);
  return isMap(load) && isTruthy(load.get('events')) ? 'list' : 'single';
}

const NIL = 0xc0;

/** The tag of a package of one event, without building its data; `undefined` for all that is not quite plainly one. */
function singleTag(bytes: Uint8Array): string | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const cursor = new MsgpackCursor(buffer, 0, buffer.length);
  if (cursor.mapHeader() !== 4) return undefined;
  let tag: string | undefined;
  const seen = new Set<string>();
  for (let pair = 0; pair < 4; pair += 1) {
    const key = cursor.byteString();
    if (key === undefined) return undefined;
    const name = buffer.toString('latin1', key.start, key.end);
    seen.add(name);
    switch (name) {
      case 'tag': {
        const text = cursor.byteString();
        if (text === undefined || !isText(buffer, text.start, text.end)) return undefined;
        tag = buffer.toString('latin1', text.start, text.end);
        break;
      }
      case 'data':
        cursor.skip();
        break;
      case 'events':
      case 'pretag':
        if (buffer[cursor.position] !== NIL) return undefined;
        cursor.skip();
        break;
      default:
        return undefined;
    }
  }
  return seen.size === 4 && cursor.position === buffer.length ? tag : undefined;
}

// plain ASCII: what a byte string says is then the same as a text
function isText(buffer: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if ((buffer[at] ?? 0x80) >= 0x80) return false;
  return true;
}

/** The first tags in a package. */
export function packageTags(bytes: Uint8Array): readonly string[] {
  const load = decodeExact(bytes);
  if (!isMap(load)) return [];
  const events = load.get('events');
  const tags = isList(events)
    ? events.slice(0, MOST_TAGS).map((event) => (isMap(event) ? event.get('tag') : undefined))
    : [load.get('tag')];
  return tags.filter((tag) => typeof tag === 'string');
}

function isTruthy(value: ExactValue | undefined): boolean {
  return isList(value) && value.length > 0;
}

/** The handlers of a control socket for a spool. */
export function spoolHandlers(spool: Spool, options: SpoolHandlerOptions = {}): ControlHandlers {
  const now = options.now ?? Date.now;
  return {
    fire: (request, reply) => {
      let entry: SpoolEntry;
      try {
        entry = entryOf(request, reply, now);
      } catch (error) {
        if (!(error instanceof SaltbusError)) throw error;
        reply.refused(error);
        return;
      }
      spool.add(entry, reply);
    },
    'spool.list': async (request) => {
      const { most, priority, lane } = request;
      const listed = spool.list({
        most,
        ...(priority !== undefined && isPriority(priority) ? { priority } : {}),
        ...(lane === undefined ? {} : { lane }),
      });
      const tags = new Map<string, readonly string[]>();
      for (const entry of await spool.show(listed.map(({ id }) => id)))
        tags.set(entry.id, packageTags(entry.package));
      return {
        items: listed.map((info) => itemOf(info, tags.get(info.id) ?? [])),
        depth: spool.stats().depth,
      };
    },
    'spool.show': async ({ ids }) => ({
      items: (await spool.show(ids)).map((entry) => ({
        ...itemOf(entry, packageTags(entry.package)),
        package: entry.package,
      })),
    }),
    'spool.drop': async ({ ids }) => ({
      dropped: ids === 'all' ? await dropAll(spool) : await spool.remove(ids),
    }),
    'spool.flush': () => {
      options.flush?.();
      return { waiting: spool.waiting };
    },
    'spool.stats': () => figuresOf(spool),
    status: () => ({ ...options.status?.(), ...figuresOf(spool) }),
  };
}

async function dropAll(spool: Spool): Promise<string[]> {
  const dropped: string[] = [];
  for (;;) {
    const waiting = spool.list({ most: MOST_ITEMS }).filter(({ state }) => state === 'waiting');
    if (waiting.length === 0) return dropped;
    dropped.push(...(await spool.remove(waiting.map(({ id }) => id))));
  }
}

function entryOf(request: FireRequest, reply: FireReply, now: () => number): SpoolEntry {
  const { priority = DEFAULT_PRIORITY, ttlMs } = request;
  if (!isPriority(priority)) throw new SaltbusError('ERR_SALTBUS_USAGE', `There is no priority ${priority}`);
  return {
    id: request.id,
    lane: reply.lane,
    priority,
    kind: packageKind(request.package),
    expiresAt: ttlMs === undefined ? undefined : now() + ttlMs,
    package: request.package,
  };
}

function itemOf(info: SpooledInfo | TakenEntry, tags: readonly string[]): SpoolItem {
  const { id, lane, priority, kind, state, arrivedAt, expiresAt, size, tries } = info;
  return { id, lane, priority, kind, state, arrivedAt, expiresAt: expiresAt ?? null, size, tries, tags };
}

/** The figures of a spool, flat. */
export function figuresOf(spool: Spool): Figures {
  const { priorities, ...total } = spool.stats();
  return { ...total, priorities: priorities.map((figures) => ({ ...figures })) };
}
