/**
 * Why a master refuses a request, and what it answers then (3006.30, 3007.17, 3008.5).
 *
 * All that concerns authenticity is answered `bad load`, whatever the reason: that is what makes a minion sign in again.
 */
import type { EnvelopeFault } from '../codec/payload/request.ts';
import { BAD_LOAD, encodePlainReply } from '../codec/payload/reply.ts';

/** Why a request was refused. */
export type RefusalReason =
  | EnvelopeFault
  /** there is no session for the id, or the load was not encrypted with its key */
  | 'session'
  /** what was decrypted is no msgpack */
  | 'content'
  /** its `ts` is missing, or outside the window of `request_server_ttl` */
  | 'ttl'
  /** the envelope says another id than the load */
  | 'id-mismatch'
  /** the id can be none */
  | 'id-invalid'
  /** the token is missing, or not that of the accepted key of the id */
  | 'token'
  /** the nonce is missing or none */
  | 'nonce'
  /** the request was seen before */
  | 'replay'
  /** older than what is remembered, so it may have been */
  | 'too-old'
  /** the load has a `serial`, which belongs in publications */
  | 'serial'
  /** there is no `cmd` */
  | 'no-command'
  /** the command is not on the list */
  | 'command'
  /** a field is missing, of another type, or not on the list */
  | 'field'
  /** a sign-in with an algorithm that is not spoken */
  | 'algorithm';

/** A refused request. */
export interface RefusedRequest {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  /** For a log; holds no secret, and at most some hundred characters. */
  readonly detail: string;
  /** What is to be sent back. */
  readonly answer: Buffer;
  /** What the sender claims to be; verified only where the reason is a later one than `token`. */
  readonly id: string | undefined;
}

const NOT_MSGPACK = encodePlainReply({ msg: 'bad load' });
const NOT_A_DICT = encodePlainReply('payload and load must be a dict');

/** `{}`: the answer to a command that is not on the list. */
export const NO_SUCH_COMMAND: Buffer = encodePlainReply({});

/** The answer to an encrypted load without `cmd`. */
export const HANDLER_FAILED: Buffer = encodePlainReply('Some exception handling minion payload');

/** The plain answer to a request that is not worth an encrypted one. */
export function plainAnswer(reason: RefusalReason): Buffer {
  if (reason === 'not-msgpack') return NOT_MSGPACK;
  if (reason === 'load-not-a-map') return NOT_A_DICT;
  return BAD_LOAD;
}

/** Builds a refusal. */
export function refuse(
  reason: RefusalReason,
  options: { readonly detail?: string; readonly id?: string | undefined; readonly answer?: Buffer } = {},
): RefusedRequest {
  const { detail = '', id, answer = plainAnswer(reason) } = options;
  return { kind: 'refused', reason, detail, answer, id };
}
