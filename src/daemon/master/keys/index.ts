/** The keys of a master: its own, those of the minions, and the secrets of its command line. */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { MasterKeySettings } from '../../../config/index.ts';
import { ownerFor, usersIn } from '../../../pki/index.ts';
import type { Owner } from '../../../pki/index.ts';
import { AutomaticRules } from './automatic.ts';
import { KeyRate } from './key-rate.ts';
import { KeyStore } from './key-store.ts';
import { KeyWatch } from './key-watch.ts';
import { openLocalSecrets } from './local-secrets.ts';
import type { LocalSecrets } from './local-secrets.ts';
import { openMasterKey } from './master-key.ts';
import type { MasterKey } from './master-key.ts';
import { trustedUsers } from './safety.ts';
import { isKnown, signIn } from './sign-in.ts';
import type { SignInContext, SignInOutcome, SignInRequest } from './sign-in.ts';

export { AUTH_TAG, KEY_TAG, keyEventOf } from './key-events.ts';
export type { KeyChange, KeyStore } from './key-store.ts';
export type { LocalSecrets } from './local-secrets.ts';
export type { MasterKey } from './master-key.ts';
export type { SignInOutcome, SignInRequest } from './sign-in.ts';

/** What the keys of a master are opened with. */
export interface MasterKeysOptions {
  readonly settings: MasterKeySettings;
  /** Who is connected, for `max_minions`. */
  readonly connected: SignInContext['connected'];
  /** Whether a user of this host may publish jobs, besides the user of the master; each gets a secret. @defaultValue nobody */
  readonly mayPublish?: (user: string) => boolean;
  /** Most keys that wait for a decision. @defaultValue 10000 */
  readonly maxPending?: number;
  /** Keys of strangers that are written in a second, after a burst. @defaultValue any number */
  readonly newMinionsPerSecond?: number;
  /** Calls when a key was deleted or rejected by a `salt-key` or `saltbus key`, which asks for a new publish key. */
  readonly onRotate?: () => void;
}

/** The keys of a master, in memory and watched on disk. */
export interface MasterKeys extends AsyncDisposable {
  readonly own: MasterKey;
  /** The user of the master. */
  readonly user: string;
  readonly store: KeyStore;
  readonly secrets: LocalSecrets;
  /** Decides on a sign-in and makes the changes that follow. Never throws; reads nothing from disk. */
  signIn(request: SignInRequest): SignInOutcome;
  /** Whether this is the accepted key of the id: such a sign-in does not wait behind those of strangers. */
  knows(request: SignInRequest): boolean;
  /** Takes over what has changed on disk now, instead of within a second. */
  refresh(): Promise<void>;
  /** Stops watching. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens the keys of a master: makes what is not there, checks what is, and reads all of it.
 * @throws SaltbusError `ERR_SALTBUS_KEY_UNSAFE`, `ERR_SALTBUS_KEY_INVALID`, `ERR_SALTBUS_CONFIG`, `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
 */
export async function openMasterKeys(options: MasterKeysOptions): Promise<MasterKeys> {
  const { settings, connected, maxPending, newMinionsPerSecond, mayPublish, onRotate } = options;
  const owner = ownerFor(settings.user);
  const { pkiDir, cachedir, masterId } = settings;
  const permissive = settings.permissivePkiAccess;
  const own = await openMasterKey({ pkiDir, masterId, keysize: settings.keysize, owner, permissive });
  const store = await KeyStore.open({ pkiDir, owner, permissive });
  const rules = await AutomaticRules.open({ ...settings, permissive });
  const user = settings.user ?? userInfo().username;
  const secrets = openLocalSecrets({
    cachedir,
    users: [{ name: user, owner }, ...publishers(user, mayPublish)],
  });
  const trusted = trustedUsers({ owner });
  const watch = new KeyWatch({
    store,
    rules,
    dropFile: { cachedir, masterId, trusted, onAsked: () => onRotate?.() },
  });
  const context: SignInContext = {
    store,
    rules,
    connected,
    openMode: settings.openMode,
    maxMinions: settings.maxMinions,
    ...(maxPending === undefined ? {} : { maxPending }),
    ...(newMinionsPerSecond === undefined ? {} : { rate: new KeyRate(newMinionsPerSecond, Date.now()) }),
  };
  const close = (): Promise<void> => watch.close();
  return {
    own,
    user,
    store,
    secrets,
    signIn: (request) => signIn(request, context),
    knows: (request) => isKnown(request, store),
    refresh: () => watch.look(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

// Only root can give a file away.
function publishers(
  user: string,
  mayPublish: MasterKeysOptions['mayPublish'],
): { readonly name: string; readonly owner: Owner }[] {
  if (mayPublish === undefined || process.geteuid?.() !== 0) return [];
  return usersIn(readFileSync('/etc/passwd', 'utf8')).filter(({ name }) => name !== user && mayPublish(name));
}
