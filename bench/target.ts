/** Resolving targets for 10 000 minions, and for a tenth of them, which shows that it is linear. */
import { compileTarget, resolveTarget } from '../src/target/index.ts';
import type { MinionFacts } from '../src/target/index.ts';
import { inTurn } from './lib/report.ts';
import type { Figure } from './lib/report.ts';

const MANY = 10_000;
const COMPOUND = '( G@os:Debian and G@roles:web ) or S@10.3.0.0/16 and not E@db\\d+7[.]';

function minionsOf(count: number): MinionFacts[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${index % 3 === 0 ? 'web' : 'db'}${index}.example.com`,
    grains: new Map<string, unknown>([
      ['os', index % 2 === 0 ? 'Debian' : 'RedHat'],
      ['osmajorrelease', index % 13],
      ['roles', ['base', index % 3 === 0 ? 'web' : 'db']],
      ['ipv4', ['127.0.0.1', `10.${index >> 8}.${index & 255}.1`]],
      ['mem', new Map([['total', 1024 * (index % 7)]])],
    ]),
  }));
}

/** Measures the figure. */
export async function target(short: boolean): Promise<Figure> {
  const many = minionsOf(MANY);
  const few = minionsOf(MANY / 10);
  const all = many.map(({ id }) => id);
  const rate = (minions: readonly MinionFacts[], tgt: unknown, tgtType: string) => (): Promise<number> => {
    const begun = performance.now();
    const compiled = compileTarget({ tgt, tgtType });
    let count = 0;
    for (; performance.now() - begun < (short ? 50 : 300); count += minions.length) {
      resolveTarget(compiled, minions);
    }
    return Promise.resolve((count / (performance.now() - begun)) * 1000);
  };
  return {
    name: `resolving a target for ${MANY} minions`,
    unit: 'minions/s',
    rounds: await inTurn(
      {
        'saltbus, compound of four': rate(many, COMPOUND, 'compound'),
        'saltbus, the same, a tenth': rate(few, COMPOUND, 'compound'),
        'saltbus, list of all': rate(many, all, 'list'),
        'saltbus, grain': rate(many, 'os:Deb*', 'grain'),
        'saltbus, any grain': rate(many, '*:web', 'grain'),
        'saltbus, network': rate(many, '10.0.0.0/12', 'ipcidr'),
      },
      short ? 1 : 5,
    ),
  };
}
