import type { ErrorCode } from '../errors.ts';

/** Exit codes, as Salt and sysexits use them. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 64,
  noBus: 69,
  internal: 70,
  notDrained: 75,
  permission: 77,
  config: 78,
  timeout: 124,
  interrupted: 130,
} as const;

// Each code has its place here: one that is forgotten does not compile.
const BY_ERROR: Readonly<Record<ErrorCode, number>> = {
  ERR_SALTBUS_NO_BUS: EXIT.noBus,
  ERR_SALTBUS_PERMISSION: EXIT.permission,
  ERR_SALTBUS_NOT_A_SOCKET: EXIT.noBus,
  ERR_SALTBUS_PATH_TOO_LONG: EXIT.noBus,
  ERR_SALTBUS_BUS_IN_USE: EXIT.noBus,
  ERR_SALTBUS_RUNNING: EXIT.noBus,
  ERR_SALTBUS_NOT_DRAINED: EXIT.notDrained,
  ERR_SALTBUS_DISCONNECTED: EXIT.noBus,
  ERR_SALTBUS_CLOSED: EXIT.failure,
  ERR_SALTBUS_ABORTED: EXIT.interrupted,
  ERR_SALTBUS_TIMEOUT: EXIT.timeout,
  ERR_SALTBUS_SYSTEM: EXIT.failure,
  ERR_SALTBUS_CONFIG: EXIT.config,
  ERR_SALTBUS_USAGE: EXIT.usage,
  ERR_SALTBUS_TAG: EXIT.usage,
  ERR_SALTBUS_RESERVED_TAG: EXIT.usage,
  ERR_SALTBUS_DENIED_TAG: EXIT.usage,
  ERR_SALTBUS_NO_FORWARDER: EXIT.noBus,
  ERR_SALTBUS_DATA: EXIT.usage,
  ERR_SALTBUS_TOO_LARGE: EXIT.usage,
  ERR_SALTBUS_PATTERN: EXIT.usage,
  ERR_SALTBUS_TARGET: EXIT.usage,
  ERR_SALTBUS_OUTBOX_FULL: EXIT.failure,
  ERR_SALTBUS_DIALECT: EXIT.noBus,
  ERR_SALTBUS_NOT_READY: EXIT.failure,
  ERR_SALTBUS_MSGPACK: EXIT.failure,
  ERR_SALTBUS_LIMIT: EXIT.usage,
  ERR_SALTBUS_FRAME: EXIT.failure,
  ERR_SALTBUS_JSON: EXIT.usage,
  ERR_SALTBUS_CAPTURE: EXIT.failure,
  ERR_SALTBUS_ZMTP: EXIT.noBus,
  ERR_SALTBUS_NO_PEER: EXIT.noBus,
  ERR_SALTBUS_NO_REPLY: EXIT.noBus,
  ERR_SALTBUS_KEY_INVALID: EXIT.failure,
  ERR_SALTBUS_MASTER_CHANGED: EXIT.permission,
  ERR_SALTBUS_SIGN_IN: EXIT.permission,
  ERR_SALTBUS_REJECTED: EXIT.permission,
  ERR_SALTBUS_PENDING: EXIT.permission,
  ERR_SALTBUS_MASTER_FULL: EXIT.noBus,
  ERR_SALTBUS_ALGORITHM: EXIT.failure,
  ERR_SALTBUS_NO_SESSION: EXIT.noBus,
  ERR_SALTBUS_NOT_ACCEPTED: EXIT.failure,
  ERR_SALTBUS_NOT_AUTHORIZED: EXIT.permission,
  ERR_SALTBUS_MINION_ID: EXIT.usage,
  ERR_SALTBUS_KEY_UNSAFE: EXIT.permission,
  ERR_SALTBUS_NO_KEY: EXIT.failure,
};

/** The exit code for an error code. */
export function exitCodeOf(code: ErrorCode): number {
  return BY_ERROR[code];
}
