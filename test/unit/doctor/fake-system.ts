/** A system made of plain data, for the doctor. */
import type { DoctorSystem, FileFacts, SaltOnDisk } from '../../../src/doctor/system.ts';
import type { Exchange } from '../../../src/doctor/exchange.ts';
import { SaltbusError } from '../../../src/errors.ts';
import { endpointName } from '../../../src/transport/endpoint.ts';

export interface FakeFile {
  readonly kind?: FileFacts['kind'];
  readonly uid?: number;
  readonly gid?: number;
  readonly mode?: number;
  readonly changedAt?: number;
  readonly text?: string;
  /** For a socket: whether somebody listens. */
  readonly alive?: boolean;
}

export interface FakeWorld {
  readonly files?: Readonly<Record<string, FakeFile | string>>;
  readonly env?: NodeJS.ProcessEnv;
  readonly account?: DoctorSystem['account'];
  readonly groups?: Readonly<Record<number, { readonly name: string; readonly members: readonly string[] }>>;
  readonly exchange?: Exchange;
  readonly salt?: SaltOnDisk | 'silent';
  readonly wall?: readonly number[];
  readonly monotonic?: readonly number[];
}

export const NOW: number = Date.UTC(2026, 10, 25);
export const ROOT: DoctorSystem['account'] = { name: 'root', uid: 0, groups: [0] };
export const ALICE: DoctorSystem['account'] = { name: 'alice', uid: 1000, groups: [1000] };

const USERS: Readonly<Record<number, string>> = { 0: 'root', 1000: 'alice', 450: 'salt' };

/** An exchange in which all went well. */
export const GOOD: Exchange = {
  pubSeen: 'bare',
  pull: { framing: 'prefixed', how: 'probe' },
  roundTripMs: 1.5,
  error: undefined,
};

/** Makes a system. Directories above each file are there, of root, mode 0755, unless they are given. */
export function fakeSystem(world: FakeWorld = {}): DoctorSystem {
  const files = new Map<string, FakeFile>();
  const put = (path: string, file: FakeFile): void => {
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (path !== '/' && !files.has(parent === '' ? '/' : parent))
      put(parent === '' ? '/' : parent, { kind: 'directory', mode: 0o755 });
    files.set(path, file);
  };
  put('/', { kind: 'directory', mode: 0o755 });
  for (const [path, file] of Object.entries(world.files ?? {}))
    put(path, typeof file === 'string' ? { text: file } : file);
  const account = world.account ?? ROOT;
  const may = (file: FakeFile, bit: number): boolean => {
    const { uid = 0, gid = 0, mode = 0o600 } = file;
    if (account.uid === 0) return true;
    if (account.uid === uid) return (mode & (bit << 6)) !== 0;
    return (mode & (account.groups.includes(gid) ? bit << 3 : bit)) !== 0;
  };
  const reading = (values: readonly number[] | undefined, otherwise: number): (() => number) => {
    let at = -1;
    return () => values?.[(at = Math.min(at + 1, values.length - 1))] ?? otherwise;
  };
  return {
    env: world.env ?? { XDG_RUNTIME_DIR: '/run/user/1000' },
    hostname: 'host',
    home: '/home/me',
    platform: 'linux',
    account,
    timeZone: 'Europe/Berlin',
    readFile: (path) => {
      const file = files.get(path);
      if (file?.text !== undefined && !may({ mode: 0o644, ...file }, 0o4))
        throw new Error('EACCES: permission denied');
      return file?.text;
    },
    list: (directory) =>
      [...files.keys()]
        .filter((path) => path !== '/' && path.startsWith(directory === '/' ? '/' : `${directory}/`))
        .map((path) => path.slice(directory.length + 1))
        .filter((rest) => !rest.includes('/')),
    look: (path) => {
      const file = files.get(path);
      if (file === undefined) return undefined;
      const { kind = 'file', uid = 0, gid = 0, mode = 0o600, changedAt = NOW - 60_000 } = file;
      return { kind, uid, gid, mode, inode: [...files.keys()].indexOf(path), changedAt };
    },
    mayEnter: (directory) => may(files.get(directory) ?? {}, 0o1),
    userName: (uid) => USERS[uid] ?? String(uid),
    groupName: (gid) => world.groups?.[gid]?.name ?? USERS[gid] ?? String(gid),
    membersOf: (gid) => world.groups?.[gid]?.members ?? [],
    reach: (endpoint) => {
      const name = endpointName(endpoint);
      const file = files.get(name);
      if (file !== undefined && !may(file, 0o2))
        return Promise.reject(new SaltbusError('ERR_SALTBUS_PERMISSION', `This user may not open ${name}`));
      if (file?.alive !== true)
        return Promise.reject(new SaltbusError('ERR_SALTBUS_NO_BUS', `Nobody listens on ${name}`));
      return Promise.resolve();
    },
    exchange: () => Promise.resolve(world.exchange ?? GOOD),
    installedSalt: () => Promise.resolve(world.salt),
    wallClock: reading(world.wall, NOW),
    monotonic: reading(world.monotonic, 0),
  };
}
