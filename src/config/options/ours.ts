/**
 * Settings of our own, below the key `saltbus`, which Salt does not look at.
 */
import { choice, integer, option, rowsOf } from './entry.ts';
import type { OptionEntry } from './entry.ts';

/** The key that they stand below. */
export const OUR_KEY = 'saltbus';

const BOTH: readonly OptionEntry[] = [
  option(
    'text',
    'dialect',
    null,
    'The release of Salt whose way of speaking the local bus has, such as `3006.30`. Without an entry it is that of the installed Salt, or else the newest.',
  ),
  option(
    'list',
    'also',
    [],
    'The same bus a second time, for programs of another release: `DIRECTORY=RELEASE`.',
  ),
  integer('outbox_bytes', 16 * 1024 * 1024, 1, 'Most that waits for one listener of the bus.', {
    unit: 'bytes',
  }),
  option('seconds', 'drain_timeout', 10, 'How long an end by SIGTERM or SIGINT may take before it is cut.'),
];

const MINION: readonly OptionEntry[] = [
  option(
    'bool',
    'spool',
    true,
    'Whether events for the master are kept on disk, below `cachedir`, until the master has them. Otherwise they wait in memory.',
  ),
  integer('spool_events', 100_000, 1, 'Most events of each priority in the spool.'),
  integer('spool_bytes', 128 * 1024 * 1024, 1, 'Most bytes of events of each priority in the spool.', {
    unit: 'bytes',
  }),
  option('seconds', 'spool_age', 7 * 24 * 3600, 'How old an event may become in the spool.'),
  choice(
    'spool_full',
    'refuse',
    ['refuse', 'drop-oldest', 'drop-newest'],
    'What is done when the spool has no room: the new event is refused, the oldest of its priority is given up, or the new one is.',
  ),
  option(
    'bool',
    'event_ids',
    false,
    'Whether events carry their id, under `_saltbus`, to a master that is a salt-master. A master of saltbus has them in any case.',
  ),
  integer(
    'forward_queue_events',
    100_000,
    1,
    'Most events that wait for the master in memory, with `saltbus.spool` off.',
  ),
  integer(
    'forward_queue_bytes',
    64 * 1024 * 1024,
    1,
    'Most bytes of events that wait for the master in memory, with `saltbus.spool` off.',
    { unit: 'bytes' },
  ),
  integer('max_jobs', 100, 1, 'Most jobs that run at a time; one more is answered with an error.'),
];

const MASTER: readonly OptionEntry[] = [
  option(
    'path',
    'pillar_folder',
    null,
    'A folder of YAML files, named by globs of minion ids, that the pillar is made of. Without an entry the pillar is empty.',
  ),
  option(
    'bool',
    'accepted',
    true,
    'Whether events that minions of saltbus send are kept on disk, below `cachedir`, before they are answered. Each is there once.',
  ),
  integer('accepted_events', 1_000_000, 1, 'Most events that are kept; the oldest are forgotten first.'),
  option('seconds', 'accepted_age', 7 * 24 * 3600, 'How long such an event is kept.'),
  integer('max_pending', 10_000, 0, 'Most keys that are pending; a new one beyond is not kept.'),
  integer('max_jobs', 10_000, 1, 'Most jobs that are remembered.'),
  integer('max_sign_ins', 1000, 1, 'Most sign-ins that wait for their turn.'),
  integer('max_connections', 20_000, 1, 'Most connections of each of the two ports.'),
  integer(
    'max_connections_per_address',
    10_000,
    1,
    'Most connections of each port from one address, so that one host cannot have all of them.',
  ),
  integer(
    'new_minions_per_second',
    100,
    1,
    'Keys that are written as pending or denied in a second, after a burst of ten times as many. Who comes beyond is told to come again.',
  ),
  option(
    'any',
    'minion_event_acl',
    [],
    "Who may fire which tags: a list of maps with `minions` (globs of ids), `tags` (globs of tags, `{id}` for the minion's own id) and `may` (`fire` or `not-fire`). The first that fits decides, before the rules that hold without an entry; Salt's deny-list stays.",
  ),
  option(
    'bool',
    'stamp_sender',
    true,
    "Whether the verified sender is put into each minion's event, under `_saltbus`.",
  ),
];

function below(rows: readonly OptionEntry[]): readonly OptionEntry[] {
  return rows.map((entry) => ({ ...entry, name: `${OUR_KEY}.${entry.name}`, ours: true as const }));
}

/** The settings. */
export const OUR_OPTIONS: readonly OptionEntry[] = [
  ...below(BOTH),
  ...below(rowsOf('minion', MINION)),
  ...below(rowsOf('master', MASTER)),
];
