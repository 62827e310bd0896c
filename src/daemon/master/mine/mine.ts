/**
 * The mine: what minions leave with the master for other minions.
 */
import type { ExactValue } from '../../../codec/msgpack/values.ts';
import { compileRegex } from '../../../match/regex.ts';
import { isList, isMap, isTruthy, textField } from '../load.ts';
import type { Load } from '../load.ts';
import type { MinionMaps } from '../pillar/minion-maps.ts';

/** The ids that a target stands for, among the minions that the master knows. */
export type ResolveTarget = (target: ExactValue, targetType: string) => Iterable<string>;

/** What a mine is made of. */
export interface MineOptions {
  readonly store: MinionMaps;
  readonly resolve: ResolveTarget;
  /** `mine_get`: regular expression of an id to those of the functions that it may read. @defaultValue everybody, everything */
  readonly access?: ReadonlyMap<string, readonly string[]>;
}

// What a minion wraps a value in when it says who may read it (Salt 3000 and later).
const ACL_MARK = '__saltmine_acl__';
const ACL_DATA = '__data__';

const MOST_FUNCTIONS = 1000;

/** Answers the commands of the mine. */
export class Mine {
  readonly #store: MinionMaps;
  readonly #resolve: ResolveTarget;
  readonly #mayRead: (id: string, fun: string) => boolean;

  /** @throws SaltbusError `ERR_SALTBUS_PATTERN` for an expression of `access` that is none */
  constructor({ store, resolve, access }: MineOptions) {
    this.#store = store;
    this.#resolve = resolve;
    this.#mayRead = compileAccess(access);
  }

  /** `_mine`: lays new values over the old ones, or (`clear`) in their place; false when they are too large. */
  update(load: Load, sender: string): ExactValue {
    const data = load.get('data');
    if (!isMap(data)) return false;
    const before = isTruthy(load.get('clear')) ? undefined : this.#store.get(sender);
    return this.#store.set(sender, new Map([...(before ?? []), ...data]));
  }

  /** `_mine_get`: id to value for one function, function to id to value for several. */
  get(load: Load, sender: string): ExactValue {
    const fun = load.get('fun');
    const target = load.get('tgt');
    const functions = functionsOf(fun);
    if (functions === undefined || target === undefined) return new Map();
    const isNested = isList(fun) || functions.length > 1;
    const allowed = functions.filter((name) => this.#mayRead(sender, name));
    const found = new Map<ExactValue, Map<ExactValue, ExactValue>>();
    const readers = new Map<string, ReadonlySet<string>>();
    if (allowed.length === 0) return found;
    for (const id of this.#resolve(target, targetType(load))) {
      const mine = this.#store.get(id);
      if (mine === undefined) continue;
      for (const name of allowed) {
        const entry = mine.get(name);
        if (entry === undefined || !this.#isReader(entry, sender, readers)) continue;
        const byId = found.get(name) ?? new Map<ExactValue, ExactValue>();
        found.set(name, byId.set(id, valueOf(entry)));
      }
    }
    if (isNested) return found;
    const [only] = found.values();
    return only ?? new Map();
  }

  /** `_mine_delete`: removes one function. */
  deleteFunction(load: Load, sender: string): ExactValue {
    const fun = textField(load, 'fun');
    if (fun === undefined) return false;
    const mine = new Map(this.#store.get(sender));
    if (mine.delete(fun)) this.#store.set(sender, mine);
    return true;
  }

  /** `_mine_flush`: removes everything; false when there was nothing, as in Salt. */
  flush(sender: string): ExactValue {
    return this.#store.delete(sender);
  }

  // as in Salt, who names readers that do not exist lets nobody read, and who names none everybody
  #isReader(entry: ExactValue, sender: string, known: Map<string, ReadonlySet<string>>): boolean {
    if (!isMap(entry) || !entry.has(ACL_MARK)) return true;
    const target = entry.get('allow_tgt');
    if (target === undefined) return true;
    const type = textField(entry, 'allow_tgt_type') ?? 'glob';
    const key = JSON.stringify([type, isList(target) || typeof target === 'string' ? target : '']);
    let readers = known.get(key);
    if (readers === undefined) {
      readers = new Set(this.#resolve(target, type));
      known.set(key, readers);
    }
    return readers.has(sender);
  }
}

function valueOf(entry: ExactValue): ExactValue {
  return isMap(entry) && entry.has(ACL_MARK) ? (entry.get(ACL_DATA) ?? null) : entry;
}

function functionsOf(fun: ExactValue | undefined): string[] | undefined {
  const names = typeof fun === 'string' ? fun.split(',') : fun;
  if (!isList(names) || names.length > MOST_FUNCTIONS) return undefined;
  return [...new Set(names.filter((name) => typeof name === 'string'))];
}

// Secrets of other minions must not be guessed by wildcards, so pillar is matched exactly here (all releases).
function targetType(load: Load): string {
  const type = (textField(load, 'tgt_type') ?? textField(load, 'expr_form') ?? 'glob').toLowerCase();
  if (type === 'pillar') return 'pillar_exact';
  return type === 'compound' ? 'compound_pillar_exact' : type;
}

function compileAccess(access: MineOptions['access']): (id: string, fun: string) => boolean {
  if (access === undefined) return () => true;
  const rules = [...access].map(([id, functions]) => ({
    id: startsWith(id),
    functions: functions.map(startsWith),
  }));
  return (id, fun) => rules.some((rule) => rule.id(id) && rule.functions.some((test) => test(fun)));
}

// Python's match: every branch begins at the start.
function startsWith(pattern: string): (text: string) => boolean {
  return compileRegex(`(?:${pattern})`).test;
}
