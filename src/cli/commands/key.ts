import { createInterface } from 'node:readline/promises';
import { Option } from 'commander';
import type { Command } from 'commander';
import { Keyring, keyFinger, minionLocalKeys, statesFor } from '../../client/keys.ts';
import type { IncludeOptions, KeyName, KeyringOptions, KeyWork } from '../../client/keys.ts';
import { SaltbusError } from '../../errors.ts';
import { KEY_STATES, STATE_DIRECTORY } from '../../pki/index.ts';
import type { KeyState } from '../../pki/index.ts';
import { EXIT } from '../exit-codes.ts';
import { sectionsOf, showSections, showWork } from '../output/keys.ts';
import type { KeyForm } from '../output/keys.ts';
import { reportError } from '../report-error.ts';
import { oneLine, paintFor } from '../terminal.ts';
import type { Paint } from '../terminal.ts';

interface KeyFlags {
  readonly configDir?: string;
  readonly pkiDir?: string;
  readonly out: KeyForm;
  readonly color: boolean;
}

interface ChangeFlags extends KeyFlags {
  readonly yes?: boolean;
  readonly includeAll?: boolean;
  readonly includeAccepted?: boolean;
  readonly includeRejected?: boolean;
  readonly includeDenied?: boolean;
}

interface FingerFlags extends KeyFlags {
  readonly node: 'master' | 'minion';
}

type ChangeName = 'accept' | 'reject' | 'delete';

const EXAMPLES = `
It works on the key directories of the master's configuration, as salt-key does: the daemon, ours or Salt's, may run or not.
A running daemon acts on a change within a second (ours) or at the next sign-in (Salt's). A key that is deleted or rejected
makes the master change its publish key, unless rotate_aes_key is off.

Examples:
  saltbus key list                      all keys, by state
  saltbus key list pending -o json      those that wait for a decision
  saltbus key finger web01              compare with \`salt-call --local key.finger\` on web01
  saltbus key accept web01
  saltbus key reject 'test-*' -y        no question, for scripts
  saltbus key delete 'old-*,gone.example.com'
  saltbus key finger --node minion      the keys of the minion on this host

Exit codes: 0 done, 1 nothing matched, something failed or the answer was no, 64 usage, 77 no permission, 78 configuration.
`;

const LIST_WORDS: readonly (readonly [string, KeyState])[] = [
  ['acc', 'accepted'],
  ['pre', 'pending'],
  ['pen', 'pending'],
  ['un', 'pending'],
  ['rej', 'rejected'],
  ['den', 'denied'],
];

/** Adds `saltbus key`. */
export default function addKey(program: Command): void {
  const key = program
    .command('key')
    .description("the keys of a master's minions: list, accept, reject, delete, compare")
    .addHelpText('after', EXAMPLES);
  common(key.command('list'))
    .description('list keys by state')
    .argument('[state]', 'accepted, pending (pre, un), rejected, denied, or all', 'all')
    .action((word: string, flags: KeyFlags) => {
      list(word, flags);
    });
  addChange(key, 'accept', 'accept pending keys');
  addChange(key, 'reject', 'reject pending keys');
  addChange(key, 'delete', 'delete keys, whatever their state');
  common(key.command('finger'))
    .description("fingerprints, of the master's own keys too")
    .argument('[patterns...]', 'globs of ids (default: all)')
    .addOption(
      new Option('--node <node>', "whose: the master's, or those of this host's minion")
        .choices(['master', 'minion'])
        .default('master'),
    )
    .action((patterns: string[], flags: FingerFlags) => {
      finger(patterns, flags);
    });
  common(key.command('show'))
    .description('print keys')
    .argument('<patterns...>', 'globs of ids')
    .action((patterns: string[], flags: KeyFlags) => {
      show(patterns, flags);
    });
}

function common(command: Command): Command {
  return command
    .option(
      '-c, --config-dir <dir>',
      "Salt's configuration directory (default: $SALT_CONFIG_DIR, or /etc/salt)",
    )
    .option('--pki-dir <dir>', 'the directory of the keys (default: from the configuration)')
    .addOption(
      new Option('-o, --out <form>', 'how to write it').choices(['text', 'json', 'yaml']).default('text'),
    )
    .option('--no-color', 'no colours');
}

function addChange(key: Command, name: ChangeName, description: string): void {
  const command = common(key.command(name))
    .description(description)
    .argument('<patterns...>', 'globs of ids, or several with commas between them')
    .option('-y, --yes', 'do it without a question');
  if (name === 'accept') command.option('--include-rejected', 'rejected keys too');
  if (name === 'reject') command.option('--include-accepted', 'accepted keys too');
  if (name !== 'delete') {
    const other = name === 'accept' ? 'rejected' : 'accepted';
    command
      .option('--include-denied', 'denied keys too')
      .option('--include-all', `as --include-${other}, as salt-key has it`);
  }
  command.action(async (patterns: string[], flags: ChangeFlags) => {
    process.exitCode = await change(name, patterns, flags);
  });
}

function list(word: string, flags: KeyFlags): void {
  const states = statesOf(word);
  const ids = new Keyring(where(flags)).list();
  const sections = new Map(states.map((state) => [STATE_DIRECTORY[state], ids[state]]));
  process.stdout.write(showSections(sections, flags.out, paintOf(flags)));
}

function statesOf(word: string): readonly KeyState[] {
  if (word === 'all') return KEY_STATES;
  const state = LIST_WORDS.find(([prefix]) => word.startsWith(prefix))?.[1];
  if (state !== undefined) return [state];
  throw new SaltbusError('ERR_SALTBUS_USAGE', `'${word}' is no state of keys`, {
    next: 'Say accepted, pending, rejected, denied or all.',
  });
}

const DOINGS: Readonly<
  Record<ChangeName, { readonly done: string; readonly defaultYes: boolean; readonly destructive: boolean }>
> = {
  accept: { done: 'accepted', defaultYes: true, destructive: false },
  reject: { done: 'rejected', defaultYes: true, destructive: true },
  delete: { done: 'deleted', defaultYes: false, destructive: true },
};

async function change(name: ChangeName, patterns: readonly string[], flags: ChangeFlags): Promise<number> {
  const ring = new Keyring(where(flags));
  const states = statesFor(name, included(name, flags));
  const names = ring.match(patterns, states);
  if (names.length === 0) {
    throw new SaltbusError(
      'ERR_SALTBUS_NO_KEY',
      `'${patterns.join(',')}' matches no key that is ${states.join(' or ')}`,
    );
  }
  if (!(await isWanted(name, names, states, flags))) return EXIT.failure;
  const work = doIt(ring, name, names);
  process.stdout.write(showWork(work, DOINGS[name].done, flags.out));
  for (const { error } of work.failed) reportError(error, false);
  return work.failed.length > 0 ? EXIT.failure : EXIT.ok;
}

function doIt(ring: Keyring, name: ChangeName, names: readonly KeyName[]): KeyWork {
  switch (name) {
    case 'accept':
      return ring.accept(names);
    case 'reject':
      return ring.reject(names);
    case 'delete':
      return ring.delete(names);
  }
}

function included(name: ChangeName, flags: ChangeFlags): IncludeOptions {
  return {
    rejected: name === 'accept' && (flags.includeRejected === true || flags.includeAll === true),
    accepted: name === 'reject' && (flags.includeAccepted === true || flags.includeAll === true),
    denied: flags.includeDenied === true,
  };
}

async function isWanted(
  name: ChangeName,
  names: readonly KeyName[],
  states: readonly KeyState[],
  flags: ChangeFlags,
): Promise<boolean> {
  if (flags.yes === true) return true;
  const { done, defaultYes, destructive } = DOINGS[name];
  if (!process.stdin.isTTY) {
    if (!destructive) return true;
    throw new SaltbusError(
      'ERR_SALTBUS_USAGE',
      `${names.length === 1 ? '1 key' : `${names.length} keys`} would be ${done}, and there is no terminal to ask on`,
      { next: 'Say -y to do it without a question.' },
    );
  }
  const sections = new Map([...sectionsOf(names, states)].filter(([, ids]) => ids.length > 0));
  process.stderr.write(`The following keys are going to be ${done}:\n`);
  process.stderr.write(showSections(sections, 'text', paintFor(process.stderr, flags.color)));
  const answer = await ask(defaultYes ? 'Proceed? [n/Y] ' : 'Proceed? [N/y] ');
  if (answer === undefined) return false;
  return answer === '' ? defaultYes : answer.toLowerCase().startsWith('y');
}

/** The answer; `undefined` when there is none, because the input ended or Ctrl-C was pressed. */
async function ask(question: string): Promise<string | undefined> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new AbortController();
  terminal.once('close', () => {
    ended.abort();
  });
  try {
    return (await terminal.question(question, { signal: ended.signal })).trim();
  } catch (error) {
    if (ended.signal.aborted) return undefined;
    throw error;
  } finally {
    terminal.close();
  }
}

function finger(patterns: readonly string[], flags: FingerFlags): void {
  const wanted = patterns.length === 0 ? ['*'] : patterns;
  if (flags.node === 'minion') {
    const { keys, hashType } = minionLocalKeys(where(flags));
    const local = new Map(keys.map(({ name, pem }) => [name, keyFinger(pem, hashType)]));
    process.stdout.write(showSections(new Map([['local', local]]), flags.out, paintOf(flags)));
    return;
  }
  const ring = new Keyring(where(flags));
  const sections = new Map<string, ReadonlyMap<string, string>>();
  const local = ring.localKeys().map(({ name, pem }) => [name, keyFinger(pem, ring.hashType)] as const);
  if (local.length > 0) sections.set('local', new Map(local));
  addTexts(sections, ring, wanted, (pem) => keyFinger(pem, ring.hashType));
  process.stdout.write(showSections(sections, flags.out, paintOf(flags)));
  if (patterns.length > 0 && ring.match(wanted).length === 0) noMatch(patterns);
}

function show(patterns: readonly string[], flags: KeyFlags): void {
  const ring = new Keyring(where(flags));
  const sections = new Map<string, ReadonlyMap<string, string>>();
  addTexts(sections, ring, patterns, (pem) => pem);
  if (sections.size === 0) noMatch(patterns);
  process.stdout.write(showSections(sections, flags.out, paintOf(flags)));
}

// A file that cannot be read is told, and the others are shown.
function addTexts(
  sections: Map<string, ReadonlyMap<string, string>>,
  ring: Keyring,
  patterns: readonly string[],
  write: (pem: string) => string,
): void {
  for (const state of KEY_STATES) {
    const texts = new Map<string, string>();
    for (const name of ring.match(patterns, [state])) {
      try {
        texts.set(name.id, write(ring.read(name)));
      } catch (error) {
        if (!(error instanceof SaltbusError)) throw error;
        process.exitCode = reportError(error, false);
      }
    }
    if (texts.size > 0) sections.set(STATE_DIRECTORY[state], texts);
  }
}

function noMatch(patterns: readonly string[]): never {
  throw new SaltbusError('ERR_SALTBUS_NO_KEY', `'${oneLine(patterns.join(','))}' matches no key`);
}

function where(flags: KeyFlags): KeyringOptions {
  return {
    ...(flags.configDir === undefined ? {} : { configDir: flags.configDir }),
    ...(flags.pkiDir === undefined ? {} : { pkiDir: flags.pkiDir }),
  };
}

function paintOf(flags: KeyFlags): Paint {
  return paintFor(process.stdout, flags.color);
}
