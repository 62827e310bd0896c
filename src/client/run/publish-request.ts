/**
 * The request that publishes a job, and what a master answers (3006.30, 3007.17, 3008.5).
 */
import type { ExactValue } from '../../codec/msgpack/values.ts';
import type { Reply } from '../../codec/payload/reply.ts';
import { SaltbusError } from '../../errors.ts';
import type { Target } from '../../target/index.ts';
import type { LocalKey } from './local-key.ts';

/** A job to be published. */
export interface JobToPublish {
  readonly target: Pick<Target, 'tgt' | 'tgtType' | 'delimiter'>;
  readonly fun: string | readonly string[];
  /** As minions take it: keyword arguments are a last map with `__kwarg__`. */
  readonly arg: readonly unknown[];
  /** Names of returners with commas between them. */
  readonly ret: string;
  /** `metadata`, `ret_config`, `ret_kwargs`, ... */
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** What became of it. */
export interface PublishedJob {
  /** `undefined` when nobody matched: nothing was sent then. */
  readonly jid: string | undefined;
  /** Ids of the minions that are to answer. */
  readonly minions: readonly string[];
  /** Ids that a list names and that the master does not know. */
  readonly missing: readonly string[];
}

/** The load of the request; the key is a secret. */
export function publishLoad(job: JobToPublish, { user, key }: LocalKey): Readonly<Record<string, unknown>> {
  const { tgt, tgtType, delimiter } = job.target;
  return {
    cmd: 'publish',
    tgt,
    fun: job.fun,
    arg: job.arg,
    key,
    tgt_type: tgtType,
    ret: job.ret,
    jid: '',
    kwargs: { delimiter, ...job.kwargs },
    user,
  };
}

/**
 * Reads the answer.
 * @throws SaltbusError `ERR_SALTBUS_NOT_AUTHORIZED` or `ERR_SALTBUS_NOT_ACCEPTED`
 */
export function publishedJob(reply: Reply, user: string): PublishedJob {
  if (reply.kind === 'clear') {
    const { load } = reply;
    const jid = load.get('jid');
    if (typeof jid === 'string' && jid !== '' && jid !== '0') {
      return { jid, minions: idsOf(load.get('minions')), missing: idsOf(load.get('missing')) };
    }
    // nobody was found: an error comes along, and the list of minions is empty
    if (load.has('minions')) {
      return { jid: undefined, minions: [], missing: idsOf(load.get('missing')) };
    }
    throw refused(load.get('error') ?? null, user);
  }
  if (reply.kind === 'error') throw refused(reply.error, user);
  if (reply.kind === 'text') throw refused(reply.text === '' ? AUTHENTICATION : reply.text, user);
  const why = reply.kind === 'malformed' ? reply.why : 'It is no answer to a job';
  throw new SaltbusError('ERR_SALTBUS_NOT_ACCEPTED', `The answer of the master makes no sense: ${why}`);
}

const AUTHENTICATION: ExactValue = new Map<ExactValue, ExactValue>([['name', 'AuthenticationError']]);

function refused(error: ExactValue, user: string): SaltbusError {
  const map = error instanceof Map ? (error as ReadonlyMap<ExactValue, ExactValue>) : undefined;
  const name = map?.get('name');
  if (name === 'AuthenticationError' || name === 'EauthAuthenticationError') {
    return new SaltbusError(
      'ERR_SALTBUS_NOT_AUTHORIZED',
      `The master does not know ${user} by the key that was shown (${name})`,
      { next: "Run as the master's user or as root; look whether cachedir is that of the master that runs." },
    );
  }
  if (name === 'AuthorizationError') {
    return new SaltbusError(
      'ERR_SALTBUS_NOT_AUTHORIZED',
      `The master does not let ${user} run this function on these minions (${name})`,
      { next: 'See publisher_acl and publisher_acl_blacklist in the configuration of the master.' },
    );
  }
  const message = map?.get('message') ?? error;
  const text = typeof message === 'string' ? message : 'it does not say why';
  return new SaltbusError('ERR_SALTBUS_NOT_ACCEPTED', `The master did not publish the job: ${text}`);
}

function idsOf(value: ExactValue | undefined): string[] {
  return Array.isArray(value)
    ? (value as readonly ExactValue[]).filter((id): id is string => typeof id === 'string')
    : [];
}
