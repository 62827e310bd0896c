/**
 * The keys of all minions in memory, and in Salt's directories on disk.
 *
 * A request is answered from memory. What our master decides is written at once and synchronously, so that memory and disk never tell two
 * stories between two events; what others change on disk is taken over by `refresh()`.
 */
import type { KeyObject } from 'node:crypto';
import { lstatSync, renameSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { publish } from '../../../diagnostics.ts';
import {
  AUTOSIGN_DIRECTORY,
  KEY_STATES,
  keyFile,
  makePrivateDirectory,
  stateDirectory,
  systemError,
  versionOf,
  writeFileAtomic,
} from '../../../pki/index.ts';
import type { KeyState, Owner } from '../../../pki/index.ts';
import { keyFileOf, lookAt, scanDirectory } from './key-scan.ts';
import type { DirectoryPatch, KeyFile } from './key-scan.ts';

/** The state that counts for an id, of those in which a minion can stand. */
export type StandingState = Exclude<KeyState, 'denied'>;

/** A key as it stands. */
export interface StandingKey {
  readonly state: StandingState;
  /** The cleaned text. */
  readonly pem: string;
  /** Of an accepted key: parsed; `undefined` for text that is no usable key. */
  readonly key: KeyObject | undefined;
}

/** A change that a sign-in makes. */
export type KeyWrite =
  | { readonly type: 'store'; readonly state: KeyState; readonly id: string; readonly pem: string }
  | { readonly type: 'move'; readonly id: string; readonly to: 'accepted' | 'rejected' };

/** What has changed, for those who hold sessions or tell others. */
export interface KeyChange {
  readonly id: string;
  /** Where the id stands now; `denied`: a key was put among the denied ones, the standing is as it was. */
  readonly state: KeyState | 'deleted';
  /** Where it stood; `denied` for a key that was taken from the denied ones. */
  readonly previous: KeyState | undefined;
  /** Whether the state is the same and the key is another one. */
  readonly replaced: boolean;
  /** Whether a sign-in made the change, or somebody on disk. */
  readonly source: 'sign-in' | 'disk';
}

/** Where and how keys are kept. */
export interface KeyStoreOptions {
  readonly pkiDir: string;
  /** To whom files are given. */
  readonly owner?: Owner | undefined;
  /** Whether the group may read (`permissive_pki_access`). @defaultValue false */
  readonly permissive?: boolean;
}

// The first that holds the id counts, as in the order of Salt's decisions (3006.30, 3008.5).
const STANDING: readonly StandingState[] = ['rejected', 'accepted', 'pending'];

// A directory that changed so shortly before it was read may change again without its time showing it.
const RACY_MS = 1000;

/** The keys of all minions. */
export class KeyStore {
  readonly pkiDir: string;
  readonly #owner: Owner | undefined;
  readonly #fileMode: number;
  readonly #directoryMode: number;
  readonly #files: Readonly<Record<KeyState, Map<string, KeyFile>>> = {
    accepted: new Map(),
    pending: new Map(),
    rejected: new Map(),
    denied: new Map(),
  };
  readonly #dirty: Readonly<Record<KeyState, Set<string>>> = {
    accepted: new Set(),
    pending: new Set(),
    rejected: new Set(),
    denied: new Set(),
  };
  readonly #seen = new Map<KeyState, { readonly version: string; readonly racy: boolean }>();
  readonly #told = new Map<KeyState, Map<string, string>>();
  readonly #listeners = new Set<(change: KeyChange) => void>();
  #touched = new Set<string>();
  #refreshing: Promise<void> | undefined;
  #again: { readonly full: boolean; readonly promise: Promise<void> } | undefined;

  private constructor(options: KeyStoreOptions) {
    this.pkiDir = options.pkiDir;
    this.#owner = options.owner;
    this.#fileMode = options.permissive === true ? 0o640 : 0o600;
    this.#directoryMode = options.permissive === true ? 0o750 : 0o700;
  }

  /**
   * Makes the directories that are not there, and reads all keys.
   * @throws SaltbusError `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
   */
  static async open(options: KeyStoreOptions): Promise<KeyStore> {
    const store = new KeyStore(options);
    const how = { mode: store.#directoryMode, owner: options.owner };
    makePrivateDirectory(options.pkiDir, how);
    for (const state of KEY_STATES) makePrivateDirectory(stateDirectory(options.pkiDir, state), how);
    makePrivateDirectory(join(options.pkiDir, AUTOSIGN_DIRECTORY), how);
    try {
      await store.#refresh(true, true);
    } catch (error) {
      throw systemError(`The keys in ${options.pkiDir} cannot be read`, error);
    }
    return store;
  }

  /** Where an id stands; `undefined` for one that is not known. */
  find(id: string): StandingKey | undefined {
    for (const state of STANDING) {
      const file = this.#files[state].get(id);
      if (file !== undefined) return { state, pem: file.pem, key: file.key };
    }
    return undefined;
  }

  /** The parsed key of an accepted minion; `undefined` for any other id. */
  acceptedKey(id: string): KeyObject | undefined {
    return this.#files.rejected.has(id) ? undefined : this.#files.accepted.get(id)?.key;
  }

  /** The key of an id among the denied ones. */
  deniedPem(id: string): string | undefined {
    return this.#files.denied.get(id)?.pem;
  }

  /** The ids that have a file in a state. */
  ids(state: KeyState): IterableIterator<string> {
    return this.#files[state].keys();
  }

  /** How many ids have a file in a state. */
  count(state: KeyState): number {
    return this.#files[state].size;
  }

  /** Calls for each change, after it was made; returns the function that ends it. */
  onChange(listener: (change: KeyChange) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Makes a change on disk and in memory.
   * @throws SaltbusError `ERR_SALTBUS_MINION_ID`, `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`; memory is as it was then
   */
  write(change: KeyWrite): void {
    const { id } = change;
    const before = this.find(id);
    if (change.type === 'store') this.#store(change.state, id, change.pem);
    else this.#move(id, change.to);
    this.#touched.add(id);
    if (change.type === 'store' && change.state === 'denied') {
      this.#tell({ id, state: 'denied', previous: undefined, replaced: false, source: 'sign-in' });
    } else this.#tellStanding(id, before, 'sign-in');
  }

  #store(state: KeyState, id: string, pem: string): void {
    if (this.#files[state].get(id)?.pem === pem) return;
    const path = keyFile(this.pkiDir, state, id);
    writeFileAtomic(path, pem, { mode: this.#fileMode, owner: this.#owner });
    this.#files[state].set(id, keyFileOf(pem, versionOf(lstatSync(path)), state));
  }

  #move(id: string, to: 'accepted' | 'rejected'): void {
    const pending = this.#files.pending.get(id);
    if (pending === undefined) return;
    const path = keyFile(this.pkiDir, to, id);
    try {
      renameSync(keyFile(this.pkiDir, 'pending', id), path);
    } catch (error) {
      throw systemError(`The key of ${JSON.stringify(id)} cannot be moved`, error);
    }
    this.#files.pending.delete(id);
    this.#files[to].set(id, keyFileOf(pending.pem, versionOf(lstatSync(path)), to));
  }

  /**
   * Removes the key of an id from a state, as `revoke_auth` asks for.
   * @throws SaltbusError `ERR_SALTBUS_MINION_ID`, `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
   */
  remove(state: KeyState, id: string): void {
    const before = this.find(id);
    try {
      rmSync(keyFile(this.pkiDir, state, id), { force: true });
    } catch (error) {
      throw systemError(`The key of ${JSON.stringify(id)} cannot be removed`, error);
    }
    this.#files[state].delete(id);
    this.#touched.add(id);
    if (state !== 'denied') this.#tellStanding(id, before, 'sign-in');
  }

  /** Says that a file may have changed; the next `refresh()` looks at it. */
  markChanged(state: KeyState, name: string): void {
    this.#dirty[state].add(name);
  }

  /**
   * Takes over what has changed on disk. A call while another runs waits for that one, and then looks again.
   * @param options.full - look at each file; otherwise at directories whose time has changed and at files that were marked
   */
  refresh(options: { readonly full?: boolean } = {}): Promise<void> {
    const full = options.full === true;
    if (this.#refreshing === undefined) {
      this.#refreshing = this.#refresh(full).finally(() => {
        this.#refreshing = undefined;
      });
      return this.#refreshing;
    }
    if (this.#again === undefined || (full && !this.#again.full)) {
      const waitFor = this.#again?.promise ?? this.#refreshing;
      const promise = waitFor
        .catch(() => undefined)
        .then(() => {
          if (this.#again?.promise === promise) this.#again = undefined;
          return this.refresh({ full });
        });
      this.#again = { full, promise };
    }
    return this.#again.promise;
  }

  async #refresh(full: boolean, blocking = false): Promise<void> {
    this.#touched = new Set();
    const patches = new Map<KeyState, DirectoryPatch>();
    // The places that keys are moved from before those they are moved to: one that moves meanwhile is seen twice, not never.
    for (const state of ['pending', 'accepted', 'rejected', 'denied'] as const) {
      const patch = await this.#scan(state, full, blocking);
      if (patch !== undefined) patches.set(state, patch);
    }
    await this.#findMoved(patches);
    this.#merge(patches);
  }

  async #scan(state: KeyState, full: boolean, blocking: boolean): Promise<DirectoryPatch | undefined> {
    const directory = stateDirectory(this.pkiDir, state);
    const found = await stat(directory).catch(() => undefined);
    const version = found === undefined ? 'absent' : versionOf(found);
    const racy = found !== undefined && Math.abs(Date.now() - found.mtimeMs) < RACY_MS;
    const seen = this.#seen.get(state);
    const dirty = new Set(this.#dirty[state]);
    this.#dirty[state].clear();
    if (!full && dirty.size === 0 && seen?.version === version && !seen.racy) return undefined;
    try {
      const patch = await scanDirectory({
        directory,
        state,
        known: this.#files[state],
        dirty: full ? 'all' : dirty,
        blocking,
      });
      this.#seen.set(state, { version, racy });
      this.#tellIgnored(state, directory, patch.ignored);
      return patch;
    } catch (error) {
      for (const name of dirty) this.#dirty[state].add(name);
      throw error;
    }
  }

  /** An id that seems to be gone is looked for again: it may have moved against the order of reading. */
  async #findMoved(patches: Map<KeyState, DirectoryPatch>): Promise<void> {
    const gone = new Set<string>();
    for (const state of STANDING) for (const id of patches.get(state)?.remove ?? []) gone.add(id);
    for (const id of gone) {
      const stands = STANDING.some((state) => {
        const patch = patches.get(state);
        return (
          patch?.set.has(id) === true || (this.#files[state].has(id) && patch?.remove.includes(id) !== true)
        );
      });
      if (stands) continue;
      for (const state of STANDING) {
        const found = await lookAt(stateDirectory(this.pkiDir, state), state, id, undefined);
        if (found.kind !== 'key') continue;
        const patch = patches.get(state) ?? { set: new Map<string, KeyFile>(), remove: [], ignored: [] };
        patches.set(state, {
          ...patch,
          set: new Map([...patch.set, [id, found.file]]),
          remove: patch.remove.filter((name) => name !== id),
        });
      }
    }
  }

  #merge(patches: ReadonlyMap<KeyState, DirectoryPatch>): void {
    const before = new Map<string, StandingKey | undefined>();
    const changes: KeyChange[] = [];
    for (const [state, patch] of patches) {
      const files = this.#files[state];
      const denied = (id: string, now: KeyState | 'deleted'): void => {
        const previous = now === 'deleted' ? 'denied' : undefined;
        changes.push({ id, state: now, previous, replaced: false, source: 'disk' });
      };
      // What our master has written since the scan began is newer than the scan: it is looked at again.
      const isNewer = (id: string): boolean => {
        if (!this.#touched.has(id)) return false;
        this.#dirty[state].add(id);
        return true;
      };
      for (const id of patch.remove) {
        if (isNewer(id)) continue;
        if (state === 'denied') denied(id, 'deleted');
        else if (!before.has(id)) before.set(id, this.find(id));
        files.delete(id);
      }
      for (const [id, file] of patch.set) {
        if (isNewer(id)) continue;
        if (state !== 'denied') {
          if (!before.has(id)) before.set(id, this.find(id));
        } else if (files.get(id)?.pem !== file.pem) denied(id, 'denied');
        files.set(id, file);
      }
    }
    for (const [id, was] of before) this.#tellStanding(id, was, 'disk');
    for (const change of changes) this.#tell(change);
  }

  #tellStanding(id: string, was: StandingKey | undefined, source: KeyChange['source']): void {
    const now = this.find(id);
    if (now?.state === was?.state && now?.pem === was?.pem) return;
    this.#tell({
      id,
      state: now?.state ?? 'deleted',
      previous: was?.state,
      replaced: now?.state === was?.state,
      source,
    });
  }

  #tell(change: KeyChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  #tellIgnored(state: KeyState, directory: string, ignored: DirectoryPatch['ignored']): void {
    const told = this.#told.get(state) ?? new Map<string, string>();
    const now = new Map<string, string>();
    for (const [name, reason] of ignored) {
      if (now.size >= MAX_TOLD) break;
      now.set(name, reason);
      if (told.get(name) !== reason) publish('saltbus:keys:ignored', { path: join(directory, name), reason });
    }
    this.#told.set(state, now);
  }
}

/** Most files of a directory of which it is remembered that they were told of. */
const MAX_TOLD = 1000;
