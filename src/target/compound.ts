/**
 * Compound targets: tests joined by `and`, `or`, `not` and parentheses.
 *
 * Salt writes the answers into an expression of Python and evaluates it, so `not` binds tightest, then `and`; what is
 * malformed matches nobody, with three exceptions that match more than anybody meant: `not ( )` matches all, and an
 * error behind a finished `or` or in an address behind `not` goes unseen. Here each is an error.
 */
import { addressEngine, globEngine, idEngine, listEngine, lookupEngine, regexEngine } from './engines.ts';
import type { Engine } from './engines.ts';
import { checkLimit, refuse, shown, TARGET_LIMITS } from './limits.ts';
import type { Answer } from './subdict.ts';
import type { MinionFacts } from './fact-map.ts';
import { OPERATORS, parseWord } from './words.ts';

type Test = (minion: MinionFacts) => Answer;

/** A compiled expression: its test and the tests that it is made of. */
export interface Compound {
  readonly test: Test;
  readonly engines: readonly Engine[];
  /** Ids of lists that do not stand behind a `not`: a minion among them that is not there is missing. */
  readonly named: readonly ReadonlySet<string>[];
}

/**
 * Compiles the words of an expression; node groups are expanded.
 * @throws SaltbusError `ERR_SALTBUS_TARGET`, and `ERR_SALTBUS_PATTERN` for a regular expression
 */
export function compileCompound(words: readonly string[]): Compound {
  checkLimit(words.length, 'words', 'The compound target');
  return new Parser(words).parse();
}

class Parser {
  readonly #words: readonly string[];
  readonly #engines: Engine[] = [];
  readonly #named: ReadonlySet<string>[] = [];
  #at = 0;
  #depth = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  parse(): Compound {
    if (this.#words.length === 0) refuse('The compound target is empty');
    const test = this.#or();
    const rest = this.#words[this.#at];
    if (rest === ')') refuse(`A parenthesis is closed that is not open${this.#place()}`);
    if (rest !== undefined) refuse(`${shown(rest)} stands where and, or is expected${this.#place()}`);
    return { test, engines: this.#engines, named: this.#named };
  }

  #place(): string {
    return ` (word ${this.#at + 1} of ${this.#words.length})`;
  }

  #accept(word: string): boolean {
    if (this.#words[this.#at] !== word) return false;
    this.#at += 1;
    return true;
  }

  #or(): Test {
    const tests = [this.#and()];
    while (this.#accept('or')) tests.push(this.#and());
    return anyOf(tests);
  }

  #and(): Test {
    const tests = [this.#not()];
    // a bare `not` behind an operand has an `and` in front (3006.30, 3007.17, 3008.5)
    while (this.#accept('and') || this.#words[this.#at] === 'not') tests.push(this.#not());
    return allOf(tests);
  }

  #not(): Test {
    if (!this.#accept('not')) return this.#operand(false);
    return negated(this.#operand(true));
  }

  #operand(isNegated: boolean): Test {
    const word = this.#words[this.#at];
    if (word === undefined) refuse('The compound target ends where a test is expected');
    if (word !== '(' && OPERATORS.has(word)) {
      refuse(`${shown(word)} stands where a test is expected${this.#place()}`);
    }
    this.#at += 1;
    if (word !== '(') {
      const engine = compileWord(word);
      this.#engines.push(engine);
      if (engine.named !== undefined && !isNegated) this.#named.push(engine.named);
      return engine.test;
    }
    this.#depth += 1;
    if (this.#depth > TARGET_LIMITS.depth) {
      refuse(`The compound target has more than ${TARGET_LIMITS.depth} parentheses within each other`);
    }
    const inner = this.#or();
    if (!this.#accept(')')) refuse('A parenthesis is not closed');
    this.#depth -= 1;
    return inner;
  }
}

function negated(test: Test): Test {
  return (minion) => {
    const answer = test(minion);
    if (answer === 'unknown') return answer;
    return answer === 'yes' ? 'no' : 'yes';
  };
}

function allOf(tests: readonly Test[]): Test {
  return joined(tests, 'no', 'yes');
}

function anyOf(tests: readonly Test[]): Test {
  return joined(tests, 'yes', 'no');
}

/** One decisive answer decides; else what is not known stays so. */
function joined(tests: readonly Test[], decisive: Answer, otherwise: Answer): Test {
  const [only] = tests;
  if (only !== undefined && tests.length === 1) return only;
  return (minion) => {
    let answer = otherwise;
    for (const test of tests) {
      const one = test(minion);
      if (one === decisive) return one;
      if (one === 'unknown') answer = one;
    }
    return answer;
  };
}

function compileWord(word: string): Engine {
  if (/[\r\n]/.test(word)) refuse(`The word ${shown(word)} holds a line break`);
  const { engine, delimiter = ':', pattern } = parseWord(word);
  switch (engine) {
    case undefined:
      return globEngine(pattern);
    case 'G':
      return lookupEngine(pattern, delimiter, 'grains', 'glob');
    case 'P':
      return lookupEngine(pattern, delimiter, 'grains', 'regex');
    case 'I':
      return lookupEngine(pattern, delimiter, 'pillar', 'glob');
    case 'J':
      return lookupEngine(pattern, delimiter, 'pillar', 'regex');
    case 'L':
      return listEngine(pattern);
    case 'S':
      return addressEngine(pattern);
    case 'E':
      return regexEngine(pattern);
    case 'M':
      // 3008.5: the id of a minion as it is; 3006.30 and 3007.17 read a glob that no id matches
      return idEngine(pattern);
    case 'R':
      return refuse(`${shown(word)}: range targets are not supported`, 'Name the minions with L@.');
    case 'T':
      return refuse(
        `${shown(word)}: resource targets are not supported`,
        'Target the minion that manages the resource.',
      );
    default:
      return refuse(
        `${shown(word)}: there is no engine ${engine}@`,
        'Engines are G, P, I, J, L, S, E, M and N; a plain word is a glob.',
      );
  }
}
