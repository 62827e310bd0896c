/**
 * The arguments of a job, from the words of a command line: `name=value` is a keyword, and values are typed as Salt's command line
 * types them (`parse_input`, 3006.30, 3007.17, 3008.5).
 */
import { exactFloat } from '../../codec/msgpack/values.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { typeSaltScalar } from '../../config/index.ts';
import { SaltbusError } from '../../errors.ts';

/** A function, or several, with the arguments as minions take them. */
export interface Call {
  readonly fun: string | readonly string[];
  /** Of several functions, a list for each. */
  readonly arg: readonly ExactValue[];
}

const KEYWORD = /^([\p{L}_][\p{L}\p{N}_.-]*)=(?!=)([^\n]*)$/u;
const JID = /^\d{20}$/;

/** Gives one value its type. */
export function typedArgument(text: string): ExactValue {
  return typeSaltScalar(text, { float: exactFloat }) as ExactValue;
}

/** The arguments of one function; keywords become the last, a map with `__kwarg__`. */
export function parseArguments(words: readonly string[]): ExactValue[] {
  const args: ExactValue[] = [];
  const keywords = new Map<ExactValue, ExactValue>();
  for (const word of words) {
    const match = KEYWORD.exec(word);
    if (match === null) args.push(notAJid(typedArgument(word)));
    else keywords.set(match[1] ?? '', typedArgument(match[2] ?? ''));
  }
  return withKeywords(args, keywords);
}

/** Adds keyword arguments in the form in which they travel. */
export function withKeywords(
  args: readonly ExactValue[],
  keywords: ReadonlyMap<ExactValue, ExactValue>,
): ExactValue[] {
  if (keywords.size === 0) return [...args];
  return [...args, new Map<ExactValue, ExactValue>([['__kwarg__', true], ...keywords])];
}

// a job id is digits, and means the text
function notAJid(value: ExactValue): ExactValue {
  return typeof value === 'bigint' && JID.test(String(value)) ? String(value) : value;
}

/**
 * A function and its words; several functions with commas between them, and their arguments with a separator between them: as a
 * word of its own, or within the words.
 * @throws SaltbusError `ERR_SALTBUS_USAGE`
 */
export function parseCall(fun: string, words: readonly string[], separator = ','): Call {
  if (fun === '') throw usage('There is no function', 'Say saltbus run TARGET FUN [ARGS...].');
  if (!fun.includes(',')) return { fun, arg: parseArguments(words) };
  const functions = fun.split(',');
  const groups = grouped(words, separator, functions.length);
  if (groups.length !== functions.length) {
    throw usage(
      `${functions.length} functions are given, and arguments for ${groups.length}`,
      `Put '${separator}' between the arguments of each, also where there are none.`,
    );
  }
  return { fun: functions, arg: groups.map(parseArguments) };
}

function grouped(words: readonly string[], separator: string, functions: number): string[][] {
  const groups: string[][] = [[]];
  const isAlone = words.filter((word) => word === separator).length === functions - 1;
  for (const word of words) {
    if (isAlone ? word === separator : word.includes(separator)) {
      const parts = isAlone ? ['', ''] : word.split(separator);
      parts.forEach((part, index) => {
        if (index > 0) groups.push([]);
        if (part !== '') groups.at(-1)?.push(part);
      });
    } else groups.at(-1)?.push(word);
  }
  return groups;
}

function usage(message: string, next: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_USAGE', message, { next });
}
