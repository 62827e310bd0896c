/**
 * The session keys that a master has given to its minions, in memory.
 *
 * A key is replaced when it has lived for `publish_session`, and nobody is told: the minion signs in again when its next request
 * is not understood. The key before is understood for a while longer, so that not all of them come at once.
 */
import { randomBytes } from 'node:crypto';
import { Crypticle, newKeyString } from '../codec/crypticle.ts';
import type { RandomBytes } from '../codec/crypticle.ts';
import { publish } from '../diagnostics.ts';
import { ReplayGuard } from './replay-guard.ts';

/** One key of one minion. */
export class MasterSession {
  readonly crypticle: Crypticle;
  readonly replay: ReplayGuard = new ReplayGuard();
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly #key: string;

  constructor(key: string, createdAt: number) {
    this.#key = key;
    this.crypticle = new Crypticle(key);
    this.createdAt = createdAt;
  }

  /** The key string, for the minion alone. */
  key(): string {
    return this.#key;
  }
}

/** Options of {@link MasterSessions}. */
export interface MasterSessionsOptions {
  /** How long a key lives. @defaultValue 86 400 000 (`publish_session`) */
  readonly lifetimeMs?: number;
  /** How long the key before is understood. @defaultValue 300 000 */
  readonly graceMs?: number;
  /** Minions with a session; beyond, the one that came first loses its own and signs in again. @defaultValue 200 000 */
  readonly maxSessions?: number;
  /** Told of each new key, for who keeps them on disk (`sessions/<id>`). */
  readonly onNew?: (id: string, key: string, createdAt: number) => void;
  readonly now?: () => number;
  readonly random?: RandomBytes;
}

interface Entry {
  current: MasterSession;
  previous: MasterSession | undefined;
  /** Until when `previous` is understood. */
  graceUntil: number;
  /** The clock of the minion went back, or somebody plays old requests: the next sign-in gets a new key. */
  isStale: boolean;
}

/** The session keys of all minions of a master. */
export class MasterSessions {
  readonly #lifetimeMs: number;
  readonly #graceMs: number;
  readonly #maxSessions: number;
  readonly #onNew: MasterSessionsOptions['onNew'];
  readonly #now: () => number;
  readonly #random: RandomBytes;
  readonly #entries = new Map<string, Entry>();

  constructor(options: MasterSessionsOptions = {}) {
    this.#lifetimeMs = options.lifetimeMs ?? 86_400_000;
    this.#graceMs = options.graceMs ?? 300_000;
    this.#maxSessions = options.maxSessions ?? 200_000;
    this.#onNew = options.onNew;
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? randomBytes;
  }

  /** Minions with a session. */
  get size(): number {
    return this.#entries.size;
  }

  /** The key for a minion that signs in: made on first need, and anew when it has lived long enough. */
  forSignIn(id: string): MasterSession {
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      this.#makeRoom();
      const current = this.#create(id);
      this.#entries.set(id, { current, previous: undefined, graceUntil: 0, isStale: false });
      return current;
    }
    if (entry.isStale) {
      entry.current = this.#create(id);
      entry.previous = undefined;
      entry.isStale = false;
    } else this.#renew(id, entry);
    return entry.current;
  }

  /** The keys under which a request of this minion may come: the current one, and the one before during its grace. */
  forRequest(id: string): readonly MasterSession[] {
    const entry = this.#entries.get(id);
    if (entry === undefined) return [];
    this.#renew(id, entry);
    return entry.previous === undefined ? [entry.current] : [entry.current, entry.previous];
  }

  /** The next sign-in of this minion gets a new key, and the ones before are not understood from then on. */
  markStale(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.isStale = true;
  }

  /** Takes a key that was kept on disk. It is ignored when it has lived too long. */
  restore(id: string, key: string, createdAt: number): void {
    if (this.#now() - createdAt >= this.#lifetimeMs) return;
    this.#entries.delete(id);
    this.#makeRoom();
    const current = new MasterSession(key, createdAt);
    this.#entries.set(id, { current, previous: undefined, graceUntil: 0, isStale: false });
  }

  /** Ends the session of a minion whose key was rejected, deleted or replaced; no grace. */
  end(id: string): void {
    this.#entries.delete(id);
  }

  /** Ends all of them. */
  endAll(): void {
    this.#entries.clear();
  }

  #renew(id: string, entry: Entry): void {
    const now = this.#now();
    if (now - entry.current.createdAt >= this.#lifetimeMs) {
      entry.previous = entry.current;
      entry.graceUntil = now + this.#graceMs;
      entry.current = this.#create(id);
    }
    if (now >= entry.graceUntil) entry.previous = undefined;
  }

  #create(id: string): MasterSession {
    const session = new MasterSession(newKeyString(this.#random), this.#now());
    this.#onNew?.(id, session.key(), session.createdAt);
    return session;
  }

  #makeRoom(): void {
    if (this.#entries.size < this.#maxSessions) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      publish('saltbus:channel:session-dropped', { id: oldest });
      break;
    }
  }
}
