/** The functions of the module `sys`: what this minion can run. */
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { compileGlob } from '../../match/index.ts';
import type { FunctionHost, MinionFunction } from './function.ts';
import { textArgument } from './lookup.ts';

function namesOf(host: FunctionHost): string[] {
  return [...host.functions.keys()].sort();
}

// Salt's rules differ a little between the three functions; a glob is told by its star.
function chosen(names: readonly string[], wanted: ExactValue, isExactToo: boolean): string[] {
  const text = textArgument(wanted, 'A name');
  if (text.includes('*') || (!isExactToo && text.includes('.'))) {
    const glob = compileGlob(text);
    return names.filter((name) => glob.test(name));
  }
  const prefix = text === '' || text.endsWith('.') ? text : `${text}.`;
  return names.filter((name) => name.startsWith(prefix) || (isExactToo && name === text));
}

/** The documentation of the functions that a name or glob of `sys.doc` means. */
export function docsOf(host: FunctionHost, wanted: readonly ExactValue[]): Map<string, string> {
  const names = namesOf(host);
  const found = wanted.length === 0 ? names : wanted.flatMap((each) => chosen(names, each, true));
  return new Map(found.map((name) => [name, host.functions.get(name)?.doc ?? '']));
}

export const sysFunctions: readonly MinionFunction[] = [
  {
    name: 'sys.list_functions',
    doc: "The names of all functions; of some modules only, where these are named.\n\nCLI Example:\n\n    salt '*' sys.list_functions\n    salt '*' sys.list_functions sys\n",
    parameters: { rest: true, keywords: true },
    run: ({ rest, host }) => {
      const names = namesOf(host);
      if (rest.length === 0) return names;
      return [...new Set(rest.flatMap((each) => chosen(names, each, false)))].sort();
    },
  },
  {
    name: 'sys.list_modules',
    doc: "The names of all modules; those that are named, where there are any.\n\nCLI Example:\n\n    salt '*' sys.list_modules\n",
    parameters: { rest: true },
    run: ({ rest, host }) => {
      const names = namesOf(host);
      const found = rest.length === 0 ? names : rest.flatMap((each) => chosen(names, each, false));
      return [...new Set(found.map((name) => name.slice(0, name.indexOf('.'))))].sort();
    },
  },
  {
    name: 'sys.doc',
    doc: "What all functions do; of some modules or functions only, where these are named.\n\nCLI Example:\n\n    salt '*' sys.doc test.ping\n",
    parameters: { rest: true },
    run: ({ rest, host }) => docsOf(host, rest),
  },
];
