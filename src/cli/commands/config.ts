import { Option } from 'commander';
import type { Command } from 'commander';
import type { Node } from '../../bus/bus.ts';
import { exactToJson } from '../../codec/json/exact-json.ts';
import { exactFloat } from '../../codec/msgpack/values.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { effectiveConfig, loadSaltConfig, originText } from '../../config/index.ts';
import type { EffectiveConfig, EffectiveValue, SaltConfig } from '../../config/index.ts';
import { SaltbusError } from '../../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { reportError } from '../report-error.ts';
import { oneLine, paintFor } from '../terminal.ts';

interface ShowFlags {
  readonly node?: Node;
  readonly configDir?: string;
  readonly sockDir?: string;
  readonly id?: string;
  readonly hashType?: string;
  readonly origin?: boolean;
  readonly out: 'text' | 'json';
  readonly json?: boolean;
  readonly color: boolean;
}

const EXAMPLES = `
Values of options that hold a password, a key or a token are shown as ***. pub_socket and pull_socket are what follows
from the others; Salt has no options of these names.

Examples:
  saltbus config show                          all of it, for the minion (or the master, where there is no minion)
  saltbus config show --origin sock_dir id     two of them, and the file and line that they come from
  saltbus config show --node master --json

Exit codes: 0 shown, 64 no such option, 78 a file cannot be read, or a value makes no sense.
`;

/** Adds `saltbus config show`. */
export default function addConfig(program: Command): void {
  const config = program.command('config').description("show Salt's configuration as saltbus reads it");
  config
    .command('show')
    .description('each value that is in effect')
    .argument('[key...]', 'only these options')
    .option('--origin', 'where each value comes from: file and line, flag, environment or default')
    .addOption(
      new Option(
        '--node <node>',
        'whose configuration (default: the minion’s; the master’s where only that is there)',
      ).choices(['minion', 'master']),
    )
    .option(
      '-c, --config-dir <dir>',
      "Salt's configuration directory (default: $SALT_CONFIG_DIR, or /etc/salt)",
    )
    .option('--sock-dir <dir>', 'as if the sockets were in this directory')
    .option('--id <id>', 'as if this were the id of the minion')
    .option('--hash-type <name>', 'as if this were hash_type')
    .addOption(new Option('-o, --out <form>', 'form of output').choices(['text', 'json']).default('text'))
    .option('--json', 'the same as -o json')
    .option('--no-color', 'no colours (also: NO_COLOR in the environment)')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .action((keys: string[], flags: ShowFlags) => {
      process.exitCode = show(keys, flags);
    });
}

function show(keys: readonly string[], flags: ShowFlags): number {
  const config = load(flags);
  const effective = effectiveConfig(config, {
    ...(flags.sockDir === undefined ? {} : { sockDir: flags.sockDir }),
    ...(flags.id === undefined ? {} : { id: flags.id }),
    ...(flags.hashType === undefined ? {} : { hashType: flags.hashType }),
  });
  const values = keys.length === 0 ? effective.values : chosen(effective, keys);
  const asJson = flags.json === true || flags.out === 'json';
  process.stdout.write(asJson ? jsonText(config, effective, values) : plainText(values, flags));
  for (const warning of config.warnings)
    process.stderr.write(`saltbus: left out: ${oneLine(warning)} [ERR_SALTBUS_CONFIG]\n`);
  return effective.errors.reduce<number>((_, error) => reportError(error, false), EXIT.ok);
}

function load(flags: ShowFlags): SaltConfig {
  const read = (node: Node): SaltConfig =>
    loadSaltConfig({ node, ...(flags.configDir === undefined ? {} : { configDir: flags.configDir }) });
  if (flags.node !== undefined) return read(flags.node);
  const minion = read('minion');
  if (minion.files.length > 0 || flags.id !== undefined) return minion;
  const master = read('master');
  return master.files.length > 0 ? master : minion;
}

function chosen({ values, errors }: EffectiveConfig, keys: readonly string[]): EffectiveValue[] {
  return keys.flatMap((key) => {
    const found = values.find(({ name }) => name === key);
    if (found !== undefined) return [found];
    // What was asked for is not there because it makes no sense: that is said in the end.
    if (errors.length > 0) return [];
    throw new SaltbusError(
      'ERR_SALTBUS_USAGE',
      `No file sets the option '${key}', and saltbus does not use it`,
      {
        next: 'Run saltbus config show to see all that is set.',
      },
    );
  });
}

function valueText(value: unknown): string {
  // Text that reads as itself needs no quotes.
  if (typeof value === 'string' && /^[\w./:@*+~-][^\s"'#]*(?: [^\s"'#]+)*$/.test(value))
    return oneLine(value);
  return oneLine(exactToJson(exact(value)));
}

// JSON has no form for the numbers that YAML writes as .inf and .nan.
function exact(value: unknown): ExactValue {
  if (typeof value === 'number' && !Number.isFinite(value)) return exactFloat(value);
  if (Array.isArray(value)) return (value as unknown[]).map(exact);
  if (value instanceof Map) {
    const map = value as ReadonlyMap<unknown, unknown>;
    return new Map([...map].map(([key, inner]) => [exact(key), exact(inner)]));
  }
  return value as ExactValue;
}

function plainText(values: readonly EffectiveValue[], flags: ShowFlags): string {
  const paint = paintFor(process.stdout, flags.color);
  const lines = values.map((value) => ({
    ...value,
    text: valueText(value.value),
    width: value.name.length + 2 + valueText(value.value).length,
  }));
  const column = Math.min(60, Math.max(0, ...lines.map(({ width }) => width)));
  return lines
    .map(({ name, text, width, origin, note }) => {
      const line = `${paint.key(oneLine(name))}: ${text}`;
      if (flags.origin !== true) return `${line}\n`;
      const from = oneLine(note === undefined ? originText(origin) : `${originText(origin)}; ${note}`);
      return `${line}${' '.repeat(Math.max(0, column - width))}  ${paint.dim(`# ${from}`)}\n`;
    })
    .join('');
}

function jsonText(
  config: SaltConfig,
  { errors }: EffectiveConfig,
  values: readonly EffectiveValue[],
): string {
  const options = new Map<string, unknown>();
  for (const { name, value, origin, note } of values) {
    const entry = new Map<string, unknown>([
      ['value', value],
      ['origin', new Map(Object.entries(origin))],
    ]);
    if (note !== undefined) entry.set('note', note);
    options.set(name, entry);
  }
  const report = new Map<string, unknown>([
    ['node', config.node],
    ['files', config.files],
    ['warnings', config.warnings],
    ['errors', errors.map(({ message }) => message)],
    ['options', options],
  ]);
  return `${exactToJson(exact(report))}\n`;
}
