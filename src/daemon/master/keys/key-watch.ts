/**
 * Keeps what is in memory in step with the directories on disk.
 *
 * The system tells of changes; as a net, for file systems that do not, the times of the directories are looked at twice a second, and
 * each file once a minute.
 */
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { publish } from '../../../diagnostics.ts';
import { AUTOSIGN_DIRECTORY, KEY_STATES, stateDirectory, takeDropFile } from '../../../pki/index.ts';
import type { AutomaticRules } from './automatic.ts';
import type { KeyStore } from './key-store.ts';

/** What is kept in step. */
export interface KeyWatchOptions {
  readonly store: KeyStore;
  readonly rules: AutomaticRules;
  /** Where the file is looked for that asks for a new publish key, and what is done then. */
  readonly dropFile?: {
    readonly cachedir: string;
    readonly masterId: string;
    readonly trusted: readonly number[];
    readonly onAsked: () => void;
  };
}

const POLL_MS = 500;
const FULL_EVERY = 120;
// Several changes at once, such as a `salt-key -A`, are one look.
const SETTLE_MS = 20;

/** Watches until it is closed. */
export class KeyWatch {
  readonly #options: KeyWatchOptions;
  readonly #watchers: FSWatcher[] = [];
  readonly #poll: NodeJS.Timeout;
  #soon: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #polls = 0;
  #dropFileReason: string | undefined;

  constructor(options: KeyWatchOptions) {
    this.#options = options;
    const { store } = options;
    for (const state of KEY_STATES) {
      this.#watch(stateDirectory(store.pkiDir, state), (name) => {
        if (name !== undefined && !name.startsWith('.')) store.markChanged(state, name);
      });
    }
    this.#watch(join(store.pkiDir, AUTOSIGN_DIRECTORY), () => undefined);
    this.#poll = setInterval(() => {
      this.#polls += 1;
      // One that takes longer than the interval is not joined by another.
      if (this.#running === undefined) void this.look({ full: this.#polls % FULL_EVERY === 0 });
    }, POLL_MS).unref();
  }

  /** Looks now; resolves when what is on disk was taken over. Never rejects: what fails is told on `saltbus:keys:scan-failed`. */
  look(options: { readonly full?: boolean } = {}): Promise<void> {
    const running = this.#look(options).finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #look(options: { readonly full?: boolean }): Promise<void> {
    try {
      await this.#options.store.refresh(options);
      await this.#options.rules.refresh();
      this.#lookForDropFile();
    } catch (error) {
      publish('saltbus:keys:scan-failed', { error });
    }
  }

  #lookForDropFile(): void {
    const { dropFile } = this.#options;
    if (dropFile === undefined) return;
    const found = takeDropFile(dropFile.cachedir, dropFile.masterId, dropFile.trusted);
    const reason = found.kind === 'ignored' ? found.reason : undefined;
    if (reason !== undefined && reason !== this.#dropFileReason) {
      publish('saltbus:keys:ignored', { path: join(dropFile.cachedir, '.dfn'), reason });
    }
    this.#dropFileReason = reason;
    if (found.kind === 'asked') dropFile.onAsked();
  }

  #watch(directory: string, changed: (name: string | undefined) => void): void {
    try {
      const watcher = watch(directory, { persistent: false }, (_event, name) => {
        changed(name ?? undefined);
        this.#soon ??= setTimeout(() => {
          this.#soon = undefined;
          void this.look();
        }, SETTLE_MS).unref();
      });
      // The net is there for what cannot be watched.
      watcher.on('error', () => watcher.close());
      this.#watchers.push(watcher);
    } catch {
      // as above
    }
  }

  /** Ends it; resolves when the last look is over. Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#poll);
    clearTimeout(this.#soon);
    for (const watcher of this.#watchers) watcher.close();
    await this.#running;
  }
}
