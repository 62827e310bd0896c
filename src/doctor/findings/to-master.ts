import { DENIED_GLOBS } from '../../dialect/tag-rules.ts';
import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';

/** What has to be known by who forwards events to the master: it is nowhere to be seen when they are dropped. */
export function toMasterFinding(subject: Subject): Finding | undefined {
  if (subject.node !== 'minion') return undefined;
  return finding(
    `${subject.key}.to-master`,
    'unknown',
    'whether events reach the master cannot be seen from here',
    [
      'A minion does not tell its local programs whether it is signed in to its master, nor whether an event got there.',
      `Masters since 3006.12 and 3007.4 drop what minions send under ${DENIED_GLOBS.join(', ')}; saltbus fire --to-master refuses these.`,
    ],
    'To see it: saltbus listen on the master, and saltbus fire mytag --to-master here.',
  );
}
