/**
 * Options that a minion and a master both have, with Salt's defaults (3006.30, 3007.17, 3008.5).
 */
import { choice, integer, option, rowsOf } from './entry.ts';
import type { OptionEntry } from './entry.ts';

const WINDOWS = process.platform === 'win32';

/** Salt's levels; ours are debug, info, warning and error, and the others fall to the nearest. */
const LOG_LEVELS = [
  'all',
  'garbage',
  'trace',
  'debug',
  'profile',
  'info',
  'warning',
  'error',
  'critical',
  'quiet',
] as const;

/** Where things are, and who owns them. */
const PLACES: readonly OptionEntry[] = [
  option(
    'any',
    'id',
    null,
    'The id. Without an entry it is cached in the file `minion_id`, or guessed from the names of the host; a guessed one of a master has `_master` behind it.',
    { ruled: true },
  ),
  option('any', 'id_function', null, 'A function that says the id; only Salt can run it.'),
  option('text', 'append_domain', null, 'A domain that is put behind the id.'),
  option('bool', 'minion_id_caching', true, 'Whether the file `minion_id` says the id where no option does.'),
  option('bool', 'minion_id_lowercase', false, 'Whether a guessed id is put in lower case.'),
  option(
    'any',
    'minion_id_remove_domain',
    false,
    '`True` cuts a guessed id at its first dot; a domain is cut off where the id ends in it.',
  ),
  option(
    'text',
    'user',
    'root',
    'The user that the daemon runs as, and that its files belong to. Without an entry it is whoever starts it.',
  ),
  option('text', 'root_dir', '/', 'Put before every path that is not below it already.'),
  option(
    'path',
    'pki_dir',
    (node) => `/etc/salt/pki/${node}`,
    'The directory of the keys, laid out as Salt lays it out.',
  ),
  option(
    'path',
    'cachedir',
    (node) => `/var/cache/salt/${node}`,
    'The directory of what can be found out again, and of the secrets of local clients.',
  ),
  option(
    'path',
    'sock_dir',
    (node) => `/var/run/salt/${node}`,
    'The directory of the sockets of the event bus.',
  ),
  option(
    'any',
    'default_include',
    (node) => `${node}.d/*.conf`,
    'Which files are laid over the main file; relative to it.',
  ),
  option('any', 'include', [], 'More files, laid over those of `default_include`.'),
];

/** The local event bus. */
const BUS: readonly OptionEntry[] = [
  option(
    'text',
    'hash_type',
    'sha256',
    'The hash of fingerprints, of files that are served, and of the id in the names of a minion’s sockets.',
  ),
  option(
    'text',
    'ipc_mode',
    WINDOWS ? 'tcp' : 'ipc',
    'Whether the bus has unix sockets (`ipc`) or ports (`tcp`).',
  ),
  option('bool', 'ipv6', null, 'Whether IPv6 is used as well.'),
  integer('max_event_size', 1024 * 1024, 1, 'The largest event.', { unit: 'bytes' }),
  ...rowsOf('minion', [
    option('port', 'tcp_pub_port', 4510, 'The port that listeners connect to, with `ipc_mode: tcp`.'),
    option('port', 'tcp_pull_port', 4511, 'The port that events are fired into, with `ipc_mode: tcp`.'),
  ]),
  ...rowsOf('master', [
    option('port', 'tcp_master_pub_port', 4512, 'The port that listeners connect to, with `ipc_mode: tcp`.'),
    option(
      'port',
      'tcp_master_pull_port',
      4513,
      'The port that events are fired into, with `ipc_mode: tcp`.',
    ),
  ]),
];

/** Keys and the network. */
const NETWORK: readonly OptionEntry[] = [
  choice(
    'transport',
    'zeromq',
    ['zeromq', 'tcp', 'ws'],
    'What is spoken on the two ports. Our daemons speak `zeromq` alone, and refuse to start with another.',
  ),
  integer('keysize', 2048, 2048, 'Bits of an RSA key that is made.', { most: 32_768 }),
  option(
    'bool',
    'open_mode',
    false,
    'On a master: every key is accepted, and replaces one that was there. On a minion: a master’s key that differs from the pinned one is taken. For emergencies only.',
  ),
  option(
    'bool',
    'permissive_pki_access',
    false,
    'Whether the group may read key files and write rules of automatic acceptance.',
  ),
  option(
    'text',
    'master_sign_key_name',
    'master_sign',
    'The name of the key, without `.pem` or `.pub`, by which a master’s key is signed.',
  ),
  option(
    'bool',
    'zmq_filtering',
    false,
    'Whether publications carry a topic, and minions subscribe to theirs only. Both ends have to agree.',
  ),
  option('bool', 'tcp_keepalive', true, 'Whether TCP keepalive is on.'),
  integer('tcp_keepalive_idle', 300, -1, 'Idle time before the first keepalive; -1: the system’s.', {
    unit: 'seconds',
  }),
  integer('tcp_keepalive_cnt', -1, -1, 'Read; Node leaves the number of keepalives to the system.'),
  integer('tcp_keepalive_intvl', -1, -1, 'Read; Node leaves the time between keepalives to the system.', {
    unit: 'seconds',
  }),
  option('text', 'keys.cache_driver', 'localfs_key', 'The store of keys; only directories are worked on.', {
    lines: '3008 only',
  }),
];

/** What is said of the work. */
const LOG: readonly OptionEntry[] = [
  choice(
    'log_level',
    'warning',
    LOG_LEVELS,
    'From which level on lines are logged. Our daemons log from `info` on where neither this nor `--log-level` says otherwise.',
  ),
  choice(
    'log_level_logfile',
    null,
    LOG_LEVELS,
    'Read and not used: our daemons log to stderr alone, and leave files to the system.',
  ),
  option('text', 'saltenv', null, 'The environment of files.'),
  option('text', 'pillarenv', null, 'The environment of the pillar.'),
];

/** The options of both. */
export const SHARED_OPTIONS: readonly OptionEntry[] = [...PLACES, ...BUS, ...NETWORK, ...LOG];
