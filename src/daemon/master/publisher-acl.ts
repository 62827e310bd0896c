/**
 * Who may publish what, besides the user of the master: `publisher_acl` and `publisher_acl_blacklist`, in Salt's forms (3006.30, 3007.17,
 * 3008.5).
 *
 *     publisher_acl:
 *       alice:                      a user; a glob or a whole regular expression
 *         - test.*                  functions on all minions: a regular expression from their beginning
 *         - 'web* or G@role:web':   on these minions, and no others in the same job
 *             - pkg.install:
 *                 args: ['nginx']   arguments: regular expressions, null for any
 *                 kwargs: {refresh: null}
 *
 * Stricter than Salt: of several functions each has to be allowed, where for Salt one is enough.
 */
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { SaltbusError } from '../../errors.ts';
import { compileGlob } from '../../match/glob.ts';
import { compileAnchoredRegex } from '../../match/regex.ts';
import { pythonText } from '../../target/index.ts';

/** The rules as they are configured. */
export interface PublisherRules {
  /** By user. */
  readonly allowed: ReadonlyMap<string, readonly unknown[]>;
  readonly refusedUsers: readonly string[];
  readonly refusedFunctions: readonly string[];
}

/** A job that somebody wants to publish. */
export interface JobToJudge {
  readonly fun: string | readonly string[];
  readonly arg: readonly ExactValue[];
  /** Whom it is for. */
  readonly ids: readonly string[];
}

/** Says which minions a compound stands for. */
export type IdsOf = (compound: string) => ReadonlySet<string>;

type Test = (text: string) => boolean;

interface ArgumentRule {
  readonly args: readonly (Test | null)[];
  readonly kwargs: ReadonlyMap<string, Test | null>;
}

interface FunctionRule {
  readonly test: Test;
  /** One of these has to fit; `undefined`: any arguments. */
  readonly arguments: readonly ArgumentRule[] | undefined;
}

interface Rule {
  /** `undefined`: all minions. */
  readonly minions: string | undefined;
  readonly functions: readonly FunctionRule[];
}

/** What the command line asks when it looks whether a job still runs; allowed to whoever may publish at all, as in Salt. */
const ALWAYS = 'saltutil.find_job';

/** Compiled rules. */
export class PublisherAcl {
  readonly #users: readonly { readonly isMeant: Test; readonly rules: readonly Rule[] }[];
  readonly #refusedUsers: readonly Test[];
  readonly #refusedFunctions: readonly Test[];

  /** @throws SaltbusError `ERR_SALTBUS_CONFIG` or `ERR_SALTBUS_PATTERN` for rules that make no sense */
  constructor({ allowed, refusedUsers, refusedFunctions }: PublisherRules) {
    this.#users = [...allowed].map(([user, rules]) => ({
      isMeant: globOrRegex(user),
      rules: rules.map((rule) => ruleOf(rule, user)),
    }));
    this.#refusedUsers = refusedUsers.map(globOrRegex);
    this.#refusedFunctions = refusedFunctions.map(globOrRegex);
  }

  /** Whether somebody is named besides the user of the master. */
  get isEmpty(): boolean {
    return this.#users.length === 0;
  }

  /** Whether a user is named. */
  names(user: string): boolean {
    return this.#users.some(({ isMeant }) => isMeant(user));
  }

  /** Whether the blacklist names the user or one of the functions; it holds for everybody. */
  refuses(user: string, fun: string | readonly string[]): boolean {
    const functions = typeof fun === 'string' ? [fun] : fun;
    return (
      this.#refusedUsers.some((test) => test(user)) ||
      functions.some((name) => this.#refusedFunctions.some((test) => test(name)))
    );
  }

  /** Whether a user may publish a job. */
  allows(user: string, { fun, arg, ids }: JobToJudge, idsOf: IdsOf): boolean {
    const rules = this.#users.filter(({ isMeant }) => isMeant(user)).flatMap((one) => one.rules);
    if (rules.length === 0) return false;
    const calls =
      typeof fun === 'string'
        ? [{ name: fun, args: arg }]
        : fun.map((name, index) => ({ name, args: listOf(arg[index]) }));
    const covers = new Map<Rule, boolean>();
    const coversAll = (rule: Rule): boolean => {
      let known = covers.get(rule);
      if (known === undefined) {
        const { minions } = rule;
        const meant = minions === undefined ? undefined : idsOf(minions);
        known = meant === undefined || ids.every((id) => meant.has(id));
        covers.set(rule, known);
      }
      return known;
    };
    return calls.every(
      ({ name, args }) =>
        name === ALWAYS ||
        rules.some((rule) => coversAll(rule) && rule.functions.some((one) => fits(one, name, args))),
    );
  }
}

function listOf(value: ExactValue | undefined): readonly ExactValue[] {
  return Array.isArray(value) ? (value as readonly ExactValue[]) : [];
}

function fits(rule: FunctionRule, name: string, args: readonly ExactValue[]): boolean {
  if (!rule.test(name)) return false;
  if (rule.arguments === undefined) return true;
  const last = args.at(-1);
  const keywords =
    last instanceof Map && last.has('__kwarg__') ? (last as ReadonlyMap<ExactValue, ExactValue>) : undefined;
  const positional = keywords === undefined ? args : args.slice(0, -1);
  return rule.arguments.some(
    (wanted) =>
      wanted.args.every((test, index) => {
        const value = positional[index];
        return value !== undefined && (test === null || test(pythonText(value)));
      }) &&
      [...wanted.kwargs].every(([key, test]) => {
        const value = keywords?.get(key);
        return value !== undefined && (test === null || test(pythonText(value)));
      }),
  );
}

function ruleOf(rule: unknown, user: string): Rule {
  if (typeof rule === 'string') return { minions: undefined, functions: [functionRule(rule, user)] };
  const pair = onlyPair(rule);
  if (pair === undefined) throw unfit(user, 'a rule is a function, or a target with functions');
  const [minions, functions] = pair;
  // `@runner`, `@wheel` and the like: there are none here, and no minion is meant
  if (minions.startsWith('@')) return { minions, functions: [] };
  const list: readonly unknown[] = Array.isArray(functions) ? functions : [functions];
  return {
    minions: minions === '*' ? undefined : minions,
    functions: list.map((one) => functionRule(one, user)),
  };
}

function functionRule(rule: unknown, user: string): FunctionRule {
  if (typeof rule === 'string') return { test: regex(rule), arguments: undefined };
  const pair = onlyPair(rule);
  if (pair === undefined)
    throw unfit(user, 'a function is a regular expression, or one with args and kwargs');
  const [name, wanted] = pair;
  const list: readonly unknown[] = Array.isArray(wanted) ? wanted : [wanted];
  return { test: regex(name), arguments: list.map((one) => argumentRule(one, user)) };
}

function argumentRule(rule: unknown, user: string): ArgumentRule {
  if (!(rule instanceof Map)) throw unfit(user, 'arguments are a map of args and kwargs');
  const map = rule as ReadonlyMap<unknown, unknown>;
  const args = map.get('args') ?? [];
  const kwargs = map.get('kwargs') ?? new Map();
  if (!Array.isArray(args) || !(kwargs instanceof Map))
    throw unfit(user, 'args are a list, and kwargs a map');
  const test = (value: unknown): Test | null => (value === null ? null : regex(pythonText(value)));
  return {
    args: (args as readonly unknown[]).map(test),
    kwargs: new Map(
      [...(kwargs as ReadonlyMap<unknown, unknown>)].map(([key, value]) => [String(key), test(value)]),
    ),
  };
}

function onlyPair(rule: unknown): readonly [string, unknown] | undefined {
  if (!(rule instanceof Map) || rule.size !== 1) return undefined;
  const [pair] = rule as ReadonlyMap<unknown, unknown>;
  return pair !== undefined && typeof pair[0] === 'string' ? [pair[0], pair[1]] : undefined;
}

// A text that is too long for the pattern is not let through.
function regex(pattern: string): Test {
  const test = compileAnchoredRegex(pattern);
  return (text) => {
    try {
      return test(text);
    } catch (error) {
      if (error instanceof SaltbusError) return false;
      throw error;
    }
  };
}

/** A pattern as Salt has it for users: a glob, or a regular expression of the whole. */
export function globOrRegex(pattern: string): Test {
  const glob = compileGlob(pattern).test;
  let whole: Test | undefined;
  try {
    whole = regex(`(?:${pattern})$`);
  } catch (error) {
    // a glob such as *web is no regular expression
    if (!(error instanceof SaltbusError)) throw error;
  }
  return (text) => glob(text) || (!text.includes('\n') && whole?.(text) === true);
}

function unfit(user: string, what: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_CONFIG', `publisher_acl of ${JSON.stringify(user)}: ${what}`, {
    next: 'See docs/run.md for the forms of a rule.',
  });
}
