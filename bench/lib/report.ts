/** One measured figure: rounds of each contender in turn, their medians and spread, and the ratio to the peer. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** Contender to its rounds. The first is ours. */
  readonly rounds: Readonly<Record<string, readonly number[]>>;
}

/** The middle of a list. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

function show(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

/** Prints a figure: a line for each contender, with the ratio of ours to it. */
export function printFigure({ name, unit, rounds }: Figure): void {
  console.log(name);
  const contenders = Object.entries(rounds);
  const ours = median(contenders[0]?.[1] ?? []);
  for (const [contender, values] of contenders) {
    const middle = median(values);
    const spread = `${show(Math.min(...values))} to ${show(Math.max(...values))}`;
    const ratio = middle === ours ? '' : `   ours is ${show(ours / middle)} x`;
    console.log(`  ${contender.padEnd(28)} ${show(middle).padStart(10)} ${unit}  (${spread})${ratio}`);
  }
}
