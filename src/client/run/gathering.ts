/**
 * Who has answered a job, who is still waited for, and when it is asked whether they still work: the rules of Salt's
 * `get_iter_returns` (3006.30, 3007.17, 3008.5), without a clock and without a connection.
 *
 * Returns are awaited for the timeout. Then those who are silent are asked (`saltutil.find_job`), and for the time of gathering it is
 * waited who says that the job runs: whoever does is given the timeout anew, and all that are silent are asked again. It ends when all have
 * answered, or when a question brought no "it runs" and nobody's time is left.
 */

/** Times, in milliseconds. */
export interface GatheringTimes {
  readonly timeoutMs: number;
  readonly gatherJobTimeoutMs: number;
}

/** What happens; `now` is in milliseconds of any clock that does not go back. */
export type GatheringInput =
  | { readonly kind: 'return'; readonly id: string }
  /** More minions are to answer. */
  | { readonly kind: 'expect'; readonly ids: readonly string[]; readonly now: number }
  /** The question was sent, or could not be. */
  | { readonly kind: 'asked'; readonly now: number }
  /** A minion says that the job runs there. */
  | { readonly kind: 'running'; readonly id: string; readonly now: number }
  /** A minion could not look. */
  | { readonly kind: 'cannot-tell'; readonly id: string }
  | { readonly kind: 'time'; readonly now: number };

/** What is to be done. */
export type GatheringStep =
  /** Somebody new has answered. */
  | { readonly kind: 'take'; readonly expected: boolean }
  /** It has answered before. */
  | { readonly kind: 'repeated' }
  /** Ask these minions, then say `asked`. */
  | { readonly kind: 'ask'; readonly ids: readonly string[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'wait' };

/** The state of one job. */
export class Gathering {
  readonly #times: GatheringTimes;
  readonly #expected: Set<string>;
  readonly #found = new Set<string>();
  /** Who is waited for, and until when. */
  readonly #waiting = new Map<string, number>();
  /** Who could not tell: not waited for, and named at the end. */
  readonly #lost = new Set<string>();
  #timeoutAt: number;
  /** Whether to ask when the time is over: it begins so, that it is asked once at least. */
  #mayRun = true;
  #isAsking = false;

  constructor(minions: readonly string[], times: GatheringTimes, now: number) {
    this.#times = times;
    this.#expected = new Set(minions);
    this.#timeoutAt = now + times.timeoutMs;
    for (const id of this.#expected) this.#waiting.set(id, this.#timeoutAt);
  }

  /** Ids that were to answer. */
  get expected(): readonly string[] {
    return [...this.#expected];
  }

  /** How many have answered of those that were to. */
  get answered(): number {
    return this.#expected.size - this.#waiting.size - this.#lost.size;
  }

  /** Ids that were to answer and have not. */
  get unanswered(): readonly string[] {
    return [...this.#waiting.keys(), ...this.#lost];
  }

  /** Whether an id has answered. */
  has(id: string): boolean {
    return this.#found.has(id);
  }

  /** When `time` is to be said next. */
  get wakeAt(): number {
    if (this.#isAsking) return Infinity;
    if (this.#mayRun) return this.#timeoutAt;
    let last = this.#timeoutAt;
    for (const until of this.#waiting.values()) if (until > last) last = until;
    return last;
  }

  /** Takes what happens, and says what is to be done. */
  take(input: GatheringInput): GatheringStep {
    switch (input.kind) {
      case 'return':
        return this.#return(input.id);
      case 'expect':
        for (const id of input.ids) this.#expect(id, input.now + this.#times.timeoutMs);
        return { kind: 'wait' };
      case 'asked':
        this.#isAsking = false;
        this.#mayRun = false;
        this.#timeoutAt = input.now + this.#times.gatherJobTimeoutMs;
        return { kind: 'wait' };
      case 'running':
        if (!this.#found.has(input.id)) {
          this.#lost.delete(input.id);
          this.#expected.add(input.id);
          this.#waiting.set(input.id, input.now + this.#times.timeoutMs);
        }
        this.#mayRun = true;
        return { kind: 'wait' };
      case 'cannot-tell':
        if (this.#waiting.delete(input.id)) this.#lost.add(input.id);
        return this.#ended();
      case 'time':
        return this.#time(input.now);
    }
  }

  #return(id: string): GatheringStep {
    if (this.#found.has(id)) return { kind: 'repeated' };
    this.#found.add(id);
    this.#waiting.delete(id);
    this.#lost.delete(id);
    return { kind: 'take', expected: this.#expected.has(id) };
  }

  #expect(id: string, until: number): void {
    if (this.#expected.has(id)) return;
    this.#expected.add(id);
    if (!this.#found.has(id)) this.#waiting.set(id, until);
  }

  #ended(): GatheringStep {
    return { kind: this.#waiting.size === 0 ? 'done' : 'wait' };
  }

  #time(now: number): GatheringStep {
    if (this.#waiting.size === 0) return { kind: 'done' };
    if (this.#isAsking || now < this.#timeoutAt) return { kind: 'wait' };
    if (this.#mayRun) {
      this.#isAsking = true;
      return { kind: 'ask', ids: [...this.#waiting.keys()] };
    }
    for (const until of this.#waiting.values()) if (now < until) return { kind: 'wait' };
    return { kind: 'done' };
  }

  /** Whether all have answered. */
  get isComplete(): boolean {
    return this.#waiting.size === 0;
  }
}
