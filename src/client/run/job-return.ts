/**
 * One return of a job, as it came over the master's bus.
 */
import type { ExactValue } from '../../codec/msgpack/values.ts';
import type { EventData, SaltEvent } from '../../event.ts';

/** What one minion answered. */
export class JobReturn {
  /** Whether the minion was among those that were to answer. */
  readonly expected: boolean;
  /** The event on the master's bus. */
  readonly event: SaltEvent;
  readonly id: string;
  readonly jid: string;

  /** @internal */
  constructor(event: SaltEvent, id: string, jid: string, expected: boolean) {
    this.event = event;
    this.id = id;
    this.jid = jid;
    this.expected = expected;
  }

  /** What the function gave back. */
  get return(): unknown {
    return this.event.data['return'];
  }

  /** The same with nothing lost. */
  get exact(): ExactValue {
    return this.event.exact.get('return') ?? null;
  }

  /** Everything that the minion sent. */
  get load(): EventData {
    return this.event.data;
  }

  /** The function or functions. */
  get fun(): unknown {
    return this.event.data['fun'];
  }

  /** The exit code; of several functions, the highest. 0 where the minion gave none. */
  get retcode(): number {
    return highest(this.event.exact.get('retcode'));
  }

  /** Whether the function ran without an exception; `undefined` where the minion did not say, or ran several. */
  get success(): boolean | undefined {
    const { success } = this.event.data;
    return typeof success === 'boolean' ? success : undefined;
  }

  /** The form in which Salt's command line shows it, where the minion proposes one. */
  get out(): string | undefined {
    const { out } = this.event.data;
    return typeof out === 'string' ? out : undefined;
  }
}

// as salt does: a map of several functions, or a list of them (`multifunc_ordered`)
function highest(retcode: ExactValue | undefined): number {
  if (typeof retcode === 'number') return retcode;
  if (typeof retcode === 'boolean') return Number(retcode);
  const all =
    retcode instanceof Map
      ? [...(retcode as ReadonlyMap<ExactValue, ExactValue>).values()]
      : Array.isArray(retcode)
        ? (retcode as readonly ExactValue[])
        : [];
  return all.reduce<number>((most, one) => Math.max(most, highest(one)), 0);
}

/**
 * The id of who answered: of a resource (3008) its own, otherwise that of the minion.
 * @returns `undefined` for an event that is no return
 */
export function returnedBy(event: SaltEvent): string | undefined {
  const { data } = event;
  if (!Object.hasOwn(data, 'return')) return undefined;
  const resource = data['resource_id'];
  if (typeof resource === 'string' && resource !== '') return resource;
  return typeof data['id'] === 'string' ? data['id'] : undefined;
}
