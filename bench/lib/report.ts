/** One measured figure: rounds of each contender in turn, their medians and spread, and the ratio to the peer. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** Contender to its rounds. Those that begin with `saltbus` are ours; a peer is compared with the last of ours before it. */
  readonly rounds: Readonly<Record<string, readonly number[]>>;
  /** For times. @defaultValue false */
  readonly smallerIsBetter?: boolean;
}

/** The middle of a list. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The value below which so many percent of a list are. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = ((sorted.length - 1) * share) / 100;
  const below = sorted[Math.floor(at)] ?? NaN;
  return below + ((sorted[Math.ceil(at)] ?? NaN) - below) * (at - Math.floor(at));
}

/** Measures each contender once, then each once more, and so on: a machine that changes its speed changes it for all. */
export async function inTurn(
  contenders: Readonly<Record<string, () => Promise<number>>>,
  times: number,
): Promise<Record<string, number[]>> {
  const rounds: Record<string, number[]> = {};
  for (let turn = 0; turn < times; turn += 1) {
    for (const [name, measure] of Object.entries(contenders)) (rounds[name] ??= []).push(await measure());
  }
  return rounds;
}

/** A figure as it is shown: whole with commas, or three digits. */
export function show(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

/** One contender of a figure. */
export interface Contender {
  readonly name: string;
  readonly values: readonly number[];
  readonly middle: number;
  /** How many times better the last of ours before it is; `undefined` for ours. */
  readonly ratio: number | undefined;
}

/** The contenders of a figure, in order, each peer compared with the last of ours before it. */
export function contendersOf({ rounds, smallerIsBetter = false }: Figure): readonly Contender[] {
  let ours = NaN;
  return Object.entries(rounds).map(([name, values]) => {
    const middle = median(values);
    if (!name.startsWith('saltbus'))
      return { name, values, middle, ratio: smallerIsBetter ? middle / ours : ours / middle };
    ours = middle;
    return { name, values, middle, ratio: undefined };
  });
}

/** Prints a figure: a line for each contender, with the ratio of ours to it. */
export function printFigure(figure: Figure): void {
  console.log(figure.name);
  for (const { name, values, middle, ratio } of contendersOf(figure)) {
    const spread =
      values.length < 2 ? '' : `  (${show(Math.min(...values))} to ${show(Math.max(...values))})`;
    const times = ratio === undefined ? '' : `   ours is ${show(ratio)} x`;
    console.log(`  ${name.padEnd(28)} ${show(middle).padStart(10)} ${figure.unit}${spread}${times}`);
  }
}
