/**
 * The arguments of a job against the parameters of a function, with the words that Salt has for what does not fit
 * (3006.30, 3007.17, 3008.5).
 */
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { typeSaltScalar } from '../../config/index.ts';
import { pythonText } from '../../target/index.ts';
import type { Call, MinionFunction, Parameter } from './function.ts';

/** Arguments that fit, or why they do not. */
export type Bound =
  | { readonly kind: 'bound'; readonly call: Pick<Call, 'named' | 'rest' | 'keywords'> }
  /** `type`: Python would not have called the function; `keyword`: Salt would not have tried. */
  | { readonly kind: 'type'; readonly message: string }
  | { readonly kind: 'keyword'; readonly message: string };

interface Given {
  readonly positional: readonly ExactValue[];
  readonly keywords: ReadonlyMap<string, ExactValue>;
}

// `name=value` as one text is a keyword too: who publishes may have left that to the minion.
const KEYWORD = /^([^\d\W][\w.-]*)=(?!=)(.*)$/su;

/**
 * Puts the arguments of a job where they belong.
 * @param job - given to a function that takes any keyword, under `__pub_` names
 */
export function bindArguments(
  target: Pick<MinionFunction, 'name' | 'parameters'>,
  args: readonly ExactValue[],
  job: ReadonlyMap<ExactValue, ExactValue>,
): Bound {
  const { named = [], rest = false, keywords: isOpen = false } = target.parameters;
  const given = split(args);
  if (!isOpen) {
    const known = new Set(named.map(({ name }) => name));
    const strange = [...given.keywords].filter(([key]) => !known.has(key));
    if (strange.length > 0) {
      const shown = strange.map(([key, value]) => `${key}=${pythonText(value)}`).join(', ');
      return { kind: 'keyword', message: `The following keyword arguments are not valid: ${shown}` };
    }
  }
  const short = target.name.slice(target.name.indexOf('.') + 1);
  const { positional } = given;
  if (!rest && positional.length > named.length)
    return { kind: 'type', message: tooMany(short, named, positional.length) };
  const bound = new Map<string, ExactValue>();
  for (const [index, { name }] of named.entries()) {
    const value = positional[index];
    if (value === undefined) break;
    if (given.keywords.has(name))
      return { kind: 'type', message: `${short}() got multiple values for argument '${name}'` };
    bound.set(name, value);
  }
  const open = new Map<string, ExactValue>();
  for (const [key, value] of given.keywords) {
    if (named.some(({ name }) => name === key)) bound.set(key, value);
    else open.set(key, value);
  }
  const missing: string[] = [];
  for (const parameter of named) {
    if (bound.has(parameter.name)) continue;
    if (parameter.default === undefined) missing.push(parameter.name);
    else bound.set(parameter.name, parameter.default);
  }
  if (missing.length > 0) return { kind: 'type', message: lacking(short, missing) };
  if (isOpen) {
    for (const [key, value] of job) if (typeof key === 'string') open.set(`__pub_${key}`, value);
  }
  return { kind: 'bound', call: { named: bound, rest: positional.slice(named.length), keywords: open } };
}

function split(args: readonly ExactValue[]): Given {
  const positional: ExactValue[] = [];
  const keywords = new Map<string, ExactValue>();
  for (const arg of args) {
    if (arg instanceof Map && arg.get('__kwarg__') === true) {
      for (const [key, value] of arg as ReadonlyMap<ExactValue, ExactValue>) {
        if (key !== '__kwarg__') keywords.set(typeof key === 'string' ? key : pythonText(key), value);
      }
      continue;
    }
    const match = typeof arg === 'string' ? KEYWORD.exec(arg) : null;
    if (match === null) positional.push(arg);
    else keywords.set(match[1] ?? '', typeSaltScalar(match[2] ?? '') as ExactValue);
  }
  return { positional, keywords };
}

function tooMany(name: string, named: readonly Parameter[], count: number): string {
  const needed = named.filter((parameter) => parameter.default === undefined).length;
  const most = named.length;
  const takes = needed === most ? String(most) : `from ${needed} to ${most}`;
  return `${name}() takes ${takes} positional argument${most === 1 && needed === most ? '' : 's'} but ${count} ${count === 1 ? 'was' : 'were'} given`;
}

function lacking(name: string, missing: readonly string[]): string {
  const quoted = missing.map((each) => `'${each}'`);
  const last = quoted.pop() ?? '';
  const before =
    quoted.length > 1 ? `${quoted.join(', ')}, and ` : quoted.length === 1 ? `${quoted.join('')} and ` : '';
  return `${name}() missing ${missing.length} required positional argument${missing.length === 1 ? '' : 's'}: ${before}${last}`;
}
