/**
 * The clear commands: `ping` of anybody, and those of the administrator on the same host who shows the secret of the master's user
 * (`salt`, CVE-2020-11651: nothing else can be reached without encryption).
 */
import type { ClearRequest } from '../../channel/open-request.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { isJid } from '../../codec/load/names.ts';
import type { PublishLoad } from '../../codec/load/publish.ts';
import { encodePlainReply } from '../../codec/payload/reply.ts';
import { publish } from '../../diagnostics.ts';
import { SaltbusError } from '../../errors.ts';
import { pythonText } from '../../target/index.ts';
import { jobEvents } from './events/job-events.ts';
import type { JobEventOptions } from './events/job-events.ts';
import type { JobRecords } from './jobs/job-records.ts';
import type { SaltJobCache } from './jobs/salt-job-cache.ts';
import type { LocalSecrets } from './keys/index.ts';
import { isTruthy, mapOf } from './load.ts';
import type { Load } from './load.ts';
import type { MasterBus } from './master-bus.ts';
import type { FoundMinions, MinionDirectory } from './minion-directory.ts';
import type { PublisherAcl } from './publisher-acl.ts';
import type { Publisher } from './publisher.ts';

/** What may be published: everything, a job for those that were found, or nothing. */
type Right = 'all' | 'these' | 'none';

/** What the commands work on. */
export interface LocalClientParts {
  readonly secrets: Pick<LocalSecrets, 'userOf'>;
  /** The user of the master, who may publish everything. */
  readonly masterUser: string;
  /** Who else may publish what. */
  readonly acl: PublisherAcl;
  /** Whether that holds for users who became root as well (`sudo_acl`). */
  readonly sudoAcl: boolean;
  readonly directory: MinionDirectory;
  readonly publisher: Publisher;
  readonly jobs: JobRecords;
  readonly jobCache: SaltJobCache;
  readonly bus: MasterBus;
  readonly newJid: () => string;
  /** Which events of a job the release fires. */
  readonly jobEvents: JobEventOptions;
}

/** Counters of a {@link LocalClient}. */
export interface LocalClientCounters {
  readonly pings: number;
  readonly jobs: number;
  /** Commands without the right secret. */
  readonly unauthenticated: number;
  /** Jobs that `publisher_acl` or its blacklist does not allow. */
  readonly unauthorized: number;
  /** Commands that are not served, and jobs that could not be published. */
  readonly refused: number;
}

// As real masters say it (3006.30, 3007.17, 3008.5); why is not told to whoever asks.
const NOT_AUTHENTICATED = { name: 'AuthenticationError', message: 'Authentication error occurred.' };
const NOT_AUTHORIZED = { name: 'AuthorizationError', message: 'Authorization error occurred.' };
const NOT_THIS_USER = {
  name: 'UserAuthenticationError',
  message: 'Authentication failure of type "user" occurred',
};
// What of the caller's keyword arguments goes into the job (all releases), besides the delimiter.
const INTO_JOB = [
  'ret_config',
  'metadata',
  'module_executors',
  'executor_opts',
  'ret_kwargs',
  'start_event',
] as const;

const TOLD = ['cmd', 'tgt', 'fun', 'tgt_type', 'ret', 'jid', 'user'];
const MOST_REFUSED_TOLD = 10;

/** Answers the clear commands other than the sign-in. */
export class LocalClient {
  readonly #parts: LocalClientParts;
  #acl: PublisherAcl;
  #sudoAcl: boolean;
  #refusedSince = -Infinity;
  #refusedTold = 0;
  readonly #counters = { pings: 0, jobs: 0, unauthenticated: 0, unauthorized: 0, refused: 0 };

  constructor(parts: LocalClientParts) {
    this.#parts = parts;
    this.#acl = parts.acl;
    this.#sudoAcl = parts.sudoAcl;
  }

  get counters(): LocalClientCounters {
    return this.#counters;
  }

  /** Takes other rules from now on. */
  setAcl(acl: PublisherAcl, sudoAcl: boolean): void {
    this.#acl = acl;
    this.#sudoAcl = sudoAcl;
  }

  /** Answers one; at once where nothing has to be signed. Never throws nor rejects. */
  answer(request: ClearRequest): Buffer | Promise<Buffer> {
    const { load, whole } = request;
    if (load.cmd === 'ping') {
      this.#counters.pings += 1;
      return encodePlainReply(whole);
    }
    if (load.cmd === 'get_token' || load.cmd === 'mk_token') {
      // no external login is configured here: as for a token that is not known, and a login that fails
      this.#counters.unauthenticated += 1;
      return encodePlainReply(load.cmd === 'get_token' ? {} : '');
    }
    // who logs in by other means is told no, even with the secret (all releases)
    const isExternal =
      load.cmd === 'publish' && (load.kwargs?.has('eauth') === true || load.kwargs?.has('token') === true);
    const owner = this.#parts.secrets.userOf(load.key);
    if (isExternal || owner === undefined || !this.#mayClaim(owner, load)) {
      this.#counters.unauthenticated += 1;
      if (load.cmd !== 'publish') return encodePlainReply({ error: NOT_THIS_USER });
      return this.#refuse(load, whole, NOT_AUTHENTICATED);
    }
    if (load.cmd === 'publish') {
      const right = this.#rightOf(owner, load);
      if (right === 'none') {
        this.#counters.unauthorized += 1;
        return this.#refuse(load, whole, NOT_AUTHORIZED);
      }
      return this.#publish(load, whole, right).catch((error: unknown) => {
        this.#counters.refused += 1;
        publish('saltbus:master:problem', { what: 'a job of the command line', error });
        return encodePlainReply({ error: error instanceof SaltbusError ? error.message : 'Internal error' });
      });
    }
    this.#counters.refused += 1;
    const message = `saltbus master has no ${load.cmd === 'runner' ? 'runners' : 'wheel functions'}: use salt-run or salt-key on its host`;
    return encodePlainReply({ error: { name: 'SaltInvocationError', message } });
  }

  async #publish(load: PublishLoad, whole: Load, right: Right): Promise<Buffer> {
    const { jobs, bus, publisher } = this.#parts;
    const found = right === 'these' ? byId(this.#find(load)) : this.#find(load);
    if (found === undefined || found.ids.length === 0) {
      this.#counters.refused += 1;
      return encodePlainReply(nobody(load.tgt));
    }
    const jid =
      load.jid === undefined || load.jid === null || load.jid === '' ? this.#parts.newJid() : load.jid;
    if (!isJid(jid)) {
      this.#counters.refused += 1;
      return encodePlainReply({ error: 'Invalid jid: a job id has 20 digits' });
    }
    const job = jobOf(load, jid, found);
    const { ids: minions, missing } = found;
    if (!isTruthy(load.kwargs?.get('nocache'))) jobs.add({ jid, load: job, minions });
    // before the reply, because that is when the command line looks for it
    await this.#parts.jobCache.store(jid, cachedLoad(whole, jid), minions);
    bus.fireAll(jobEvents({ jid, load: job, minions, missing }, this.#parts.jobEvents));
    await publisher.publish({ load: job, tgtType: found.target.tgtType, minions });
    this.#counters.jobs += 1;
    publish('saltbus:master:job', {
      jid,
      user: load.user ?? '',
      fun: String(load.fun),
      minions: minions.length,
    });
    return encodePlainReply({ enc: 'clear', load: { jid, minions, missing } });
  }

  // A user with a key of its own cannot speak for another. (A real master takes such a key for root's when root is claimed.)
  #mayClaim(owner: string, load: ClearRequest['load']): boolean {
    return this.#isMaster(owner) || load.cmd !== 'publish' || load.user === owner;
  }

  #isMaster(owner: string): boolean {
    return owner === this.#parts.masterUser || owner === 'root';
  }

  #rightOf(owner: string, load: PublishLoad): Right {
    const acl = this.#acl;
    const { user = owner, fun, arg } = load;
    if (acl.refuses(user, fun)) return 'none';
    const isHeld = this.#sudoAcl && user.startsWith('sudo_') && !acl.isEmpty;
    if (this.#isMaster(owner) && !isHeld) return 'all';
    const { directory } = this.#parts;
    const idsOf = (compound: string): ReadonlySet<string> => {
      try {
        return new Set(directory.resolve({ tgt: compound, tgtType: 'compound' }).ids);
      } catch (error) {
        // a rule whose target is none stands for nobody
        if (error instanceof SaltbusError) return new Set();
        throw error;
      }
    };
    const ids = this.#find(load)?.ids ?? [];
    const name = isHeld ? user.slice('sudo_'.length) : owner;
    return acl.allows(name, { fun, arg, ids }, idsOf) ? 'these' : 'none';
  }

  #refuse(load: PublishLoad, whole: Load, error: typeof NOT_AUTHENTICATED): Buffer {
    this.#tellRefused(load, whole, error);
    return encodePlainReply({ error });
  }

  // Anybody can ask for this event: so many a second, and neither what was shown as a secret nor what came beside it.
  #tellRefused(load: PublishLoad, whole: Load, error: typeof NOT_AUTHENTICATED): void {
    const now = performance.now();
    if (now - this.#refusedSince >= 1000) {
      this.#refusedSince = now;
      this.#refusedTold = 0;
    }
    if (this.#refusedTold >= MOST_REFUSED_TOLD) return;
    this.#refusedTold += 1;
    const data = new Map<ExactValue, ExactValue>();
    for (const name of TOLD) if (whole.has(name)) data.set(name, whole.get(name) ?? null);
    data.set('error', mapOf(error));
    const jid = load.jid ?? '';
    this.#parts.bus.fire({ tag: isJid(jid) ? `salt/job/${jid}/error` : 'salt/job/error', data });
  }

  #find(load: PublishLoad): FoundMinions | undefined {
    try {
      const { tgt, tgt_type: tgtType } = load;
      return this.#parts.directory.resolve({ tgt, tgtType, delimiter: load.kwargs?.get('delimiter') });
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      publish('saltbus:master:problem', { what: 'a target of the command line', error });
      return undefined;
    }
  }
}

// Minions look for themselves whether they are meant. What was allowed is a job for those that were found, and no other.
function byId(found: FoundMinions | undefined): FoundMinions | undefined {
  if (found === undefined) return undefined;
  const { target, ids } = found;
  if (!target.needs.grains && !target.needs.pillar) return found;
  return { ...found, target: { ...target, tgt: ids, tgtType: 'list', delimiter: ':' } };
}

// As real masters keep it: what was asked for, without the secret.
function cachedLoad(whole: Load, jid: string): Load {
  const load = new Map<ExactValue, ExactValue>(whole);
  load.delete('key');
  return load.set('jid', jid);
}

function nobody(tgt: PublishLoad['tgt']): object {
  const error = `Master could not resolve minions for target ${pythonText(tgt)}`;
  return { enc: 'clear', load: { jid: null, minions: [], error } };
}

// In the order of real masters.
function jobOf(load: PublishLoad, jid: string, { target }: FoundMinions): Load {
  const job = new Map<ExactValue, ExactValue>([
    ['fun', load.fun],
    ['arg', load.arg],
    ['tgt', target.tgt],
    ['jid', jid],
    ['ret', load.ret ?? ''],
    ['tgt_type', target.tgtType],
  ]);
  if (target.delimiter !== ':') job.set('delimiter', target.delimiter);
  if (load.to !== undefined) job.set('to', load.to);
  for (const name of INTO_JOB) {
    const value = load.kwargs?.get(name);
    if (value !== undefined) job.set(name, value);
  }
  if (load.user !== undefined) job.set('user', load.user);
  return job;
}
