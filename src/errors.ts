/**
 * Every error that saltbus raises on purpose: one class, one table of stable codes.
 *
 * The table is the source of `docs/errors.md`; a code is never renamed or reused.
 */

/** What a code means, whether trying again can help, and what a reader should do. */
export interface ErrorEntry {
  /** One sentence: what happened. */
  readonly meaning: string;
  /** One sentence: what to do about it, where the place that raises it has nothing more exact to say. */
  readonly next: string;
  /** Whether the same call can succeed later without anything being changed by hand. */
  readonly retryable: boolean;
}

function entry(meaning: string, next: string, retryable = false): ErrorEntry {
  return { meaning, next, retryable };
}

/** A stable error code, as found in {@link SaltbusError.code}. */
export type ErrorCode =
  | 'ERR_SALTBUS_NO_BUS'
  | 'ERR_SALTBUS_PERMISSION'
  | 'ERR_SALTBUS_NOT_A_SOCKET'
  | 'ERR_SALTBUS_PATH_TOO_LONG'
  | 'ERR_SALTBUS_BUS_IN_USE'
  | 'ERR_SALTBUS_RUNNING'
  | 'ERR_SALTBUS_NOT_DRAINED'
  | 'ERR_SALTBUS_DISCONNECTED'
  | 'ERR_SALTBUS_CLOSED'
  | 'ERR_SALTBUS_ABORTED'
  | 'ERR_SALTBUS_TIMEOUT'
  | 'ERR_SALTBUS_SYSTEM'
  | 'ERR_SALTBUS_CONFIG'
  | 'ERR_SALTBUS_USAGE'
  | 'ERR_SALTBUS_TAG'
  | 'ERR_SALTBUS_RESERVED_TAG'
  | 'ERR_SALTBUS_DENIED_TAG'
  | 'ERR_SALTBUS_NO_FORWARDER'
  | 'ERR_SALTBUS_DATA'
  | 'ERR_SALTBUS_TOO_LARGE'
  | 'ERR_SALTBUS_PATTERN'
  | 'ERR_SALTBUS_TARGET'
  | 'ERR_SALTBUS_OUTBOX_FULL'
  | 'ERR_SALTBUS_DIALECT'
  | 'ERR_SALTBUS_NOT_READY'
  | 'ERR_SALTBUS_MSGPACK'
  | 'ERR_SALTBUS_LIMIT'
  | 'ERR_SALTBUS_FRAME'
  | 'ERR_SALTBUS_JSON'
  | 'ERR_SALTBUS_CAPTURE'
  | 'ERR_SALTBUS_ZMTP'
  | 'ERR_SALTBUS_NO_PEER'
  | 'ERR_SALTBUS_NO_REPLY'
  | 'ERR_SALTBUS_KEY_INVALID'
  | 'ERR_SALTBUS_MASTER_CHANGED'
  | 'ERR_SALTBUS_SIGN_IN'
  | 'ERR_SALTBUS_REJECTED'
  | 'ERR_SALTBUS_PENDING'
  | 'ERR_SALTBUS_MASTER_FULL'
  | 'ERR_SALTBUS_ALGORITHM'
  | 'ERR_SALTBUS_NO_SESSION'
  | 'ERR_SALTBUS_NOT_ACCEPTED'
  | 'ERR_SALTBUS_NOT_AUTHORIZED'
  | 'ERR_SALTBUS_KEY_UNSAFE'
  | 'ERR_SALTBUS_MINION_ID'
  | 'ERR_SALTBUS_NO_KEY'
  | 'ERR_SALTBUS_SPOOL_FULL'
  | 'ERR_SALTBUS_NOT_SPOOLED'
  | 'ERR_SALTBUS_DISK_FULL'
  | 'ERR_SALTBUS_OVERLOADED'
  | 'ERR_SALTBUS_STORE_IN_USE'
  | 'ERR_SALTBUS_STORE_NEWER'
  | 'ERR_SALTBUS_NO_CONTROL'
  | 'ERR_SALTBUS_CONTROL';

/** The table: stable code to meaning, next step and whether a retry can help. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorEntry>> = {
  // finding and reaching a bus
  ERR_SALTBUS_NO_BUS: entry(
    'Nothing listens on the event bus sockets.',
    'Start the daemon (salt-minion or salt-master, `saltbus minion`, `saltbus master` or `saltbus bus`), or say where its bus is with --sock-dir or --socket.',
    true,
  ),
  ERR_SALTBUS_PERMISSION: entry(
    'The sockets of the bus are there, and this user may not open them.',
    'Run as the owner of the socket, or join the group that may read it.',
  ),
  ERR_SALTBUS_NOT_A_SOCKET: entry(
    'A file that is not a socket stands where the socket of the bus is expected.',
    'Look at the named path; remove the file if nothing needs it.',
  ),
  ERR_SALTBUS_PATH_TOO_LONG: entry(
    'The path of the socket is longer than the system allows for a unix socket.',
    'Use a shorter sock_dir.',
  ),
  ERR_SALTBUS_BUS_IN_USE: entry(
    'Something alive already listens on the sockets this bus was to open.',
    'Stop the other daemon, or choose another directory with --sock-dir.',
  ),
  ERR_SALTBUS_RUNNING: entry(
    'A daemon of the same kind already runs on one of the directories.',
    'Stop the other one first, or use other directories (pki_dir, cachedir, sock_dir).',
  ),
  ERR_SALTBUS_NOT_DRAINED: entry(
    'A daemon was to end, and what waited in it was not delivered in time.',
    'Look at who does not take what is sent, or raise drain_timeout below the key saltbus.',
  ),
  ERR_SALTBUS_DISCONNECTED: entry(
    'The connection to the bus was lost before the event was handed over.',
    'Try again; the client reconnects by itself.',
    true,
  ),
  ERR_SALTBUS_CLOSED: entry(
    'The bus was closed or destroyed by this program.',
    'Open a new one with connect().',
  ),
  ERR_SALTBUS_ABORTED: entry(
    'The signal given to the call was aborted.',
    'Nothing: the caller asked for it.',
  ),
  ERR_SALTBUS_TIMEOUT: entry(
    'What was awaited did not come in time.',
    'Wait longer, or look at the other end.',
    true,
  ),
  ERR_SALTBUS_SYSTEM: entry(
    'The operating system refused an operation.',
    'See the cause in the message.',
    true,
  ),
  // configuration
  ERR_SALTBUS_CONFIG: entry(
    'A configuration file cannot be read or says something that makes no sense.',
    'Mend the named file at the named line.',
  ),
  ERR_SALTBUS_USAGE: entry(
    'The command or call was given arguments that do not fit.',
    'See --help or the reference.',
  ),
  // events
  ERR_SALTBUS_TAG: entry(
    'The tag cannot be put on the wire: it is empty, holds two line feeds in a row, or is no text.',
    'Choose another tag.',
  ),
  ERR_SALTBUS_RESERVED_TAG: entry(
    'The tag makes the minion daemon do something other than publish it (Salt acts on tags with this prefix).',
    'Choose another tag, or opt in with --internal-tag (allowInternalTag) if that is what you want.',
  ),
  ERR_SALTBUS_DENIED_TAG: entry(
    'Every Salt master drops events from minions under this tag without telling anybody (its deny-list).',
    'Choose a tag of your own namespace.',
  ),
  ERR_SALTBUS_NO_FORWARDER: entry(
    'The bus is served by `saltbus bus`: there is no minion behind it that forwards events to a master.',
    'Fire on the bus of a salt-minion, or fire the event itself without --to-master.',
  ),
  ERR_SALTBUS_DATA: entry(
    'The data of the event is not what the bus can carry.',
    'Data is a map at the top.',
  ),
  ERR_SALTBUS_TOO_LARGE: entry(
    'The event is larger than the limit (Salt would replace values by VALUE_TRIMMED in silence).',
    'Send less, or raise max_event_size on the daemon and here.',
  ),
  ERR_SALTBUS_PATTERN: entry(
    'The pattern is not valid, or uses what cannot be matched in linear time.',
    'Reword it.',
  ),
  ERR_SALTBUS_TARGET: entry(
    'The target of a job is malformed, or of a kind that is not known or not supported.',
    'Mend the target; docs/targets.md says what one can hold.',
  ),
  ERR_SALTBUS_OUTBOX_FULL: entry(
    'Events were fired faster than the bus takes them, and the outbox of this program is full.',
    'Await fire() before firing more.',
    true,
  ),
  ERR_SALTBUS_DIALECT: entry(
    'No event came back from the bus in any dialect, so what it speaks is not known.',
    'Say it with --dialect, or look whether the daemon hangs.',
    true,
  ),
  ERR_SALTBUS_NOT_READY: entry(
    'It cannot be proven that the subscription is in place.',
    'Being sure needs the right to write to the pull socket; wait for the first event instead.',
  ),
  // bytes
  ERR_SALTBUS_MSGPACK: entry(
    'The bytes are not valid msgpack, or are cut short.',
    'Look at the program that sent them.',
  ),
  ERR_SALTBUS_LIMIT: entry(
    'A limit on size or depth was met before the value was complete.',
    'Raise the limit if the sender is right.',
  ),
  ERR_SALTBUS_FRAME: entry(
    'What came over the socket is no frame of the event bus.',
    'Look at who writes to the socket; wrong framing is the usual cause.',
  ),
  ERR_SALTBUS_JSON: entry('The text is not valid JSON.', 'Mend it at the named place.'),
  ERR_SALTBUS_CAPTURE: entry(
    'The file is no capture file, or is damaged before its end.',
    'What stands before the named byte can be read; nothing behind it can be found.',
  ),
  // the network
  ERR_SALTBUS_ZMTP: entry(
    'The other end of a network connection does not speak ZeroMQ in the way that Salt does (ZMTP 3, NULL mechanism).',
    'Look at what listens on that port, or who connects to it.',
    true,
  ),
  ERR_SALTBUS_NO_PEER: entry(
    'No connection could be made to a network address, or nobody answers there.',
    'Look whether the daemon runs there, and whether a firewall stands between.',
    true,
  ),
  ERR_SALTBUS_NO_REPLY: entry(
    'The connection ended while a reply was awaited, so it is not known whether the other end acted on the request.',
    'Ask again if doing it twice does no harm.',
    true,
  ),
  // keys
  ERR_SALTBUS_KEY_INVALID: entry(
    'A key is no RSA key that can be used.',
    'Look at the named file; a minion makes a new key when its own is removed.',
  ),
  // signing in to a master
  ERR_SALTBUS_MASTER_CHANGED: entry(
    'The master shows another key than the one that is pinned here: it was set up anew, or somebody stands in its place.',
    'Compare fingerprints; if the new master is the right one, remove minion_master.pub from the pki_dir of the minion.',
  ),
  ERR_SALTBUS_SIGN_IN: entry(
    'What answered the sign-in could not prove that it is the master.',
    'Look at what listens on the request port, and at what stands between.',
    true,
  ),
  ERR_SALTBUS_REJECTED: entry(
    'The master refuses the key of this minion.',
    'Look at it on the master with `salt-key -L`; a rejected or denied key has to be deleted there.',
  ),
  ERR_SALTBUS_PENDING: entry(
    'The master has not accepted the key of this minion yet.',
    'Accept it on the master with `salt-key -a ID`.',
    true,
  ),
  ERR_SALTBUS_MASTER_FULL: entry(
    'The master takes no more minions (max_minions).',
    'Raise max_minions on the master, or wait until others leave.',
    true,
  ),
  ERR_SALTBUS_ALGORITHM: entry(
    'The master does not speak the encryption or signing algorithm that this minion asks for.',
    'Set encryption_algorithm and signing_algorithm of the minion to what the master speaks.',
  ),
  ERR_SALTBUS_NO_SESSION: entry(
    'The master did not understand an encrypted request, not even after a new sign-in.',
    'See the log of the master; the clock, the id and the key of this minion are what it looks at.',
    true,
  ),
  ERR_SALTBUS_NOT_ACCEPTED: entry(
    'The master has answered an event or a job, and not that it took it: its handling failed, of an event perhaps after it was fired.',
    'See the log of the master.',
  ),
  ERR_SALTBUS_NOT_AUTHORIZED: entry(
    'The master refuses a job: it does not know the user, or does not let the user run this function on these minions.',
    "Run as the master's user or as root, or have publisher_acl allow it.",
  ),
  ERR_SALTBUS_KEY_UNSAFE: entry(
    'A private key, a secret or its directory can be read or changed by others, or belongs to somebody else.',
    'Give it to the user of the daemon, and take the rights of all others away (chmod 0400 for a key, 0700 for a directory).',
  ),
  ERR_SALTBUS_MINION_ID: entry(
    'The text cannot be the id of a minion.',
    'An id has no slash, backslash or control character, does not begin with a dot, and has at most 255 bytes.',
  ),
  ERR_SALTBUS_NO_KEY: entry('No key matches.', 'See which keys there are with `saltbus key list`.'),
  // durable state
  ERR_SALTBUS_SPOOL_FULL: entry(
    'The spool of the minion has no room for the event.',
    'See what is in it with `saltbus spool list`; it empties when the master can be reached.',
    true,
  ),
  ERR_SALTBUS_NOT_SPOOLED: entry(
    'No entry with that id waits in the spool.',
    'See what is in it with `saltbus spool list`; what is just being sent cannot be dropped.',
  ),
  ERR_SALTBUS_DISK_FULL: entry(
    'The disk takes nothing more: it is full, or the quota is used up.',
    'Make room; what is written then is kept.',
    true,
  ),
  ERR_SALTBUS_OVERLOADED: entry(
    'More was asked for at once than may wait.',
    'Ask for less at once, and again later.',
    true,
  ),
  ERR_SALTBUS_STORE_IN_USE: entry(
    'Another process has the file open.',
    'Stop the other daemon, or give this one a directory of its own.',
    true,
  ),
  ERR_SALTBUS_STORE_NEWER: entry(
    'The file was written by a later release of saltbus.',
    'Use that release, or move the file away.',
  ),
  // the control socket
  ERR_SALTBUS_NO_CONTROL: entry(
    'No daemon of saltbus listens on a control socket there.',
    'Start `saltbus minion`; a daemon of Salt has no such socket.',
    true,
  ),
  ERR_SALTBUS_CONTROL: entry(
    'The program and the daemon do not understand each other on the control socket.',
    'Use the same release of saltbus for both.',
  ),
};

/** The one class of errors that saltbus raises: a stable code, a cause and a next step for the reader. */
export class SaltbusError extends Error {
  override readonly name = 'SaltbusError';
  /** Stable, documented in `docs/errors.md`. */
  readonly code: ErrorCode;
  /** What the reader should do; one line. */
  readonly next: string;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly next?: string; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.next = options.next ?? ERRORS[code].next;
  }

  /** Whether the same call can succeed later without anything being changed by hand. */
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  /** Where the code is described, relative to the package. */
  get anchor(): string {
    return `docs/errors.md#${this.code.toLowerCase()}`;
  }
}

/**
 * Calls a function whose errors get no stack trace.
 *
 * Bytes that make no sense come from another program, as fast as it likes: our stack says nothing about it, takes ten
 * times as long as reading them, and a kilobyte of memory for each.
 */
export function withoutStack<T>(call: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return call();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
