/**
 * Who a job is for: compiled once, asked for each minion.
 */
import { SaltbusError } from '../errors.ts';
import { compileCompound } from './compound.ts';
import type { Compound } from './compound.ts';
import { addressEngine, globEngine, listEngine, lookupEngine, regexEngine } from './engines.ts';
import type { Engine } from './engines.ts';
import type { MinionFacts } from './fact-map.ts';
import { checkLimit, refuse, shown } from './limits.ts';
import { expandNodegroups } from './nodegroup.ts';
import type { Nodegroups } from './nodegroup.ts';
import type { Answer } from './subdict.ts';
import { splitWords } from './words.ts';

/** The kinds of targets that minions are asked with. */
export type TargetType =
  | 'glob'
  | 'pcre'
  | 'list'
  | 'grain'
  | 'grain_pcre'
  | 'pillar'
  | 'pillar_pcre'
  | 'pillar_exact'
  | 'ipcidr'
  | 'compound';

/** A target as it is given by a user; the kind comes as text, to be checked. */
export interface TargetSpec {
  readonly tgt: unknown;
  /** A {@link TargetType}, or `nodegroup`. @defaultValue 'glob' */
  readonly tgtType?: unknown;
  /** Between the parts of a lookup. @defaultValue ':' */
  readonly delimiter?: unknown;
}

/** Options of {@link compileTarget}. */
export interface TargetOptions {
  /** What `N@name` stands for. @defaultValue none */
  readonly nodegroups?: Nodegroups;
}

/** A compiled target. */
export interface Target {
  /** What to publish: node groups expanded. */
  readonly tgt: string | readonly string[];
  /** What to publish: a node group is a compound. */
  readonly tgtType: TargetType;
  /** What to publish. */
  readonly delimiter: string;
  /** What has to be known of a minion besides its id. */
  readonly needs: { readonly grains: boolean; readonly pillar: boolean };
  /** Ids that lists name; those that are not there are missing. */
  readonly named: readonly ReadonlySet<string>[];
  /** Whether a minion is meant; `unknown` when that depends on grains or pillar that are not known. */
  readonly test: (minion: MinionFacts) => Answer;
  /** Whether a minion is known to be meant. */
  readonly matches: (minion: MinionFacts) => boolean;
  /** Why it matches nobody, where it was received malformed. */
  readonly error?: SaltbusError;
}

/** Salt's own, in all releases. */
const DEFAULT_DELIMITER = ':';

/**
 * Compiles a target for the one who publishes it.
 *
 * It is a glob where nothing else is said. Differences from Salt, each on the safe side: what Salt answers with "nobody"
 * without a word, or by mistake with "everybody", is an error.
 * @throws SaltbusError `ERR_SALTBUS_TARGET` for what is malformed, too large, unknown or not supported
 * @throws SaltbusError `ERR_SALTBUS_PATTERN` for a regular expression that is malformed or cannot be matched in linear time
 */
export function compileTarget(spec: TargetSpec, options: TargetOptions = {}): Target {
  const { tgt, tgtType = 'glob', delimiter = DEFAULT_DELIMITER } = spec;
  if (typeof delimiter !== 'string') refuse('The delimiter is no text');
  if (tgtType === 'pillar_pcre' || tgtType === 'pillar_exact') {
    // real minions pass the delimiter on for grain, grain_pcre and pillar only (3006.30, 3007.17, 3008.5)
    if (delimiter !== DEFAULT_DELIMITER) {
      refuse(
        `Minions look at a ${tgtType} target with the delimiter : whatever is said`,
        `Use a compound target, such as J${delimiter}@key${delimiter}value.`,
      );
    }
  }
  switch (tgtType) {
    case 'glob':
      return single(tgtType, textOf(tgt), delimiter, globEngine);
    case 'pcre':
      return single(tgtType, textOf(tgt), delimiter, regexEngine);
    case 'list':
      return single(tgtType, textOrTexts(tgt), delimiter, listEngine);
    case 'ipcidr':
      return single(tgtType, textOf(tgt), delimiter, addressEngine);
    case 'grain':
      return single(tgtType, textOf(tgt), delimiter, (text) =>
        lookupEngine(text, delimiter, 'grains', 'glob'),
      );
    case 'grain_pcre':
      return single(tgtType, textOf(tgt), delimiter, (text) =>
        lookupEngine(text, delimiter, 'grains', 'regex'),
      );
    case 'pillar':
      return single(tgtType, textOf(tgt), delimiter, (text) =>
        lookupEngine(text, delimiter, 'pillar', 'glob'),
      );
    case 'pillar_pcre':
      return single(tgtType, textOf(tgt), delimiter, (text) =>
        lookupEngine(text, delimiter, 'pillar', 'regex'),
      );
    case 'pillar_exact':
      return single(tgtType, textOf(tgt), delimiter, (text) =>
        lookupEngine(text, delimiter, 'pillar', 'exact'),
      );
    case 'compound':
      return compound(textOrTexts(tgt), delimiter, options.nodegroups ?? {});
    case 'nodegroup':
      return compound([`N@${textOf(tgt)}`], delimiter, options.nodegroups ?? {});
    case 'range':
      return refuse('Range targets are not supported', 'Name the minions in a list.');
    case 'data':
      return refuse('Targets in the data store of a minion are not supported', 'Use grains or pillar.');
    default:
      return refuse(
        `${typeof tgtType === 'string' ? shown(tgtType) : 'This'} is no type of a target`,
        'Use glob, pcre, list, grain, grain_pcre, pillar, pillar_pcre, pillar_exact, ipcidr, compound or nodegroup.',
      );
  }
}

/**
 * Compiles a target for the minion that receives it with a job: what is malformed, unknown or not supported matches
 * nobody, and `error` says why.
 */
export function compileReceivedTarget(spec: TargetSpec, options: TargetOptions = {}): Target {
  const { tgtType } = spec;
  try {
    // who publishes expands the group of a whole target; a minion that gets it as it is does not answer (3008.5)
    if (tgtType === 'nodegroup') refuse('A node group was published as it is, not expanded');
    const isFixed = tgtType === 'pillar_pcre' || tgtType === 'pillar_exact';
    return compileTarget(isFixed ? { tgt: spec.tgt, tgtType } : spec, options);
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    return { ...NOBODY, error };
  }
}

const NOBODY: Target = {
  tgt: '',
  tgtType: 'glob',
  delimiter: DEFAULT_DELIMITER,
  needs: { grains: false, pillar: false },
  named: [],
  test: () => 'no',
  matches: () => false,
};

function textOf(tgt: unknown): string {
  if (typeof tgt !== 'string') refuse('The target is no text');
  return tgt;
}

function textOrTexts(tgt: unknown): string | readonly string[] {
  if (typeof tgt === 'string') return tgt;
  if (!Array.isArray(tgt)) refuse('The target is no text and no array');
  checkLimit(tgt.length, 'members', 'The target');
  let characters = 0;
  for (const member of tgt as readonly unknown[]) {
    if (typeof member !== 'string') refuse('The target is an array with something else than text in it');
    characters += member.length;
  }
  checkLimit(characters, 'characters', 'The target');
  return tgt as readonly string[];
}

function single<Text extends string | readonly string[]>(
  tgtType: TargetType,
  tgt: Text,
  delimiter: string,
  compile: (tgt: Text) => Engine,
): Target {
  const engine = compile(tgt);
  const named = engine.named === undefined ? [] : [engine.named];
  return target({ tgt, tgtType, delimiter }, { test: engine.test, engines: [engine], named });
}

function compound(tgt: string | readonly string[], delimiter: string, nodegroups: Nodegroups): Target {
  if (typeof tgt === 'string') checkLimit(tgt.length, 'characters', 'The compound target');
  const words = typeof tgt === 'string' ? splitWords(tgt) : tgt;
  checkLimit(words.length, 'words', 'The compound target');
  const expanded = expandNodegroups(words, nodegroups);
  // the command line of Salt publishes an expanded group as text too (3008.5)
  const published = expanded === words ? tgt : expanded.join(' ');
  return target({ tgt: published, tgtType: 'compound', delimiter }, compileCompound(expanded));
}

function target(published: Pick<Target, 'tgt' | 'tgtType' | 'delimiter'>, compiled: Compound): Target {
  const { engines, named } = compiled;
  const test: Compound['test'] = (minion) => {
    try {
      return compiled.test(minion);
    } catch (error) {
      // a value that is too long for a regular expression: in doubt
      if (error instanceof SaltbusError) return 'unknown';
      throw error;
    }
  };
  return {
    ...published,
    needs: {
      grains: engines.some(({ needs }) => needs === 'grains'),
      pillar: engines.some(({ needs }) => needs === 'pillar'),
    },
    named,
    test,
    matches: (minion) => test(minion) === 'yes',
  };
}
