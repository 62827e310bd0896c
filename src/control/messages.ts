/**
 * What is said on a control socket: the allow-list of commands, the shape of each, and of the answers.
 *
 *     request   [number, command, {...}]      the number is the caller's, 1 and up; several may be under way
 *     answer    [number, kind, {...}]         in any order
 *
 * The first frame of each side is the hello and the welcome, both with number 0; an `error` with number 0 ends the connection.
 */
import { decodePlain } from '../codec/msgpack/decode.ts';
import { ERRORS, SaltbusError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

/** The version of this protocol. A server speaks exactly one. */
export const CONTROL_VERSION = 1;

/** What a program says first. */
export interface Hello {
  readonly version: number;
  /** For messages: `saltbus fire`. */
  readonly program: string;
  /** Whose events these are, so that their order holds over several connections; a lane of its own when absent. */
  readonly lane?: string;
}

/** What a fire waits for. */
export type FireWait = 'spooled' | 'accepted';

/** One event, or list of events, for the master. */
export interface FireRequest {
  /** Unique; the same id again is the same event. */
  readonly id: string;
  /** The `fire_master` package as msgpack. */
  readonly package: Uint8Array;
  /** 0 (the most urgent) to 4. */
  readonly priority?: number;
  /** How long it is of any use, in milliseconds. */
  readonly ttlMs?: number;
  readonly wait: FireWait;
  /** How long `accepted` is waited for, in milliseconds. */
  readonly timeoutMs?: number;
}

/** Why an event was not kept, or did not get through. */
export type FireRefusal =
  'full' | 'disk' | 'overloaded' | 'event' | 'rejected' | 'dropped' | 'expired' | 'removed' | 'failed';

/** What became of an event. `spooled` is also the answer when `accepted` was waited for and did not come in time. */
export type FireAnswer =
  | { readonly state: 'spooled' }
  | { readonly state: 'accepted' }
  | {
      readonly state: 'refused';
      readonly reason: FireRefusal;
      readonly code: ErrorCode;
      readonly message: string;
    };

/** An entry of the spool. */
export interface SpoolItem {
  readonly id: string;
  readonly lane: string;
  readonly priority: number;
  readonly kind: string;
  readonly state: string;
  /** In milliseconds since 1970. */
  readonly arrivedAt: number;
  readonly expiresAt: number | null;
  readonly size: number;
  readonly tries: number;
  /** The tags in the package, the first few. */
  readonly tags: readonly string[];
  /** The package as msgpack, in `spool.show` only. */
  readonly package?: Uint8Array;
}

/** Which entries are listed. */
export interface SpoolListRequest {
  readonly most: number;
  readonly priority?: number;
  readonly lane?: string;
}

/** Figures as a flat map; `priorities` has the same for each. */
export type Figures = Readonly<
  Record<string, number | string | boolean | null | readonly Readonly<Record<string, number>>[]>
>;

/** The commands besides `fire`: what each is given, and what it answers. */
export interface ControlCommands {
  'spool.list': {
    readonly request: SpoolListRequest;
    readonly answer: { readonly items: readonly SpoolItem[]; readonly depth: number };
  };
  'spool.show': {
    readonly request: { readonly ids: readonly string[] };
    readonly answer: { readonly items: readonly SpoolItem[] };
  };
  'spool.drop': {
    readonly request: { readonly ids: readonly string[] | 'all' };
    readonly answer: { readonly dropped: readonly string[] };
  };
  'spool.flush': {
    readonly request: Readonly<Record<string, never>>;
    readonly answer: { readonly waiting: number };
  };
  'spool.stats': { readonly request: Readonly<Record<string, never>>; readonly answer: Figures };
  status: { readonly request: Readonly<Record<string, never>>; readonly answer: Figures };
}

/** The name of a command besides `fire`. */
export type ControlCommand = keyof ControlCommands;

/** Most entries of one list or request. */
export const MOST_ITEMS = 10_000;
const LONGEST_NAME = 128;
/** So that there is room for a prefix. */
const LONGEST_LANE = 100;
const LONGEST_TTL_MS = 366 * 24 * 3_600_000;

/** A request that was read. */
export type ReadRequest =
  | { readonly number: number; readonly command: 'fire'; readonly request: FireRequest }
  | {
      readonly [Name in ControlCommand]: {
        readonly number: number;
        readonly command: Name;
        readonly request: ControlCommands[Name]['request'];
      };
    }[ControlCommand];

type Fields = Readonly<Record<string, unknown>>;

function wrong(message: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_USAGE', message, {
    next: 'Use the same release of saltbus for the program and the daemon.',
  });
}

/** The parts of a frame; a frame that is no such list is no message of this protocol. */
export function readMessage(body: Buffer): {
  readonly number: number;
  readonly word: string;
  readonly fields: Fields;
} {
  const value: unknown = decodePlain(body);
  if (!Array.isArray(value) || value.length !== 3) throw notAMessage();
  const [number, word, fields] = value as unknown[];
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) throw notAMessage();
  if (typeof word !== 'string' || !isFields(fields)) throw notAMessage();
  return { number, word, fields };
}

function notAMessage(): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_FRAME', 'A frame on the control socket holds no message', {
    next: 'Only programs of saltbus speak on this socket.',
  });
}

function isFields(value: unknown): value is Fields {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.getPrototypeOf(value) === Object.prototype
  );
}

function only(fields: Fields, ...names: readonly string[]): void {
  for (const name of Object.keys(fields))
    if (!names.includes(name)) throw wrong(`A field '${name.slice(0, LONGEST_NAME)}' is not known`);
}

function text(fields: Fields, name: string, most = LONGEST_NAME): string {
  const value = fields[name];
  if (typeof value !== 'string' || value.length === 0 || value.length > most)
    throw wrong(`${name} is no text of 1 to ${most} characters`);
  return value;
}

function whole(fields: Fields, name: string, least: number, most: number): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw wrong(`${name} is no whole number from ${least} to ${most}`);
  return value;
}

/** Reads a hello. */
export function readHello(fields: Fields): Hello {
  const version = whole(fields, 'version', 0, 2 ** 31);
  if (version !== CONTROL_VERSION)
    throw new SaltbusError(
      'ERR_SALTBUS_CONTROL',
      `The program speaks version ${version} of the control protocol, and the daemon ${CONTROL_VERSION}`,
    );
  only(fields, 'version', 'program', 'lane');
  return {
    version,
    program: text(fields, 'program'),
    ...(fields['lane'] === undefined ? {} : { lane: text(fields, 'lane', LONGEST_LANE) }),
  };
}

const NO_FIELDS = {};

function readFire(fields: Fields): FireRequest {
  only(fields, 'id', 'package', 'priority', 'ttlMs', 'wait', 'timeoutMs');
  const bytes = fields['package'];
  const wait = fields['wait'];
  if (!(bytes instanceof Uint8Array)) throw wrong('package is no byte string');
  if (wait !== 'spooled' && wait !== 'accepted') throw wrong('wait is neither spooled nor accepted');
  return {
    id: text(fields, 'id'),
    package: bytes,
    wait,
    ...(fields['priority'] === undefined ? {} : { priority: whole(fields, 'priority', 0, 4) }),
    ...(fields['ttlMs'] === undefined ? {} : { ttlMs: whole(fields, 'ttlMs', 1, LONGEST_TTL_MS) }),
    ...(fields['timeoutMs'] === undefined
      ? {}
      : { timeoutMs: whole(fields, 'timeoutMs', 0, LONGEST_TTL_MS) }),
  };
}

function readIds(fields: Fields): readonly string[] {
  const { ids } = fields as { readonly ids?: unknown };
  if (!Array.isArray(ids) || ids.length > MOST_ITEMS) throw wrong(`ids is no list of at most ${MOST_ITEMS}`);
  return ids.map((id: unknown) => text({ id }, 'id'));
}

/**
 * Reads a request.
 * @throws SaltbusError `ERR_SALTBUS_USAGE` for a command that is not on the list, or fields that are not as they should be
 */
export function readRequest(number: number, command: string, fields: Fields): ReadRequest {
  switch (command) {
    case 'fire':
      return { number, command, request: readFire(fields) };
    case 'spool.list':
      only(fields, 'most', 'priority', 'lane');
      return {
        number,
        command,
        request: {
          most: whole(fields, 'most', 1, MOST_ITEMS),
          ...(fields['priority'] === undefined ? {} : { priority: whole(fields, 'priority', 0, 4) }),
          ...(fields['lane'] === undefined ? {} : { lane: text(fields, 'lane') }),
        },
      };
    case 'spool.show':
      only(fields, 'ids');
      return { number, command, request: { ids: readIds(fields) } };
    case 'spool.drop':
      only(fields, 'ids');
      return { number, command, request: { ids: fields['ids'] === 'all' ? 'all' : readIds(fields) } };
    case 'spool.flush':
    case 'spool.stats':
    case 'status':
      only(fields);
      return { number, command, request: NO_FIELDS };
    default:
      throw wrong(`There is no command '${command.slice(0, LONGEST_NAME)}'`);
  }
}

/** An error as it is sent. */
export function errorFields(error: unknown): {
  readonly code: string;
  readonly message: string;
  readonly next: string;
} {
  if (error instanceof SaltbusError) return { code: error.code, message: error.message, next: error.next };
  return {
    code: 'ERR_SALTBUS_SYSTEM',
    message: error instanceof Error ? error.message : String(error),
    next: ERRORS.ERR_SALTBUS_SYSTEM.next,
  };
}

function isCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}

/** An error as it was received. */
export function readError(fields: Fields): SaltbusError {
  const { code, message, next } = fields as {
    readonly code?: unknown;
    readonly message?: unknown;
    readonly next?: unknown;
  };
  return new SaltbusError(
    isCode(code) ? code : 'ERR_SALTBUS_CONTROL',
    typeof message === 'string' ? message : 'The daemon gave no reason',
    typeof next === 'string' ? { next } : {},
  );
}

const REFUSALS: ReadonlySet<unknown> = new Set<FireRefusal>([
  'full',
  'disk',
  'overloaded',
  'event',
  'rejected',
  'dropped',
  'expired',
  'removed',
  'failed',
]);

function isRefusal(reason: unknown): reason is FireRefusal {
  return REFUSALS.has(reason);
}

/** The reason that an error means. */
export function refusalOf({ code }: SaltbusError): FireRefusal {
  switch (code) {
    case 'ERR_SALTBUS_SPOOL_FULL':
      return 'full';
    case 'ERR_SALTBUS_DISK_FULL':
      return 'disk';
    case 'ERR_SALTBUS_OVERLOADED':
      return 'overloaded';
    case 'ERR_SALTBUS_TAG':
    case 'ERR_SALTBUS_DENIED_TAG':
    case 'ERR_SALTBUS_DATA':
    case 'ERR_SALTBUS_TOO_LARGE':
    case 'ERR_SALTBUS_MSGPACK':
    case 'ERR_SALTBUS_LIMIT':
    case 'ERR_SALTBUS_USAGE':
      return 'event';
    default:
      return 'failed';
  }
}

/** Reads the answer to a fire. */
export function readFireAnswer(kind: string, fields: Fields): FireAnswer {
  switch (kind) {
    case 'spooled':
    case 'accepted':
      return { state: kind };
    case 'refused': {
      const { reason } = fields;
      const { code, message } = readError(fields);
      return { state: 'refused', reason: isRefusal(reason) ? reason : 'failed', code, message };
    }
    case 'error':
      throw readError(fields);
    default:
      throw notAMessage();
  }
}
