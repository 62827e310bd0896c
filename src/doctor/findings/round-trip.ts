import type { DialectChoice } from '../../dialect/choice.ts';
import type { Exchange } from '../exchange.ts';
import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';

// The slowest real release needs 2 ms on two cores; what takes a hundred times as long is in trouble.
const SLOW_MS = 250;

/** Whether an event that is fired comes back to a listener, and how long that takes. */
export function roundTripFinding(subject: Subject, seen: Exchange, choice: DialectChoice): Finding {
  const id = `${subject.key}.round-trip`;
  const { roundTripMs, error } = seen;
  if (roundTripMs !== undefined) {
    const time = `${roundTripMs < 10 ? roundTripMs.toFixed(1) : Math.round(roundTripMs)} ms`;
    if (roundTripMs < SLOW_MS)
      return finding(id, 'ok', `an event made the round trip over the ${subject.name} bus in ${time}`);
    return finding(
      id,
      'warning',
      `an event took ${time} over the ${subject.name} bus`,
      'A healthy bus needs a few milliseconds: the host or the daemon is busy, or a listener does not read.',
      'Look at the load of the host, and for programs that listen and hang.',
    );
  }
  const forced = choice.pub !== undefined || choice.pull !== undefined;
  return finding(
    id,
    'error',
    `an event that was fired on the ${subject.name} bus did not come back`,
    [
      error === undefined ? '' : `${error.message}.`,
      forced
        ? 'The dialect was said with --dialect; the wrong one loses every event without a word.'
        : 'The daemon hangs, or one listener that does not read stalls the bus (Salt 3007.0 to 3007.14, 3008.0, 3008.1).',
    ].filter((part) => part !== ''),
    forced
      ? 'Leave --dialect out: it is found out by itself.'
      : `Restart the daemon (systemctl restart salt-${subject.node}; ours: saltbus-${subject.node}), and look for programs that listen and hang.`,
  );
}
