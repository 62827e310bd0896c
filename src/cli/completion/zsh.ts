/**
 * Completion for zsh.
 */
import type { CompletedCommand, CompletedOption, CompletedValue } from './tree.ts';

/** The script: to be sourced, or to be put as `_saltbus` into a folder of `$fpath`. */
export function zshCompletion(program: CompletedCommand): string {
  return `#compdef saltbus
# Completion of saltbus for zsh: source <(saltbus completion zsh)

${functionsOf(program, '_saltbus').join('\n')}
if [ "$funcstack[1]" = _saltbus ]; then
  _saltbus "$@"
else
  compdef _saltbus saltbus
fi
`;
}

function functionsOf(command: CompletedCommand, name: string): string[] {
  const specs = command.options.flatMap(optionSpecs);
  if (command.commands.length === 0) {
    const args = command.args.map((arg, index) => `'${index + 1}:${valueSpec(arg)}'`);
    return [`${name}() {\n  _arguments -s -S \\\n    ${[...specs, ...args].join(' \\\n    ')}\n}\n`];
  }
  const described = command.commands.flatMap((child) =>
    child.names.map((word) => `    '${escaped(word)}:${escaped(child.description)}'`),
  );
  const cases = command.commands.map(
    (child) => `      ${child.names.join(' | ')}) ${name}_${child.names[0]} ;;`,
  );
  const own = `${name}() {
  local curcontext="$curcontext" state line
  local -a commands
  commands=(
${described.join('\n')}
  )
  _arguments -C \\
    ${[...specs, "'1:command:->command'", "'*::argument:->argument'"].join(' \\\n    ')}
  case "$state" in
    command) _describe command commands ;;
    argument)
      case "$line[1]" in
${cases.join('\n')}
      esac
      ;;
  esac
}
`;
  return [own, ...command.commands.flatMap((child) => functionsOf(child, `${name}_${child.names[0]}`))];
}

function optionSpecs({ names, description, value, isOptional }: CompletedOption): string[] {
  const canRepeat = description.includes('can be given again');
  const before = canRepeat ? '*' : names.length > 1 ? `(${names.join(' ')})` : '';
  return names.map((name) => {
    const takes = value === undefined ? '' : name.startsWith('--') ? '=' : '+';
    // A value that can be left out stands behind the = only.
    const glued = isOptional && takes === '=' ? '=-' : takes;
    const after = value === undefined ? '' : `${isOptional ? '::' : ':'}${valueSpec(value)}`;
    return `'${before}${name}${glued}[${escaped(description)}]${after}'`;
  });
}

function valueSpec({ name, choices, kind }: CompletedValue): string {
  const message = escaped(name === '' ? 'value' : name);
  if (choices.length > 0) return `${message}:(${choices.join(' ')})`;
  if (kind === 'file') return `${message}:_files`;
  return kind === 'directory' ? `${message}:_files -/` : `${message}: `;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\[\]:]/g, '\\$&').replaceAll("'", "'\\''");
}
