/**
 * Events for the bus of the master, sent with the key of this host's minion and without a daemon in between, as `salt-call` does.
 */
import type { Duplex } from 'node:stream';
import { arrivingData, listPackage, singlePackage } from '../bus/fire-master.ts';
import type { FireData } from '../bus/bus.ts';
import type { FireMasterOptions, MasterEvent } from '../bus/fire-master.ts';
import { checkEventSize } from '../bus/event-size.ts';
import { stampNow } from '../bus/stamp.ts';
import type { LoadToSend } from '../channel/minion-session.ts';
import type { SignInOptions } from '../channel/sign-in.ts';
import { EventBodyEncoder } from '../codec/event-body.ts';
import { isEncryptionAlgorithm, isSigningAlgorithm } from '../codec/rsa/algorithms.ts';
import { directSettings, loadSaltConfig } from '../config/index.ts';
import type { DirectSettings, MasterAddress } from '../config/index.ts';
import { SaltbusError } from '../errors.ts';
import { aborted } from '../transport/connect.ts';
import { DirectMaster } from './direct-master.ts';
import { pinMasterKey, readMinionIdentity, readPublicPem } from './minion-key.ts';

/** How {@link connectDirect} finds the minion, and how long it waits. */
export interface DirectOptions {
  /** Salt's configuration directory. @defaultValue as Salt: `SALT_CONFIG_DIR`, or `/etc/salt` */
  readonly configDir?: string;
  /** The id of the minion, instead of the one from the configuration. */
  readonly id?: string;
  /** How long the sign-in, and later each event, may take, in milliseconds. @defaultValue 10 000 */
  readonly timeoutMs?: number;
  /** Ends the sign-in when aborted; it does not end the connection that came of it. */
  readonly signal?: AbortSignal;
}

/** How one event, or list of events, is sent. */
export interface DirectFireOptions extends FireMasterOptions {
  readonly signal?: AbortSignal;
}

/** A master to which an event could not be brought. */
export interface MasterFailure {
  /** `host:port` */
  readonly master: string;
  readonly error: SaltbusError;
}

/** What is known of an event that was sent: which masters answered that they took it. */
export interface DirectAnswer {
  /** `host:port` of each; at least one. */
  readonly accepted: readonly string[];
  /** Of several masters, those that did not. */
  readonly failed: readonly MasterFailure[];
}

type Work = (master: DirectMaster) => Promise<void>;

const DEFAULT_TIMEOUT_MS = 10_000;
// Of several masters, one that failed is not waited for with each event, and is asked again after this.
const PASS_OVER_MS = 30_000;

/**
 * Signs in to the master or masters in the configuration of this host's minion, with that minion's key: for root, or the
 * user of the minion. It resolves when one of them has let the minion in.
 *
 * A list of masters is signed in to whole; with `master_type: failover`, the first that answers is the one.
 * @throws SaltbusError (rejection) `ERR_SALTBUS_CONFIG`; `ERR_SALTBUS_NO_KEY`, `ERR_SALTBUS_PERMISSION`, `ERR_SALTBUS_KEY_INVALID`
 * for the key of the minion; `ERR_SALTBUS_NO_PEER`, `ERR_SALTBUS_ZMTP` for a master that is not there or does not answer;
 * `ERR_SALTBUS_PENDING`, `ERR_SALTBUS_REJECTED`, `ERR_SALTBUS_MASTER_FULL`, `ERR_SALTBUS_MASTER_CHANGED`, `ERR_SALTBUS_SIGN_IN`,
 * `ERR_SALTBUS_ALGORITHM`; `ERR_SALTBUS_ABORTED`
 */
export async function connectDirect(options: DirectOptions = {}): Promise<DirectConnection> {
  const { configDir, id, signal } = options;
  const config = loadSaltConfig({ node: 'minion', ...(configDir === undefined ? {} : { configDir }) });
  return openDirect(directSettings(config, { id }), options, signal);
}

/** For tests: how a connection to a master is made. */
export type OpenMaster = (address: MasterAddress, signal: AbortSignal) => Promise<Duplex>;

/** As {@link connectDirect}, with settings that were read before. */
export async function openDirect(
  settings: DirectSettings,
  options: { readonly timeoutMs?: number; readonly open?: OpenMaster } = {},
  signal?: AbortSignal,
): Promise<DirectConnection> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, open } = options;
  if (!(timeoutMs > 0)) {
    throw new SaltbusError('ERR_SALTBUS_USAGE', `timeoutMs is ${timeoutMs}, and must be above zero`);
  }
  if (signal?.aborted === true) throw aborted(signal);
  const identity = await readMinionIdentity(settings.id, settings.privateKeyFile);
  const signIn = await signInOptions(settings);
  const { addresses, localAddress } = settings.masters;
  const masters = addresses.map(
    (address) =>
      new DirectMaster(
        {
          identity,
          address: { ...address, ...(localAddress === undefined ? {} : { localAddress }) },
          signIn,
          pin: (pem) => {
            pinMasterKey(settings.masterKeyFile, pem, settings.user);
          },
          masterKeyFile: settings.masterKeyFile,
          ...(open === undefined ? {} : { open: (ended: AbortSignal) => open(address, ended) }),
        },
        timeoutMs,
      ),
  );
  const connection = new DirectConnection(settings, masters, timeoutMs);
  try {
    await connection.signIn(signal);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function signInOptions(settings: DirectSettings): Promise<SignInOptions> {
  const { encryptionAlgorithm, signingAlgorithm, masterKeyFile, masterSignKeyFile } = settings;
  const pinned = await readPublicPem(
    masterKeyFile,
    'Compare it with the master.pub of the master. To trust the master anew at the next sign-in, remove the file.',
  );
  const masterSignKey =
    masterSignKeyFile === undefined
      ? undefined
      : await readPublicPem(masterSignKeyFile, 'Copy the master_sign.pub of the master there.');
  if (masterSignKeyFile !== undefined && masterSignKey === undefined) {
    throw new SaltbusError(
      'ERR_SALTBUS_NO_KEY',
      `verify_master_pubkey_sign is on, and the key to verify with is not there: ${masterSignKeyFile}`,
      { next: 'Copy the master_sign.pub of the master there.' },
    );
  }
  return {
    ...algorithm('encryption_algorithm', encryptionAlgorithm, isEncryptionAlgorithm, 'encAlgorithm'),
    ...algorithm('signing_algorithm', signingAlgorithm, isSigningAlgorithm, 'sigAlgorithm'),
    ...(pinned === undefined ? {} : { pinned }),
    ...(masterSignKey === undefined ? {} : { masterSignKey }),
    ...(settings.masterFinger === undefined ? {} : { masterFinger: settings.masterFinger }),
    hashType: settings.hashType,
    openMode: settings.openMode,
  };
}

function algorithm<Name extends string, Value extends string>(
  option: string,
  value: string | undefined,
  is: (value: unknown) => value is Value,
  name: Name,
): { readonly [key in Name]?: Value } {
  if (value === undefined) return {};
  if (is(value)) return { [name]: value } as { readonly [key in Name]: Value };
  throw new SaltbusError(
    'ERR_SALTBUS_CONFIG',
    `${option} is ${JSON.stringify(value)}, which is not spoken here`,
  );
}

/** Signed in to the masters of this host's minion. Made by {@link connectDirect}. */
export class DirectConnection implements AsyncDisposable {
  /** The id of the minion, which masters put around each single event as its verified sender. */
  readonly id: string;
  readonly #settings: DirectSettings;
  readonly #masters: readonly DirectMaster[];
  readonly #timeoutMs: number;
  readonly #encoder = new EventBodyEncoder();
  #first = 0;

  /** @internal */
  constructor(settings: DirectSettings, masters: readonly DirectMaster[], timeoutMs: number) {
    this.id = settings.id;
    this.#settings = settings;
    this.#masters = masters;
    this.#timeoutMs = timeoutMs;
  }

  /** `host:port` of each master in the configuration. */
  get masters(): readonly string[] {
    return this.#masters.map(({ name }) => name);
  }

  /** @internal */
  async signIn(signal: AbortSignal | undefined): Promise<void> {
    await this.#ask(
      (master) => master.signIn(this.#timeoutMs, signal),
      (error) => !isOver(error),
    );
  }

  /**
   * Sends one event, or a list of events in one request, and resolves when a master has answered that it took it.
   *
   * One event arrives on the master bus with the verified id of the minion around it (`{id, tag, data, cmd, ts}`); the events of a
   * list arrive flat, in order, and without an id. Calls are sent in their order, each when the one before was answered; the workers of a
   * real master may still fire two of them the other way round (3006.30, 3007.17, 3008.5), which a list keeps in order. Nothing is sent
   * twice: with `ERR_SALTBUS_NO_REPLY` and `ERR_SALTBUS_TIMEOUT` it is not known whether the event was fired.
   *
   * Of several masters, one that fails is passed over for half a minute, so that the others are not held up.
   * @throws SaltbusError (rejection) `ERR_SALTBUS_TAG`, `ERR_SALTBUS_DENIED_TAG`, `ERR_SALTBUS_DATA`, `ERR_SALTBUS_TOO_LARGE` before
   * anything is sent; when no master took it, why the first did not, as {@link connectDirect}, and `ERR_SALTBUS_NOT_ACCEPTED`,
   * `ERR_SALTBUS_NO_REPLY`, `ERR_SALTBUS_NO_SESSION`, `ERR_SALTBUS_CLOSED`
   */
  fireMaster(tag: string, data?: unknown, options?: Omit<DirectFireOptions, 'pretag'>): Promise<DirectAnswer>;
  fireMaster(events: readonly MasterEvent[], options?: DirectFireOptions): Promise<DirectAnswer>;
  async fireMaster(
    first: string | readonly MasterEvent[],
    second?: unknown,
    third: Omit<DirectFireOptions, 'pretag'> = {},
  ): Promise<DirectAnswer> {
    const isSingle = typeof first === 'string';
    const options: DirectFireOptions = isSingle ? third : ((second as DirectFireOptions | undefined) ?? {});
    const load = isSingle ? this.#single(first, second ?? {}) : this.#list(first, options);
    const { signal } = options;
    return await this.#ask(
      (master) => master.send(load, this.#timeoutMs, signal),
      (error) => !isOver(error) && !mayBeFired(error),
    );
  }

  /** Ends the connections now; what is under way rejects with `ERR_SALTBUS_CLOSED`. Idempotent. */
  close(): void {
    for (const master of this.#masters) master.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  // The order of the keys is that of salt-call. No `events: nil`: a master that walks it fails after it has fired the event (3006.30).
  #single(tag: string, data: unknown): LoadToSend {
    singlePackage(tag, data);
    const load = { id: this.id, tag, data, cmd: '_minion_event' };
    this.#checkSize(tag, { ...load, ts: Math.floor(Date.now() / 1000) });
    return load;
  }

  #list(events: readonly MasterEvent[], options: FireMasterOptions): LoadToSend {
    const { pretag = null } = options;
    listPackage(events, pretag === null ? {} : { pretag });
    for (const event of events) this.#checkSize(event.tag, arrivingData(event));
    return { id: this.id, cmd: '_minion_event', pretag, events };
  }

  // As the master will measure what it fires.
  #checkSize(tag: string, data: FireData): void {
    const body = this.#encoder.encode(tag, data, stampNow());
    checkEventSize(body, tag, this.#settings.maxEventSize);
  }

  #ask(work: Work, mayAskAnother: (error: SaltbusError) => boolean): Promise<DirectAnswer> {
    return this.#settings.masters.use === 'first' ? this.#askFirst(work, mayAskAnother) : this.#askEach(work);
  }

  async #askEach(work: Work): Promise<DirectAnswer> {
    const now = performance.now();
    const isPassedOver = ({ failure }: DirectMaster): boolean =>
      failure !== undefined && now - failure.at < PASS_OVER_MS;
    const isAnyFit = this.#masters.some((master) => !isPassedOver(master));
    const failures = await Promise.all(
      this.#masters.map(async (master) => {
        const { name, failure } = master;
        if (isAnyFit && isPassedOver(master) && failure !== undefined) {
          return { master: name, error: failure.error };
        }
        return await failureOf(master, work);
      }),
    );
    const failed = failures.filter((failure) => failure !== undefined);
    const accepted = this.#masters
      .filter((_, index) => failures[index] === undefined)
      .map(({ name }) => name);
    if (accepted.length > 0) return { accepted, failed };
    throw whyNone(failed);
  }

  // The one that took the last event is asked first; when it fails, the others follow in their order.
  async #askFirst(work: Work, mayAskAnother: (error: SaltbusError) => boolean): Promise<DirectAnswer> {
    const failed: MasterFailure[] = [];
    const count = this.#masters.length;
    for (let step = 0; step < count; step += 1) {
      const at = (this.#first + step) % count;
      const master = this.#masters[at];
      if (master === undefined) break;
      const failure = await failureOf(master, work);
      if (failure === undefined) {
        this.#first = at;
        return { accepted: [master.name], failed };
      }
      failed.push(failure);
      if (!mayAskAnother(failure.error)) break;
    }
    throw whyNone(failed);
  }
}

function isOver({ code }: SaltbusError): boolean {
  return code === 'ERR_SALTBUS_ABORTED' || code === 'ERR_SALTBUS_CLOSED';
}

// Once one master may have fired it, asking another could make it an event twice.
function mayBeFired({ code }: SaltbusError): boolean {
  return (
    code === 'ERR_SALTBUS_NO_REPLY' || code === 'ERR_SALTBUS_TIMEOUT' || code === 'ERR_SALTBUS_NOT_ACCEPTED'
  );
}

async function failureOf(master: DirectMaster, work: Work): Promise<MasterFailure | undefined> {
  try {
    await work(master);
    return undefined;
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    return { master: master.name, error };
  }
}

function whyNone(failed: readonly MasterFailure[]): SaltbusError {
  const [first, ...others] = failed;
  if (first === undefined) return new SaltbusError('ERR_SALTBUS_CLOSED', 'The connection was closed');
  if (others.length === 0) return first.error;
  const rest = others.map(({ error }) => error.message).join('; ');
  return new SaltbusError(first.error.code, `${first.error.message}; ${rest}`, {
    next: first.error.next,
    cause: first.error,
  });
}
