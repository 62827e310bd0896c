/**
 * Options of a master, with Salt's defaults (3006.30, 3007.17, 3008.5).
 */
import { choice, integer, map, option, rowsOf } from './entry.ts';
import type { OptionEntry } from './entry.ts';

const NETWORK: readonly OptionEntry[] = [
  option('text', 'interface', '0.0.0.0', 'The address on which both ports are opened.'),
  option('port', 'ret_port', 4506, 'The port on which requests are taken.'),
  option('port', 'publish_port', 4505, 'The port on which jobs are published.'),
  integer('pub_hwm', 1000, 0, 'How many publications may wait for one minion; 0: any number.'),
  integer('zmq_backlog', 1000, 1, 'How many connections may wait to be taken.'),
  integer('worker_threads', 5, 1, 'Read and not used: our master answers in one process.'),
  integer('zmq_heartbeat_ivl', 10_000, 0, 'How often an idle connection is pinged; 0: never.', {
    unit: 'milliseconds',
    lines: 'not in 3007',
  }),
  integer('zmq_heartbeat_timeout', 30_000, 0, 'How long a minion may leave a ping unanswered.', {
    unit: 'milliseconds',
    lines: 'not in 3007',
  }),
  option(
    'bool',
    'sign_pub_messages',
    true,
    'Whether publications are signed, so that minions can tell them from another minion’s.',
  ),
  choice(
    'publish_signing_algorithm',
    'PKCS1v15-SHA1',
    ['PKCS1v15-SHA1', 'PKCS1v15-SHA224'],
    'How publications are signed.',
  ),
  integer('publish_session', 86_400, 0, 'How old the session key of a minion may become; 0: any age.', {
    unit: 'seconds',
  }),
  integer('minimum_auth_version', 3, 0, 'The lowest version of the protocol that is answered.', { most: 3 }),
  integer(
    'request_server_ttl',
    0,
    0,
    'The age from which a request is refused; 0: no age. It needs clocks that agree.',
    { unit: 'seconds' },
  ),
  option('text', 'cluster_id', null, 'The name of a cluster of masters; our master is in none.'),
];

const KEYS: readonly OptionEntry[] = [
  option('bool', 'auto_accept', false, 'Whether every key that is not rejected is accepted.'),
  option('path', 'autosign_file', null, 'Ids that are accepted: exact, globs or regular expressions.'),
  option('path', 'autoreject_file', null, 'Ids that are rejected; it goes over `autosign_file`.'),
  option(
    'path',
    'autosign_grains_dir',
    null,
    'A directory with a file for a grain, which holds the values that are accepted.',
  ),
  integer(
    'autosign_timeout',
    120,
    0,
    'How long a file in `minions_autosign` accepts its minion; 0: for ever.',
    {
      unit: 'minutes',
    },
  ),
  integer('max_minions', 0, 0, 'How many minions may be connected; 0: any number.'),
  option(
    'bool',
    'rotate_aes_key',
    true,
    'Whether the publish key is replaced when a minion’s key is deleted or rejected.',
  ),
  option(
    'bool',
    'ping_on_rotate',
    false,
    'Whether minions are pinged when the publish key was replaced, so that they fetch the new one.',
  ),
  option('bool', 'allow_minion_key_revoke', true, 'Whether a minion may delete its own key.'),
  option('bool', 'preserve_minion_cache', false, 'Whether grains and mine stay when a key is deleted.'),
  option('bool', 'master_sign_pubkey', false, 'Whether the master’s key is signed in each sign-in.'),
  option(
    'text',
    'master_pubkey_signature',
    'master_pubkey_signature',
    'The file in `pki_dir` of a signature that was made before.',
    { lines: 'not set in 3008' },
  ),
  option(
    'bool',
    'master_use_pubkey_signature',
    false,
    'Whether that file is used, instead of the signing key.',
  ),
  integer('loop_interval', 60, 1, 'How often housekeeping is done.', { unit: 'seconds' }),
];

const EVENTS: readonly OptionEntry[] = [
  option('bool', 'auth_events', true, 'Whether sign-ins are told on the bus, as `salt/auth`.'),
  option(
    'bool',
    'presence_events',
    false,
    'Whether the bus is told which minions are there, as `salt/presence/present` and `/change`.',
  ),
  option(
    'bool',
    'minion_data_cache_events',
    true,
    'Whether a stored set of grains is told, as `minion/refresh/ID`.',
  ),
  option('bool', 'minion_data_cache', true, 'Whether grains and the mine of minions are kept in `cachedir`.'),
  option('bool', 'enforce_mine_cache', false, 'Whether the mine is kept even if `minion_data_cache` is off.'),
  option(
    'bool',
    'drop_messages_signature_fail',
    false,
    'Whether a return with a signature that is wrong is dropped.',
  ),
  option('bool', 'require_minion_sign_messages', false, 'Whether a return without a signature is dropped.'),
  map('mine_get', 'Which minions may read which functions of the mine: expressions of ids to lists of them.'),
  map('peer', 'Which functions minions may run on other minions.'),
];

const FILES: readonly OptionEntry[] = [
  option(
    'any',
    'file_roots',
    () => new Map([['base', ['/srv/salt', '/srv/spm/salt']]]),
    'The folders of each environment, the first one that has a file wins.',
  ),
  option('list', 'fileserver_backend', ['roots'], 'Where files come from; our master knows `roots`.'),
  option('bool', 'fileserver_followsymlinks', true, 'Whether links may lead out of a folder.'),
  option('bool', 'fileserver_ignoresymlinks', false, 'Whether links are left out of lists.'),
  option('seconds', 'fileserver_list_cache_time', 20, 'How long a list of files is kept.'),
  option('list', 'file_ignore_regex', [], 'Paths that are kept back, as regular expressions.'),
  option('list', 'file_ignore_glob', [], 'Paths that are kept back, as globs.'),
  integer('file_buffer_size', 1024 * 1024, 1, 'Bytes of one piece of a file.', { unit: 'bytes' }),
  option('bool', 'file_recv', false, 'Read and not done: our master takes no files from minions.'),
  integer('file_recv_max_size', 100, 0, 'Read and not used.', { unit: 'MiB' }),
];

const JOBS: readonly OptionEntry[] = [
  option('any', 'nodegroups', () => new Map(), 'Named targets.'),
  option('bool', 'job_cache', true, 'Whether jobs and their returns are remembered.'),
  integer('keep_jobs_seconds', 86_400, 0, 'How long a job is remembered.', { unit: 'seconds' }),
  integer('keep_jobs', 24, 0, 'The older name, which Salt reads no longer.', { unit: 'hours' }),
  option('seconds', 'timeout', 5, 'How long `saltbus run` waits for returns before it asks who still works.'),
  option(
    'seconds',
    'gather_job_timeout',
    10,
    'How long `saltbus run` waits for the answers of those that it asked.',
  ),
  option('text', 'ext_job_cache', null, 'A returner that `saltbus run` adds to each job.'),
  option('seconds', 'publish_timeout', 30, 'How long the master may take to publish a job.'),
  map(
    'publisher_acl',
    'Which users may run which functions on which minions, besides the master’s user: names, globs or regular expressions to lists.',
  ),
  map('publisher_acl_blacklist', 'Which `users` and functions (`modules`) are refused.'),
  option('bool', 'sudo_acl', false, 'Whether users who became root are held to `publisher_acl` as well.'),
  option('bool', 'client_acl_verify', true, 'Whether these two are checked at the start.'),
  option('bool', 'order_masters', false, 'Whether syndics are told of jobs; our master has none.'),
];

/** What minions take over from their master before they render states (`_master_opts`). */
const STATES: readonly OptionEntry[] = [
  option('text', 'renderer', 'jinja|yaml', 'Told to minions.'),
  option('bool', 'failhard', false, 'Told to minions.'),
  option('text', 'state_top', 'top.sls', 'Told to minions.'),
  option('text', 'state_top_saltenv', null, 'Told to minions.'),
  option('bool', 'state_auto_order', true, 'Told to minions.'),
  option('bool', 'state_events', false, 'Told to minions.'),
  option('any', 'state_aggregate', false, 'Told to minions.'),
  map('jinja_env', 'Told to minions.'),
  map('jinja_sls_env', 'Told to minions.'),
  option('bool', 'jinja_lstrip_blocks', false, 'Told to minions.'),
  option('bool', 'jinja_trim_blocks', false, 'Told to minions.'),
  option('text', 'top_file_merging_strategy', 'merge', 'Told to minions.'),
  option('list', 'env_order', [], 'Told to minions.'),
  option('text', 'default_top', 'base', 'Told to minions.'),
];

/** The options of a master. */
export const MASTER_OPTIONS: readonly OptionEntry[] = rowsOf('master', [
  ...NETWORK,
  ...KEYS,
  ...EVENTS,
  ...FILES,
  ...JOBS,
  ...STATES,
]);
