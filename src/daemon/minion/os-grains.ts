/**
 * The grains that say which operating system this is, from `os-release`, by the names that Salt has for them (3006.30, 3007.17, 3008.5).
 */

interface OsName {
  readonly os: string;
  readonly family: string;
}

// By the ID of os-release.
const NAMES: Readonly<Record<string, OsName>> = {
  almalinux: { os: 'AlmaLinux', family: 'RedHat' },
  alpine: { os: 'Alpine', family: 'Alpine' },
  amzn: { os: 'Amazon', family: 'RedHat' },
  arch: { os: 'Arch', family: 'Arch' },
  centos: { os: 'CentOS Stream', family: 'RedHat' },
  debian: { os: 'Debian', family: 'Debian' },
  fedora: { os: 'Fedora', family: 'RedHat' },
  gentoo: { os: 'Gentoo', family: 'Gentoo' },
  linuxmint: { os: 'Mint', family: 'Debian' },
  ol: { os: 'OEL', family: 'RedHat' },
  'opensuse-leap': { os: 'SUSE', family: 'Suse' },
  'opensuse-tumbleweed': { os: 'SUSE', family: 'Suse' },
  photon: { os: 'VMware Photon OS', family: 'RedHat' },
  raspbian: { os: 'Raspbian', family: 'Debian' },
  rhel: { os: 'RedHat', family: 'RedHat' },
  rocky: { os: 'Rocky', family: 'RedHat' },
  sles: { os: 'SUSE', family: 'Suse' },
  ubuntu: { os: 'Ubuntu', family: 'Debian' },
  void: { os: 'Void', family: 'Void' },
};

/** What Debian calls an architecture; others use the name of the kernel. */
const DEBIAN_ARCH: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  armv7l: 'armhf',
  i686: 'i386',
  ppc64le: 'ppc64el',
};

/**
 * The grains; a system that does not say what it is has the name of its kernel.
 * @param machine - as the kernel calls it
 */
export function describeOs(osRelease: string, machine: string): [string, unknown][] {
  const fields = readOsRelease(osRelease);
  const id = fields.get('ID') ?? '';
  const known = Object.hasOwn(NAMES, id) ? NAMES[id] : undefined;
  const os = known?.os ?? fields.get('NAME') ?? 'Linux';
  const family = known?.family ?? familyOf(fields.get('ID_LIKE') ?? '') ?? os;
  // Debian's os-release has the major number only, and so has Salt's grain for it.
  const version = fields.get('VERSION_ID') ?? '';
  const numbers = version.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const [major] = numbers;
  const fullName = fields.get('NAME') ?? os;
  const grains: [string, unknown][] = [
    ['os', os],
    ['os_family', family],
    ['osfullname', fullName],
    ['osrelease', version],
    ['osrelease_info', version === '' ? [] : numbers],
    ['oscodename', fields.get('VERSION_CODENAME') ?? fields.get('PRETTY_NAME') ?? ''],
    ['osarch', family === 'Debian' ? (DEBIAN_ARCH[machine] ?? machine) : machine],
    // Ubuntu's releases are told apart by the whole number
    [
      'osfinger',
      `${os === 'Ubuntu' ? os : fullName.replace(/ GNU\/Linux$/, '')}-${os === 'Ubuntu' ? version : String(major ?? '')}`,
    ],
  ];
  if (typeof major === 'number') grains.push(['osmajorrelease', major]);
  return grains;
}

function familyOf(like: string): string | undefined {
  for (const id of like.split(/\s+/)) if (Object.hasOwn(NAMES, id)) return NAMES[id]?.family;
  return undefined;
}

function readOsRelease(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim());
    if (match !== null) fields.set(match[1] ?? '', unquoted(match[2] ?? ''));
  }
  return fields;
}

function unquoted(text: string): string {
  const match = /^(["'])(.*)\1$/.exec(text);
  return (match?.[2] ?? text).replace(/\\(["'$`\\])/g, '$1');
}
