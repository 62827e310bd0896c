/**
 * Whether our own settings are spelled as the table has them: a setting that nobody reads is a mistake, and not silent.
 */
import { SaltbusError } from '../../errors.ts';
import type { ConfiguredValues } from '../configured.ts';
import { OUR_KEY, OUR_OPTIONS } from './ours.ts';
import { placeBefore, unfit } from './read.ts';

/** An error for each setting below `saltbus` that this node does not have. */
export function settingFaults(config: ConfiguredValues): readonly SaltbusError[] {
  const faults: SaltbusError[] = [];
  const whole = config.values.get(OUR_KEY);
  // A map was taken apart when the file was read; what is left is none.
  if (whole?.value !== undefined && whole.value !== null) faults.push(unfit(whole, OUR_KEY, 'a map'));
  for (const [name, configured] of config.values) {
    if (!name.startsWith(`${OUR_KEY}.`)) continue;
    const place = placeBefore(configured);
    const known = OUR_OPTIONS.filter((entry) => entry.name === name);
    if (known.some(({ only }) => only === undefined || only === config.node)) continue;
    const [other] = known;
    faults.push(
      other === undefined
        ? new SaltbusError('ERR_SALTBUS_CONFIG', `${place}${name} is no setting of saltbus`, {
            next: `Did you mean ${nearest(name, config)}? docs/configuration.md lists them all.`,
          })
        : new SaltbusError('ERR_SALTBUS_CONFIG', `${place}${name} is a setting of a ${String(other.only)}`, {
            next: `Move it to the file of the ${String(other.only)}, or take it out.`,
          }),
    );
  }
  return faults;
}

/**
 * Refuses a configuration with a setting of ours that is not known.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key, and the nearest that is known
 */
export function checkOwnSettings(config: ConfiguredValues): void {
  const [first] = settingFaults(config);
  if (first !== undefined) throw first;
}

function nearest(name: string, { node }: ConfiguredValues): string {
  let best = { name: '', away: Infinity };
  for (const { name: known, only } of OUR_OPTIONS) {
    if (only !== undefined && only !== node) continue;
    const away = editDistance(name.slice(0, MOST_COMPARED), known);
    if (away < best.away) best = { name: known, away };
  }
  return best.name;
}

const MOST_COMPARED = 64;

// How many letters have to be put in, taken out or changed.
function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row += 1) {
    const here = [row];
    for (let at = 1; at <= to.length; at += 1) {
      const same = from[row - 1] === to[at - 1] ? 0 : 1;
      here.push(Math.min((above[at] ?? 0) + 1, (here[at - 1] ?? 0) + 1, (above[at - 1] ?? 0) + same));
    }
    above = here;
  }
  return above[to.length] ?? 0;
}
