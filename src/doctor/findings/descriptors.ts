import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { DoctorSystem } from '../system.ts';

const FEW = 256;

/** How many files and sockets a program of this user may have open. */
export function descriptorsFinding(system: DoctorSystem): Finding {
  let text: string | undefined;
  try {
    text = system.readFile('/proc/self/limits');
  } catch {
    text = undefined;
  }
  const match = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(text ?? '');
  if (match === null) return finding('descriptors', 'unknown', 'the limit of open files is not known here');
  const [, , hard = 'unlimited'] = match;
  if (hard !== 'unlimited' && Number(hard) < FEW) {
    return finding(
      'descriptors',
      'warning',
      `a program of this user may open ${hard} files and sockets`,
      'Each listener on a bus of saltbus takes one in the process that serves it.',
      'Raise it: LimitNOFILE= in the unit, or ulimit -n.',
    );
  }
  return finding('descriptors', 'ok', `a program of this user may open ${hard} files and sockets`);
}
