/**
 * Internet addresses and networks as Python's `ipaddress` reads and writes them, which is what Salt does it with.
 */

/** An address: 2 groups of 16 bits for version 4, 8 for version 6. */
export interface IpAddress {
  readonly version: 4 | 6;
  readonly groups: readonly number[];
  /** What stands behind a `%`. */
  readonly scope: string | undefined;
}

/** A network: an address with no bit set outside of the mask. */
export interface IpNetwork {
  readonly version: 4 | 6;
  readonly groups: readonly number[];
  readonly mask: readonly number[];
}

/** Reads an address; `undefined` when it is none. */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const groups = parseV4(text);
    return groups === undefined ? undefined : { version: 4, groups, scope: undefined };
  }
  const [address = '', scope, ...more] = text.split('%');
  if (more.length > 0 || scope === '' || text.includes('/')) return undefined;
  const groups = parseV6(address);
  return groups === undefined ? undefined : { version: 6, groups, scope };
}

/** Reads a network in CIDR notation, for version 4 with a netmask too; `undefined` when it is none, or has host bits set. */
export function parseIpNetwork(text: string): IpNetwork | undefined {
  const [addressText = '', maskText, ...more] = text.split('/');
  if (more.length > 0) return undefined;
  const address = parseIpAddress(addressText);
  if (address === undefined) return undefined;
  const { version, groups } = address;
  const prefix = maskText === undefined ? groups.length * 16 : prefixOf(maskText, version);
  if (prefix === undefined) return undefined;
  const mask = maskOf(prefix, groups.length);
  const hasHostBits = groups.some((group, index) => (group & ~(mask[index] ?? 0)) !== 0);
  return hasHostBits ? undefined : { version, groups, mask };
}

/** Whether an address lies in a network. */
export function contains(network: IpNetwork, address: IpAddress): boolean {
  if (address.version !== network.version) return false;
  for (let index = 0; index < network.groups.length; index += 1) {
    if (((address.groups[index] ?? 0) & (network.mask[index] ?? 0)) !== network.groups[index]) return false;
  }
  return true;
}

/** An address as Python before 3.13 writes it: in lower case, the first of the longest runs of two zeros or more as two colons. */
export function writeIpAddress({ version, groups, scope }: IpAddress): string {
  if (version === 4) return groups.map((group) => `${group >> 8}.${group & 0xff}`).join('.');
  const text = writeV6(groups);
  return scope === undefined ? text : `${text}%${scope}`;
}

function writeV6(groups: readonly number[]): string {
  let best = { start: -1, length: 1 };
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0;
    while (groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
  }
  const text = groups.map((group) => group.toString(16));
  if (best.start === -1) return text.join(':');
  return `${text.slice(0, best.start).join(':')}::${text.slice(best.start + best.length).join(':')}`;
}

function maskOf(prefix: number, groups: number): readonly number[] {
  return Array.from({ length: groups }, (_, index) => {
    const bits = Math.min(16, Math.max(0, prefix - index * 16));
    return (0xffff << (16 - bits)) & 0xffff;
  });
}

function prefixOf(text: string, version: 4 | 6): number | undefined {
  const bits = version === 4 ? 32 : 128;
  if (/^\d+$/.test(text)) return Number(text) <= bits ? Number(text) : undefined;
  const mask = version === 4 ? parseV4(text) : undefined;
  if (mask === undefined) return undefined;
  // a mask may be the other way round, as routers write it
  const inverted = mask.map((group) => ~group & 0xffff);
  for (const groups of [mask, inverted]) {
    for (let prefix = 0; prefix <= bits; prefix += 1) {
      if (maskOf(prefix, 2).every((group, index) => group === groups[index])) return prefix;
    }
  }
  return undefined;
}

// a leading zero could mean octal to others, and Python 3.9.5 and later refuse it
const V4 = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

function parseV4(text: string): readonly [number, number] | undefined {
  const match = V4.exec(text);
  if (match === null) return undefined;
  const [a, b, c, d] = [Number(match[1]), Number(match[2]), Number(match[3]), Number(match[4])];
  return a > 255 || b > 255 || c > 255 || d > 255 ? undefined : [(a << 8) | b, (c << 8) | d];
}

function parseV6(text: string): readonly number[] | undefined {
  const dotted = /^(.*:)([^:]*\.[^:]*)$/.exec(text);
  let hex = text;
  if (dotted !== null) {
    const v4 = parseV4(dotted[2] ?? '');
    if (v4 === undefined) return undefined;
    hex = `${dotted[1] ?? ''}${v4[0].toString(16)}:${v4[1].toString(16)}`;
  }
  const halves = hex.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  // the two colons stand for one group at least
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.map((group) => Number.parseInt(group, 16));
}
