/**
 * Completion for fish.
 */
import type { CompletedCommand, CompletedOption, CompletedValue } from './tree.ts';

/** The script. */
export function fishCompletion(program: CompletedCommand): string {
  return [
    '# Completion of saltbus for fish: saltbus completion fish | source',
    'complete -c saltbus -f',
    ...linesOf(program, []),
    '',
  ].join('\n');
}

// `seen`: for each command on the way, the words that mean it.
function linesOf(command: CompletedCommand, seen: readonly (readonly string[])[]): string[] {
  const on = seen.map((words) => `__fish_seen_subcommand_from ${words.join(' ')}`);
  const children = command.commands.flatMap((child) => child.names);
  const lines: string[] = [];
  if (children.length > 0) {
    const condition = [...on, `not __fish_seen_subcommand_from ${children.join(' ')}`].join('; and ');
    for (const child of command.commands) {
      for (const word of child.names) {
        lines.push(`complete -c saltbus -n '${condition}' -a ${word} -d ${quoted(child.description)}`);
      }
    }
    // The options of the program itself can stand behind each command, where they are listed too.
    if (seen.length === 0) on.push(`not __fish_seen_subcommand_from ${children.join(' ')}`);
  }
  const condition = on.join('; and ');
  for (const option of command.options) {
    lines.push(`complete -c saltbus -n '${condition}' ${optionPart(option)}`);
  }
  for (const arg of command.args) {
    const value = valuePart(arg);
    if (value !== '') lines.push(`complete -c saltbus -n '${condition}'${value}`);
  }
  return [...lines, ...command.commands.flatMap((child) => linesOf(child, [...seen, child.names]))];
}

function optionPart({ names, description, value, isOptional }: CompletedOption): string {
  const named = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  // A value that can be left out is no word of its own.
  const takes =
    value === undefined || isOptional ? '' : ` ${value.kind === 'file' ? '-r' : '-x'}${valuePart(value)}`;
  return `${named.join(' ')}${takes} -d ${quoted(description)}`;
}

function valuePart({ choices, kind }: CompletedValue): string {
  if (choices.length > 0) return ` -a ${quoted(choices.join(' '))}`;
  if (kind === 'file') return ' -F';
  return kind === 'directory' ? " -a '(__fish_complete_directories)'" : '';
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
