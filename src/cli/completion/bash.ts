/**
 * Completion for bash, from version 3.2 on, without the bash-completion package.
 */
import type { CompletedCommand, CompletedValue } from './tree.ts';

// Words of the command line so far lead from command to command; `path` is where it stands, such as saltbus/listen.
const WALK = `_saltbus() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local path=saltbus word args=0 i REPLY IFS=$' \\t\\n'
  COMPREPLY=()
  # bash takes --name=value apart into three words
  if [[ $cur == '=' ]]; then
    cur=''
  elif [[ $prev == '=' ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == '=' ]]; then
      continue
    elif [[ $word == -?* ]]; then
      if _saltbus_takes "$path:$word"; then
        i=$((i + 1))
        [[ \${COMP_WORDS[i]} == '=' ]] && i=$((i + 1))
      fi
    elif _saltbus_next "$path/$word"; then
      path=$REPLY
    else
      args=$((args + 1))
    fi
  done
  if _saltbus_takes "$path:$prev"; then
    _saltbus_value "$path:$prev"
  elif [[ $cur == -* ]]; then
    _saltbus_options "$path"
    COMPREPLY=($(compgen -W "$REPLY" -- "$cur"))
  else
    _saltbus_value "$path:$args"
  fi
}

_saltbus_files() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$1" -- "$cur"))
}

complete -F _saltbus saltbus
`;

/** The script. */
export function bashCompletion(program: CompletedCommand): string {
  const next: string[] = [];
  const takes: string[] = [];
  const values: string[] = [];
  const options: string[] = [];
  visit(program, program.names[0], (command, path) => {
    options.push(`    ${path}) REPLY='${command.options.flatMap((option) => option.names).join(' ')}' ;;`);
    for (const child of command.commands) {
      const [name] = child.names;
      const words = child.names.map((word) => `${path}/${word}`);
      next.push(`    ${words.join(' | ')}) REPLY=${path}/${name} ;;`);
    }
    for (const { names, value, isOptional } of command.options) {
      if (value === undefined || isOptional) continue;
      const patterns = names.map((name) => `${path}:${name}`).join(' | ');
      takes.push(`    ${patterns}) ;;`);
      values.push(...valueCase(patterns, value));
    }
    const words = command.commands.flatMap((child) => child.names);
    if (words.length > 0)
      values.push(...valueCase(`${path}:0`, { name: '', choices: words, kind: 'nothing' }));
    else command.args.forEach((arg, index) => values.push(...valueCase(`${path}:${index}`, arg)));
  });
  return [
    '# Completion of saltbus for bash: source <(saltbus completion bash)',
    '',
    WALK,
    caseFunction('_saltbus_next', next, 'return 1'),
    caseFunction('_saltbus_takes', takes, 'return 1'),
    caseFunction('_saltbus_options', options, "REPLY=''"),
    caseFunction('_saltbus_value', values, ''),
  ].join('\n');
}

function visit(
  command: CompletedCommand,
  path: string,
  each: (command: CompletedCommand, path: string) => void,
): void {
  each(command, path);
  for (const child of command.commands) visit(child, `${path}/${child.names[0]}`, each);
}

function valueCase(pattern: string, { choices, kind }: CompletedValue): string[] {
  if (choices.length > 0) {
    return [`    ${pattern}) COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$cur")) ;;`];
  }
  if (kind === 'nothing') return [];
  return [`    ${pattern}) _saltbus_files ${kind === 'directory' ? '-d' : '-f'} ;;`];
}

function caseFunction(name: string, cases: readonly string[], otherwise: string): string {
  return `${name}() {\n  case "$1" in\n${cases.join('\n')}\n    *) ${otherwise} ;;\n  esac\n}\n`;
}
