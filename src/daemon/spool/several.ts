/**
 * The spools of a minion with several masters, as one: each event goes into all of them.
 */
import { SaltbusError } from '../../errors.ts';
import type { ControlHandlers, Figures, FireReply, SpoolItem } from '../../control/index.ts';

/** Handlers for all spools; those of the only one, where there is one. */
export function severalSpools(each: readonly ControlHandlers[], status: () => Figures): ControlHandlers {
  const [only] = each;
  if (only !== undefined && each.length === 1) return { ...only, status };
  return {
    fire: (request, reply) => {
      const answer = new AllOf(reply, each.length);
      for (const handlers of each) handlers.fire(request, answer.one());
    },
    'spool.list': async (request) => {
      const lists = await all(each, (handlers) => handlers['spool.list'](request));
      return {
        items: lists.flatMap(({ items }) => items).slice(0, request.most),
        depth: lists.reduce((sum, { depth }) => sum + depth, 0),
      };
    },
    'spool.show': async (request) => {
      const lists = await all(each, (handlers) => handlers['spool.show'](request));
      return { items: lists.flatMap(({ items }): readonly SpoolItem[] => items) };
    },
    'spool.drop': async (request) => {
      const lists = await all(each, (handlers) => handlers['spool.drop'](request));
      return { dropped: [...new Set(lists.flatMap(({ dropped }) => dropped))] };
    },
    'spool.flush': async (request) => {
      const answers = await all(each, (handlers) => handlers['spool.flush'](request));
      return { waiting: answers.reduce((sum, { waiting }) => sum + waiting, 0) };
    },
    'spool.stats': async (request) => sumOf(await all(each, (handlers) => handlers['spool.stats'](request))),
    status,
  };
}

function all<Answer>(
  each: readonly ControlHandlers[],
  ask: (handlers: ControlHandlers) => Answer | Promise<Answer>,
): Promise<Answer[]> {
  return Promise.all(each.map(async (handlers) => await ask(handlers)));
}

/** The sum of figures; of ages the greatest. */
export function sumOf(all: readonly Figures[]): Figures {
  const [first = {}, ...others] = all;
  const sum: Record<string, Figures[string]> = { ...first };
  for (const figures of others)
    for (const [name, value] of Object.entries(figures)) {
      const before = sum[name];
      if (typeof value === 'number' && typeof before === 'number') sum[name] = added(name, before, value);
      else if (Array.isArray(value) && Array.isArray(before))
        sum[name] = (before as Row[]).map((row, at) => sumOfRows(row, (value as Row[])[at] ?? {}));
    }
  return sum;
}

type Row = Readonly<Record<string, number>>;

function added(name: string, one: number, other: number): number {
  return name === 'oldestMs' || name === 'priority' ? Math.max(one, other) : one + other;
}

function sumOfRows(one: Row, other: Row): Row {
  return Object.fromEntries(
    Object.entries(one).map(([name, value]) => [name, added(name, value, other[name] ?? 0)]),
  );
}

type How = Parameters<FireReply['left']>[0];

/** One answer for an event that went into several spools: the worst of theirs. */
class AllOf {
  readonly #reply: FireReply;
  readonly #count: number;
  #kept = 0;
  #refused: SaltbusError | undefined;
  #refusals = 0;
  #left = 0;
  #worst: How = 'sent';

  constructor(reply: FireReply, count: number) {
    this.#reply = reply;
    this.#count = count;
  }

  /** The receipt for one of them. */
  one(): FireReply {
    let isKept = false;
    const keep = (): void => {
      if (isKept) return;
      isKept = true;
      this.#kept += 1;
      this.#check();
    };
    return {
      lane: this.#reply.lane,
      follows: this.#reply.follows,
      spooled: keep,
      refused: (error) => {
        this.#refused ??= error;
        this.#refusals += 1;
        this.#check();
      },
      left: (how) => {
        keep();
        if (how !== 'sent') this.#worst = how;
        this.#left += 1;
        if (this.#left === this.#count) this.#reply.left(this.#worst);
      },
    };
  }

  #check(): void {
    if (this.#kept + this.#refusals < this.#count) return;
    const { code, message } = this.#refused ?? {};
    if (code === undefined) this.#reply.spooled();
    else
      this.#reply.refused(
        new SaltbusError(
          code,
          `For ${this.#refusals} of ${this.#count} masters it was not kept: ${message ?? ''}`,
        ),
      );
  }
}
