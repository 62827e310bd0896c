/**
 * Options of a minion, with Salt's defaults (3006.30, 3007.17, 3008.5).
 */
import { choice, integer, map, option, rowsOf } from './entry.ts';
import type { OptionEntry } from './entry.ts';

const MASTERS: readonly OptionEntry[] = [
  option(
    'list',
    'master',
    'salt',
    'The master, or a list of them: names or addresses, with `:PORT` behind it where it is not `master_port`.',
  ),
  option('port', 'master_port', 4506, 'The port on which the master takes requests.'),
  option(
    'port',
    'publish_port',
    4506,
    'The port on which the master publishes. The default, which is that of requests, means: as the master says at the sign-in.',
  ),
  choice(
    'master_type',
    'str',
    ['str', 'failover', 'distributed', 'func', 'disable'],
    '`str`: all masters of the list at a time. `failover`: one at a time, the next one when it is lost. Our minion knows no other.',
  ),
  option(
    'seconds',
    'master_alive_interval',
    0,
    'How often the connection to the master is looked at; 0: never. With `failover` it decides when a master is lost.',
  ),
  option('bool', 'master_failback', false, 'With `failover`: whether to go back to the first master.'),
  option('seconds', 'master_failback_interval', 0, 'How often the first master is asked whether it is back.'),
  option('bool', 'random_master', false, 'Whether the list of masters is shuffled at the start.'),
  option('bool', 'master_shuffle', false, 'The old name of `random_master`.'),
  integer('master_tries', -1, -1, 'How often the list of masters is gone through; -1: without end.', {
    lines: '1 in 3006, -1 from 3007.15 and 3008.3 on',
  }),
  integer('retry_dns', 30, 0, 'How long to wait before a master’s name is looked up again; 0: it is not.', {
    unit: 'seconds',
  }),
  integer('retry_dns_count', null, 0, 'How often a name is looked up again; not set: without end.'),
  option(
    'text',
    'source_interface_name',
    '',
    'The network interface from whose address connections are made.',
  ),
  option('text', 'source_address', '', 'The address from which connections are made.'),
  integer('source_ret_port', 0, 0, 'The port from which requests are made; 0: any.', { most: 65_535 }),
  integer('source_publish_port', 0, 0, 'The port from which publications are subscribed; 0: any.', {
    most: 65_535,
  }),
];

const SIGN_IN: readonly OptionEntry[] = [
  option(
    'text',
    'master_finger',
    '',
    'The fingerprint of the master’s key, as `salt-key -F` shows it. A master with another key is refused.',
  ),
  option(
    'bool',
    'verify_master_pubkey_sign',
    false,
    'Whether a master’s key needs a signature by the key `master_sign_key_name`; one that has it replaces the pinned key.',
  ),
  choice(
    'encryption_algorithm',
    'OAEP-SHA1',
    ['OAEP-SHA1', 'OAEP-SHA224'],
    'How keys are encrypted in a sign-in.',
  ),
  choice(
    'signing_algorithm',
    'PKCS1v15-SHA1',
    ['PKCS1v15-SHA1', 'PKCS1v15-SHA224'],
    'How the master signs its answers.',
  ),
  option(
    'bool',
    'sign_pub_messages',
    false,
    'Whether a publication without a valid signature of the master is dropped.',
  ),
  option('seconds', 'auth_timeout', 5, 'How long one sign-in may stay unanswered.'),
  integer('auth_tries', 7, 0, 'How many sign-ins in a row may stay unanswered.'),
  option('bool', 'auth_safemode', false, 'Whether the minion goes on after that, instead of starting anew.'),
  integer('auth_retries', 0, 0, 'How often the key may be pending; 0: without end.', {
    lines: 'not in 3007',
  }),
  option('seconds', 'acceptance_wait_time', 10, 'The wait between sign-ins.'),
  option(
    'seconds',
    'acceptance_wait_time_max',
    0,
    'Up to this the wait grows by its base each time; 0: it does not grow.',
  ),
  option(
    'bool',
    'rejected_retry',
    false,
    'Whether a minion whose key is rejected goes on asking, instead of ending.',
  ),
  option(
    'seconds',
    'random_reauth_delay',
    10,
    'Up to this long, by chance, a minion waits before it starts anew after an error.',
  ),
  option('list', 'autosign_grains', [], 'Grains that are sent with a sign-in, for the master’s rules.'),
];

const REQUESTS: readonly OptionEntry[] = [
  option('seconds', 'request_channel_timeout', 60, 'How long a request may stay unanswered.'),
  integer('request_channel_tries', 3, 1, 'How often a request is sent before it is given up.'),
  integer('return_retry_timer', 5, 0, 'The shortest wait for the answer to a return or event.', {
    unit: 'seconds',
  }),
  integer('return_retry_timer_max', 10, 0, 'The longest; the wait is chosen between the two by chance.', {
    unit: 'seconds',
  }),
  integer('return_retry_tries', 3, 1, 'How often a return or event is sent before it is given up.'),
  integer('recon_default', 1000, 0, 'The shortest wait before a lost connection is made again.', {
    unit: 'milliseconds',
  }),
  integer('recon_max', 10_000, 0, 'The longest wait before a lost connection is made again.', {
    unit: 'milliseconds',
  }),
  option('bool', 'recon_randomize', true, 'Whether the wait is chosen by chance.'),
  option(
    'bool',
    'zmq_monitor',
    true,
    'Whether a lost publish connection means a new sign-in and new start events.',
    {
      lines: 'False in 3006 and before 3007.15 and 3008.3',
    },
  ),
  integer('ping_interval', 0, 0, 'How often an event `minion_ping` is sent; 0: never.', { unit: 'minutes' }),
];

const WORK: readonly OptionEntry[] = [
  integer('minion_jid_queue_hwm', 100, 1, 'How many job ids are remembered, so that no job runs twice.'),
  integer('process_count_max', -1, -1, 'How many jobs run at a time; -1: as many as come.'),
  option('bool', 'multifunc_ordered', false, 'Whether a job of several functions answers with lists.'),
  option(
    'bool',
    'enable_legacy_startup_events',
    true,
    'Whether the start is told with the tag `minion_start` too, besides `salt/minion/ID/start`.',
  ),
  option('list', 'start_event_grains', [], 'Grains that are sent with the start event.'),
  map('grains', 'Grains of this host, over those that are found out.'),
  option('bool', 'mine_enabled', true, 'Whether the mine is filled.'),
  option(
    'bool',
    'minion_sign_messages',
    false,
    'Whether returns are signed. Read and not done: a master of the three lines loses a return that is.',
  ),
];

/** The options of a minion. */
export const MINION_OPTIONS: readonly OptionEntry[] = rowsOf('minion', [
  ...MASTERS,
  ...SIGN_IN,
  ...REQUESTS,
  ...WORK,
]);
