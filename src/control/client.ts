/**
 * A program's end of the control socket: many requests may be under way at once.
 */
import type { Duplex } from 'node:stream';
import { SaltbusError } from '../errors.ts';
import { connectSocket } from '../transport/connect.ts';
import { endpointName } from '../transport/endpoint.ts';
import type { Endpoint } from '../transport/endpoint.ts';
import { FrameReader, FrameWriter } from './frames.ts';
import { CONTROL_VERSION, readError, readFireAnswer, readMessage } from './messages.ts';
import type { ControlCommand, ControlCommands, FireAnswer, FireRequest } from './messages.ts';

/** How a program connects. */
export interface ControlClientOptions {
  /** For messages of the daemon: `saltbus fire`. */
  readonly program: string;
  /** Whose events these are: give it again after a reconnect, and their order holds. 1 to 100 characters. @defaultValue one of this connection */
  readonly lane?: string;
  readonly signal?: AbortSignal;
  /** How long the daemon may take to answer the hello, in milliseconds. @defaultValue 10 000 */
  readonly helloMs?: number;
  /** Most bytes of requests that are not answered; more is refused. @defaultValue 64 MiB */
  readonly maxUnderWayBytes?: number;
}

/** An event to be fired; see {@link FireRequest}. */
export type Fire = Omit<FireRequest, 'wait'> & { readonly wait?: FireRequest['wait'] };

type Fields = Readonly<Record<string, unknown>>;

interface UnderWay {
  readonly bytes: number;
  readonly answer: (kind: string, fields: Fields) => void;
  readonly fail: (error: SaltbusError) => void;
}

const HELLO_MS = 10_000;
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const UNDER_WAY_BYTES = 64 * 1024 * 1024;
/** What a request costs besides its package. */
const REQUEST_BYTES = 128;

/** An open connection to a daemon; see {@link openControl}. */
export class ControlClient implements AsyncDisposable {
  /** Where the daemon listens. */
  readonly name: string;
  readonly #duplex: Duplex;
  readonly #maxUnderWayBytes: number;
  readonly #writer = new FrameWriter();
  readonly #underWay = new Map<number, UnderWay>();
  readonly #greeted: Promise<void>;
  #onIdle: () => void = () => undefined;
  #greet: (error?: SaltbusError) => void = () => undefined;
  #nextNumber = 1;
  #underWayBytes = 0;
  #isFlushing = false;
  #broken: SaltbusError | undefined;
  #closing: Promise<void> | undefined;

  constructor(duplex: Duplex, name: string, options: ControlClientOptions) {
    this.name = name;
    this.#duplex = duplex;
    this.#maxUnderWayBytes = options.maxUnderWayBytes ?? UNDER_WAY_BYTES;
    this.#greeted = new Promise((resolve, reject) => {
      this.#greet = (error) => {
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    this.#greeted.catch(() => undefined);
    const reader = new FrameReader(MAX_ANSWER_BYTES, (body) => {
      this.#onFrame(body);
    });
    duplex.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        if (!(error instanceof SaltbusError)) throw error;
        this.#break(error);
      }
    });
    duplex.on('error', (cause: Error) => {
      this.#break(lost(name, cause));
    });
    duplex.on('end', () => {
      this.#break(lost(name));
    });
    duplex.on('close', () => {
      this.#break(lost(name));
    });
    const { program, lane } = options;
    this.#send([0, 'hello', { version: CONTROL_VERSION, program, ...(lane === undefined ? {} : { lane }) }]);
  }

  /** Resolves when the daemon has answered the hello. */
  get greeted(): Promise<void> {
    return this.#greeted;
  }

  /** Requests that are not answered. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /**
   * Fires an event; resolves with what the daemon says of it, in truth: kept on its disk, accepted by the master, or refused.
   *
   * Where the connection ends first it is not known whether the event was kept: fire it again with the same id.
   * @throws SaltbusError `ERR_SALTBUS_NO_REPLY`, `ERR_SALTBUS_OVERLOADED`, `ERR_SALTBUS_CLOSED`, or `ERR_SALTBUS_USAGE`
   */
  fire(fire: Fire): Promise<FireAnswer> {
    return this.#request('fire', { wait: 'spooled', ...fire }, fire.package.length, readFireAnswer);
  }

  /**
   * Asks the daemon.
   * @throws SaltbusError what the daemon says, `ERR_SALTBUS_NO_REPLY`, or `ERR_SALTBUS_CLOSED`
   */
  request<Name extends ControlCommand>(
    command: Name,
    request: ControlCommands[Name]['request'],
  ): Promise<ControlCommands[Name]['answer']> {
    return this.#request(command, request, 0, (kind, fields) => {
      if (kind === 'result') return fields as ControlCommands[Name]['answer'];
      throw readError(fields);
    });
  }

  /** Waits for the answers that are owed, and closes. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#finish());
  }

  /** Closes now; what is under way fails. */
  destroy(error: SaltbusError = closedError(this.name)): void {
    this.#break(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #finish(): Promise<void> {
    if (this.#broken !== undefined) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      if (this.#underWay.size === 0) resolve();
    });
    this.#break(closedError(this.name));
  }

  #request<T>(
    command: string,
    fields: object,
    size: number,
    read: (kind: string, fields: Fields) => T,
  ): Promise<T> {
    const error = this.#closing === undefined ? this.#broken : closedError(this.name);
    if (error !== undefined) return Promise.reject(error);
    const bytes = REQUEST_BYTES + size;
    if (this.#underWay.size > 0 && this.#underWayBytes + bytes > this.#maxUnderWayBytes) {
      return Promise.reject(
        new SaltbusError(
          'ERR_SALTBUS_OVERLOADED',
          `${this.#underWay.size} requests of ${this.#underWayBytes} bytes are not answered by ${this.name}`,
        ),
      );
    }
    return new Promise<T>((resolve, reject) => {
      const number = this.#nextNumber;
      this.#send([number, command, fields]);
      this.#nextNumber += 1;
      this.#underWayBytes += bytes;
      this.#underWay.set(number, {
        bytes,
        answer: (kind, answer) => {
          try {
            resolve(read(kind, answer));
          } catch (cause) {
            reject(cause);
          }
        },
        fail: reject,
      });
    });
  }

  #onFrame(body: Buffer): void {
    const { number, word, fields } = readMessage(body);
    if (number === 0) {
      if (word === 'welcome') this.#greet();
      else this.#break(readError(fields));
      return;
    }
    const underWay = this.#underWay.get(number);
    if (underWay === undefined) return;
    this.#underWay.delete(number);
    this.#underWayBytes -= underWay.bytes;
    underWay.answer(word, fields);
    if (this.#underWay.size === 0) this.#onIdle();
  }

  #send(message: readonly unknown[]): void {
    this.#writer.add(message);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      if (this.#broken === undefined && !this.#writer.isEmpty) this.#duplex.write(this.#writer.take());
    });
  }

  #break(error: SaltbusError): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#greet(error);
    for (const { fail } of this.#underWay.values()) fail(error);
    this.#underWay.clear();
    this.#onIdle();
    this.#duplex.destroy();
  }
}

function lost(name: string, cause?: Error): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_NO_REPLY', `The connection to ${name} ended`, {
    ...(cause === undefined ? {} : { cause }),
    next: 'Ask again, with the same ids: what was kept already is known by them.',
  });
}

function closedError(name: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_CLOSED', `The connection to ${name} was closed by this program`, {
    next: 'Open another.',
  });
}

/**
 * Connects to the control socket of a daemon, and says who we are.
 * @throws SaltbusError `ERR_SALTBUS_NO_CONTROL`, `ERR_SALTBUS_PERMISSION`, `ERR_SALTBUS_CONTROL`, `ERR_SALTBUS_OVERLOADED`, `ERR_SALTBUS_TIMEOUT`, `ERR_SALTBUS_ABORTED`
 */
export async function openControl(endpoint: Endpoint, options: ControlClientOptions): Promise<ControlClient> {
  const { signal, helloMs = HELLO_MS } = options;
  const name = endpointName(endpoint);
  let duplex: Duplex;
  try {
    duplex = await connectSocket(endpoint, signal === undefined ? {} : { signal });
  } catch (error) {
    if (error instanceof SaltbusError && error.code === 'ERR_SALTBUS_NO_BUS')
      throw new SaltbusError('ERR_SALTBUS_NO_CONTROL', error.message, { cause: error });
    throw error;
  }
  const client = new ControlClient(duplex, name, options);
  const late = setTimeout(() => {
    client.destroy(new SaltbusError('ERR_SALTBUS_TIMEOUT', `${name} did not answer within ${helloMs} ms`));
  }, helloMs);
  const onAbort = (): void => {
    client.destroy(
      new SaltbusError('ERR_SALTBUS_ABORTED', 'The call was aborted by its signal', {
        cause: signal?.reason,
      }),
    );
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal?.aborted === true) onAbort();
    await client.greeted;
    return client;
  } finally {
    clearTimeout(late);
    signal?.removeEventListener('abort', onAbort);
  }
}
