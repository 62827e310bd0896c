/**
 * The options that say how items are printed, and the printing.
 */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { BusItem } from '../../bus/queue.ts';
import { SaltbusError } from '../../errors.ts';
import { paintFor } from '../terminal.ts';
import { itemFormat, otherLine } from './format.ts';
import type { ItemFormat, OutputForm } from './format.ts';
import { compileFormat, fieldPath, fieldsJson, fieldsLine } from './template.ts';
import type { StdoutWriter } from './writer.ts';

/** The values of those options. */
export interface OutputFlags {
  readonly out: OutputForm | 'auto';
  readonly fields?: string;
  readonly format?: string;
  readonly color: boolean;
}

/** Adds `-o`, `--fields`, `--format` and `--no-color`. */
export function addOutputOptions(command: Command): Command {
  return command
    .optionsGroup('Output:')
    .addOption(
      new Option('-o, --out <form>', 'form of output: auto is pretty on a terminal and json in a pipe')
        .choices(['auto', 'pretty', 'json', 'yaml', 'tag', 'tsv', 'raw'])
        .default('auto'),
    )
    .option('--fields <list>', 'only these fields, for example tag,data.id,received')
    .option('--format <text>', "a line for each event, for example '{tag} {data.id}'")
    .option('--no-color', 'no colours (also: NO_COLOR in the environment)');
}

/**
 * The format that the flags ask for.
 * @throws SaltbusError `ERR_SALTBUS_USAGE`
 */
export async function chooseFormat(flags: OutputFlags): Promise<ItemFormat> {
  const form = flags.out === 'auto' ? (process.stdout.isTTY ? 'pretty' : 'json') : flags.out;
  if (flags.format !== undefined) {
    if (flags.fields !== undefined || flags.out !== 'auto') {
      const other = flags.fields === undefined ? '--out' : '--fields';
      throw new SaltbusError('ERR_SALTBUS_USAGE', `${other} and --format exclude each other`, {
        next: 'Leave one of them out: --format is a form of its own.',
      });
    }
    return { event: compileFormat(flags.format), other: () => undefined };
  }
  if (flags.fields !== undefined && (form === 'yaml' || form === 'raw')) {
    throw new SaltbusError('ERR_SALTBUS_USAGE', `--fields means nothing with --out ${form}`, {
      next: 'Use --out json or tsv with it.',
    });
  }
  if (form === 'yaml') {
    const { yamlFormat } = await import('./yaml.ts');
    return yamlFormat();
  }
  const format = itemFormat(form, paintFor(process.stdout, flags.color), process.stdout.columns || 100);
  if (flags.fields === undefined) return format;
  const fields = flags.fields.split(',').map((text) => fieldPath(text.trim()));
  return form === 'json'
    ? { ...format, event: fieldsJson(fields) }
    : { event: fieldsLine(fields), other: () => undefined };
}

// Text of a whole batch is written at once: one system call for many events.
/** Writes items to stdout; those that the format has no place for there go to stderr. */
export async function writeItems(
  items: readonly BusItem[],
  format: ItemFormat,
  out: StdoutWriter,
): Promise<void> {
  let text = '';
  for (const item of items) {
    if (item.kind === 'event') {
      const made = format.event(item);
      if (typeof made === 'string') text += made;
      else await out.write(made);
      continue;
    }
    const made = format.other(item);
    if (made !== undefined) text += made;
    else {
      if (text !== '') await out.write(text);
      text = '';
      process.stderr.write(`${otherLine(item)}\n`);
    }
  }
  if (text !== '') await out.write(text);
}
