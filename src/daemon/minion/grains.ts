/**
 * The grains of a minion: what a real one tells of its system, by the same names, and what an operator has added.
 */
import { readFileSync, readdirSync } from 'node:fs';
import {
  cpus,
  hostname,
  machine,
  networkInterfaces,
  release,
  type as osType,
  userInfo,
  version,
} from 'node:os';
import { lookup } from 'node:dns/promises';
import { parseSaltYaml } from '../../config/index.ts';
import { publish } from '../../diagnostics.ts';
import { SaltbusError } from '../../errors.ts';
import { describeOs } from './os-grains.ts';

/** What the grains are made of besides the system. */
export interface GrainsSource {
  readonly id: string;
  /** The master of the configuration, as text. */
  readonly master: string;
  /** The Salt release whose behaviour this minion has. */
  readonly release: string;
  /** Our own version. */
  readonly version: string;
  /** The grains of the configuration; they are laid over all others. */
  readonly configured: ReadonlyMap<string, unknown>;
  /** The file of static grains; it may be absent. */
  readonly file: string | undefined;
}

/** Reads a file as text; `undefined` where that cannot be done. */
export type ReadText = (path: string) => string | undefined;

/** One address of an interface, as Node tells it. */
interface InterfaceAddress {
  readonly address: string;
  readonly family: string;
  readonly mac: string;
}

/** An address that a name has. */
interface LookedUp {
  readonly address: string;
  readonly family: number;
}

/** Finds the addresses of a name; none where that cannot be done. */
export type AddressesOf = (name: string) => Promise<readonly LookedUp[]>;

const LOOKUP_MS = 2000;

/** Gathers the grains. A static file that makes no sense is left out, and that is told. */
export async function collectGrains(
  source: GrainsSource,
  readText: ReadText = readTextFile,
  addressesOf: AddressesOf = lookedUp,
): Promise<Map<string, unknown>> {
  const grains = new Map<string, unknown>([
    ['id', source.id],
    ['master', source.master],
    ['saltversion', source.release],
    ['saltversioninfo', source.release.split('.').map(Number)],
    ['saltbus', source.version],
    ['pid', process.pid],
    ...kernelGrains(readText),
    ...describeOs(readText('/etc/os-release') ?? readText('/usr/lib/os-release') ?? '', machine()),
    ...(await nameGrains(readText, addressesOf)),
    ...addressGrains(networkInterfaces(), hardwareAddresses(readText)),
  ]);
  for (const [key, value] of staticGrains(source.file, readText)) grains.set(key, value);
  for (const [key, value] of source.configured) grains.set(key, value);
  return grains;
}

function readTextFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function kernelGrains(readText: ReadText): [string, unknown][] {
  const user = userInfo();
  const machineId = (readText('/etc/machine-id') ?? readText('/var/lib/dbus/machine-id'))?.trim();
  const memory = readText('/proc/meminfo') ?? '';
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(memory)?.[1] ?? 0);
  const [cpu] = cpus();
  return [
    ['kernel', osType()],
    ['kernelrelease', release()],
    ['kernelversion', version()],
    ['cpuarch', machine()],
    ['num_cpus', cpus().length],
    ['cpu_model', cpu?.model ?? 'Unknown'],
    ['mem_total', Math.floor(kilobytes('MemTotal') / 1024)],
    ['swap_total', Math.floor(kilobytes('SwapTotal') / 1024)],
    ...(machineId === undefined ? [] : [['machine_id', machineId] satisfies [string, unknown]]),
    ['username', user.username],
    ['uid', user.uid],
    ['gid', user.gid],
    ['path', process.env['PATH'] ?? ''],
    ['systempath', (process.env['PATH'] ?? '').split(':')],
    [
      'cpu_flags',
      (/^flags\s*:\s*(.*)$/m.exec(readText('/proc/cpuinfo') ?? '')?.[1] ?? '')
        .split(' ')
        .filter((flag) => flag !== ''),
    ],
    ['groupname', groupName(user.gid, readText('/etc/group') ?? '')],
    ['shell', process.env['SHELL'] ?? '/bin/sh'],
  ];
}

function groupName(gid: number, groups: string): string {
  for (const line of groups.split('\n')) {
    const [name = '', , number] = line.split(':');
    if (number === String(gid)) return name;
  }
  return '';
}

// The full name as Python's getfqdn finds it in the hosts file; DNS is asked for addresses only, and not for long.
async function nameGrains(readText: ReadText, addressesOf: AddressesOf): Promise<[string, unknown][]> {
  const host = hostname();
  const fqdn = fullName(host, readText('/etc/hosts') ?? '');
  const dot = fqdn.indexOf('.');
  const addresses = await addressesOf(fqdn);
  const family = (wanted: number): string[] =>
    [...new Set(addresses.filter((each) => each.family === wanted).map(({ address }) => address))].sort();
  return [
    ['localhost', host],
    ['nodename', host],
    ['fqdn', fqdn],
    ['host', dot === -1 ? fqdn : fqdn.slice(0, dot)],
    ['domain', dot === -1 ? '' : fqdn.slice(dot + 1)],
    ['fqdn_ip4', family(4)],
    ['fqdn_ip6', family(6)],
  ];
}

function fullName(host: string, hosts: string): string {
  for (const line of hosts.split('\n')) {
    const [address, ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    if (address === undefined || !names.includes(host)) continue;
    return names.find((name) => name.includes('.')) ?? names[0] ?? host;
  }
  return host;
}

async function lookedUp(name: string): Promise<readonly LookedUp[]> {
  const found = lookup(name, { all: true }).catch(() => []);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never[]>((resolve) => {
    timer = setTimeout(() => {
      resolve([]);
    }, LOOKUP_MS);
  });
  try {
    return await Promise.race([found, late]);
  } finally {
    clearTimeout(timer);
  }
}

// Node tells of interfaces that have addresses only.
function hardwareAddresses(readText: ReadText): ReadonlyMap<string, string> {
  let names: readonly string[] = [];
  try {
    names = readdirSync(INTERFACES);
  } catch {
    // there is no such directory but on Linux
  }
  return new Map(names.map((name) => [name, readText(`${INTERFACES}/${name}/address`)?.trim() ?? '']));
}

const INTERFACES = '/sys/class/net';

/**
 * The grains of network interfaces.
 * @param hardware - hardware addresses by name, also of interfaces without an address
 */
export function addressGrains(
  interfaces: NodeJS.Dict<readonly InterfaceAddress[]>,
  hardware: ReadonlyMap<string, string>,
): [string, unknown][] {
  const all = { IPv4: new Set<string>(), IPv6: new Set<string>() };
  const byName = {
    all: new Map<string, unknown>(),
    IPv4: new Map<string, unknown>(),
    IPv6: new Map<string, unknown>(),
  };
  const macs = new Map<string, unknown>([...hardware].filter(([, mac]) => mac !== ''));
  for (const name of new Set([...hardware.keys(), ...Object.keys(interfaces)])) {
    const addresses = interfaces[name] ?? [];
    const own = { IPv4: [] as string[], IPv6: [] as string[] };
    for (const { address, family, mac } of addresses) {
      if (family !== 'IPv4' && family !== 'IPv6') continue;
      own[family].push(address);
      all[family].add(address);
      macs.set(name, mac);
    }
    byName.IPv4.set(name, own.IPv4);
    byName.IPv6.set(name, own.IPv6);
    byName.all.set(name, [...own.IPv4, ...own.IPv6]);
  }
  return [
    ['ipv4', [...all.IPv4].sort()],
    ['ipv6', [...all.IPv6].sort()],
    ['ip_interfaces', byName.all],
    ['ip4_interfaces', byName.IPv4],
    ['ip6_interfaces', byName.IPv6],
    ['hwaddr_interfaces', macs],
  ];
}

function staticGrains(file: string | undefined, readText: ReadText): ReadonlyMap<string, unknown> {
  const text = file === undefined ? undefined : readText(file);
  if (file === undefined || text === undefined) return new Map();
  try {
    const value = parseSaltYaml(text, { file });
    if (value instanceof Map) return value as ReadonlyMap<string, unknown>;
    if (value === null) return new Map();
    throw new SaltbusError('ERR_SALTBUS_CONFIG', `${file}:1: the file holds no map of grains`);
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    publish('saltbus:minion:facts', { what: `the grains in ${file}`, error });
    return new Map();
  }
}
