/**
 * All functions that a minion can run. What is not in the table is not available, whatever it is called.
 */
import { eventFunctions } from './event.ts';
import type { MinionFunction } from './function.ts';
import { grainsFunctions } from './grains.ts';
import { pillarFunctions } from './pillar.ts';
import { saltutilFunctions } from './saltutil.ts';
import { sysFunctions } from './sys.ts';
import { testFunctions } from './test.ts';

/** The functions by name. */
export const MINION_FUNCTIONS: ReadonlyMap<string, MinionFunction> = new Map(
  [
    ...eventFunctions,
    ...grainsFunctions,
    ...pillarFunctions,
    ...saltutilFunctions,
    ...sysFunctions,
    ...testFunctions,
  ].map((each) => [each.name, each]),
);
