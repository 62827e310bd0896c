/**
 * What a minion tells its master when it has signed in, as real minions do (3006.30, 3007.17, 3008.5).
 */
import type { MinionSettings } from '../../config/index.ts';

/** The request for the pillar; the grains in it are what the master keeps of this minion. */
export function pillarLoad(
  settings: Pick<MinionSettings, 'id' | 'saltenv' | 'pillarenv'>,
  grains: ReadonlyMap<string, unknown>,
): ReadonlyMap<string, unknown> {
  return new Map<string, unknown>([
    ['id', settings.id],
    ['grains', grains],
    ['saltenv', settings.saltenv],
    ['pillarenv', settings.pillarenv],
    ['pillar_override', new Map()],
    ['extra_minion_data', new Map()],
    ['ver', '2'],
    ['cmd', '_pillar'],
  ]);
}

/** The events of the start, in their order. */
export function startEvents(
  settings: Pick<MinionSettings, 'id' | 'startEventGrains' | 'hasLegacyStartEvent'>,
  grains: ReadonlyMap<string, unknown>,
  now: Date,
): readonly ReadonlyMap<string, unknown>[] {
  const { id, startEventGrains } = settings;
  const tags = [`salt/minion/${id}/start`];
  if (settings.hasLegacyStartEvent) tags.unshift('minion_start');
  return tags.map((tag) => {
    const load = new Map<string, unknown>([
      ['cmd', '_minion_event'],
      ['pretag', null],
      ['data', `Minion ${id} started at ${ascTime(now)}`],
      ['tag', tag],
    ]);
    if (startEventGrains.length > 0) {
      const chosen = [...grains].filter(([name]) => startEventGrains.includes(name));
      load.set('grains', new Map(chosen));
    }
    return load;
  });
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A local time as C's `asctime` writes it: `Wed Nov 25 15:23:45 2026`. */
export function ascTime(now: Date): string {
  const two = (value: number, fill: string): string => String(value).padStart(2, fill);
  const clock = [now.getHours(), now.getMinutes(), now.getSeconds()].map((part) => two(part, '0')).join(':');
  return `${DAYS[now.getDay()] ?? ''} ${MONTHS[now.getMonth()] ?? ''} ${two(now.getDate(), ' ')} ${clock} ${now.getFullYear()}`;
}
