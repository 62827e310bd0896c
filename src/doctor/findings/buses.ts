import { endpointName } from '../../transport/endpoint.ts';
import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';

/** Which buses are there, and which one commands take by themselves. */
export function busesFinding(reached: readonly Subject[], examined: readonly Subject[]): Finding {
  const place = (subject: Subject): string =>
    `${subject.name} (${subject.location === undefined ? '?' : endpointName(subject.location.pub)})`;
  const [first, ...others] = reached;
  if (first === undefined) {
    const places = examined.filter(({ location }) => location !== undefined).map(place);
    return finding(
      'buses',
      'error',
      'no event bus can be used',
      places.length === 0 ? '' : `Looked for: ${places.join(', ')}.`,
      'See the errors and warnings of each bus; to serve one of your own: saltbus bus',
    );
  }
  if (others.length === 0) return finding('buses', 'ok', `one bus is there: ${place(first)}`);
  return finding(
    'buses',
    'ok',
    `${reached.length} buses are there: ${reached.map(({ name }) => name).join(', ')}`,
    `Without --node, commands take the ${place(first)}.`,
  );
}
