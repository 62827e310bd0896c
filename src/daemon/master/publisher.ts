/**
 * Sends jobs to minions: encrypted and signed once, under the topics of those they are for where the port filters.
 */
import type { PublishKey } from '../../channel/publish-key.ts';
import type { PubSocket } from '../../transport/zmtp/pub.ts';
import type { TargetType } from '../../target/index.ts';
import type { Load } from './load.ts';
import { topicOf } from './presence.ts';

/** A job that is to be published. */
export interface JobToPublish {
  readonly load: Load;
  readonly tgtType: TargetType;
  /** Who is meant. */
  readonly minions: readonly string[];
}

/** Counters of a {@link Publisher}. */
export interface PublisherCounters {
  readonly published: number;
}

const BROADCAST = Buffer.from('broadcast');
// Targets that the master resolves to ids; the others go to all, who decide by themselves (all releases).
const BY_ID: ReadonlySet<TargetType> = new Set<TargetType>(['glob', 'pcre', 'list']);

/** Publishes jobs in the order in which they are given. */
export class Publisher {
  readonly #key: PublishKey;
  readonly #socket: PubSocket;
  readonly #isFiltering: boolean;
  #published = 0;

  /** @param isFiltering - `zmq_filtering` */
  constructor(key: PublishKey, socket: PubSocket, isFiltering: boolean) {
    this.#key = key;
    this.#socket = socket;
    this.#isFiltering = isFiltering;
  }

  get counters(): PublisherCounters {
    return { published: this.#published };
  }

  /**
   * Publishes a job; resolves when it is in the outboxes of the subscribers.
   * @throws SaltbusError `ERR_SALTBUS_DATA` or `ERR_SALTBUS_LIMIT` for what cannot be encoded, `ERR_SALTBUS_CLOSED`
   */
  async publish(job: JobToPublish): Promise<void> {
    const payload = await this.#key.seal(job.load);
    this.#published += 1;
    if (!this.#isFiltering) this.#socket.publish([payload]);
    else if (!BY_ID.has(job.tgtType)) this.#socket.publish([BROADCAST, payload]);
    else for (const id of job.minions) this.#socket.publish([Buffer.from(topicOf(id)), payload]);
  }
}
