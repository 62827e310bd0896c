/**
 * The options by which commands choose events and say when they have enough.
 */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { ListenOptions } from '../bus/bus.ts';
import { compileMatch, guessMode } from '../match/index.ts';
import type { MatchMode } from '../match/index.ts';
import { parseDuration } from './duration.ts';
import { collect, positive } from './option-values.ts';

/** Which tags are wanted. */
export interface TagFlags {
  readonly match?: MatchMode;
  readonly exclude?: readonly string[];
}

/** When a command that listens has enough, and how much may wait for it. */
export interface ListenFlags extends TagFlags {
  readonly count?: number;
  readonly timeout?: number;
  readonly idle?: number;
  readonly limit?: number;
}

/** Adds `--match` and `-x`. */
export function addTagOptions(command: Command): Command {
  return command
    .optionsGroup('Which events:')
    .addOption(
      new Option('--match <mode>', 'how the pattern is read').choices(['glob', 'prefix', 'exact', 'regex']),
    )
    .option('-x, --exclude <pattern>', 'leave out tags (a glob or prefix; can be given again)', collect);
}

/** Adds those, `-n`, `--timeout`, `--idle` and `--limit`. */
export function addListenOptions(command: Command): Command {
  return addTagOptions(command)
    .option('-n, --count <n>', 'end after so many events', positive)
    .option('--timeout <duration>', 'end after so long (5s, 2m)', parseDuration)
    .option('--idle <duration>', 'end after so long without an event', parseDuration)
    .option('--limit <n>', 'most events that wait while output is slow', positive);
}

/** Adds `--ready`. */
export function addReadyOption(command: Command): Command {
  return command.option(
    '--ready',
    'say on stderr when nothing can be missed any more (fires one small event of our own to know)',
  );
}

/** What to ask of `bus.listen()` for a pattern and flags. */
export function listenOptions(pattern: string | undefined, flags: ListenFlags): ListenOptions {
  return {
    ...(pattern === undefined ? {} : { tag: pattern }),
    ...(flags.match === undefined ? {} : { match: flags.match }),
    ...(flags.limit === undefined ? {} : { limit: flags.limit }),
  };
}

/**
 * The test for tags that `-x` leaves out.
 * @throws SaltbusError `ERR_SALTBUS_PATTERN`
 */
export function excludedBy(flags: TagFlags): (tag: string) => boolean {
  const excluded = (flags.exclude ?? []).map((text) => compileMatch(text, flags.match ?? guessMode(text)));
  return (tag) => excluded.some((match) => match.test(tag));
}

/** `--timeout` and `--idle`. */
export class TimeLimits {
  readonly #idleMs: number | undefined;
  readonly #stop: () => void;
  readonly #total: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** Whether one of them has come. */
  timedOut = false;

  constructor(flags: ListenFlags, stop: () => void) {
    this.#idleMs = flags.idle;
    this.#stop = stop;
    if (flags.timeout !== undefined) this.#total = this.#after(flags.timeout);
    this.eventSeen();
  }

  eventSeen(): void {
    if (this.#idleMs === undefined) return;
    if (this.#idle === undefined) this.#idle = this.#after(this.#idleMs);
    else this.#idle.refresh();
  }

  clear(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#idle);
  }

  #after(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.timedOut = true;
      this.clear();
      this.#stop();
    }, ms);
  }
}
