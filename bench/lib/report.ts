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

function show(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

/** Prints a figure: a line for each contender, with the ratio of ours to it. */
export function printFigure({ name, unit, rounds, smallerIsBetter = false }: Figure): void {
  console.log(name);
  let ours = NaN;
  for (const [contender, values] of Object.entries(rounds)) {
    const middle = median(values);
    if (contender.startsWith('saltbus')) ours = middle;
    const spread =
      values.length < 2 ? '' : `  (${show(Math.min(...values))} to ${show(Math.max(...values))})`;
    const times = smallerIsBetter ? middle / ours : ours / middle;
    const ratio = contender.startsWith('saltbus') ? '' : `   ours is ${show(times)} x`;
    console.log(`  ${contender.padEnd(28)} ${show(middle).padStart(10)} ${unit}${spread}${ratio}`);
  }
}
