import { dirname } from 'node:path';
import { howToGetIn, ownerText } from '../access.ts';
import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';
import type { DoctorSystem } from '../system.ts';
import { absence } from './absence.ts';

const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/** The directories on the way to the sockets: whether they are there, let this user pass, and are nobody else's to change. */
export function directoryFinding(subject: Subject, system: DoctorSystem): Finding | undefined {
  const { location, address, key, name } = subject;
  if (location?.pub.kind !== 'unix') return undefined;
  const id = `${key}.directory`;
  const directory = dirname(location.pub.path);
  const note = address?.sockDir.note === undefined ? '' : `${address.sockDir.note}.`;
  const loose: string[] = [];
  for (const step of stepsTo(directory)) {
    const seen = system.look(step);
    if (seen === undefined) {
      return absence(subject, id, `${step} does not exist`, [
        note,
        `The ${name} has never run with sockets in ${directory}, or its sock_dir is another.`,
      ]);
    }
    if (seen === 'denied') continue; // the directory above it did not let us look, and is told below
    if (seen.kind !== 'directory') {
      return finding(
        id,
        'error',
        `${step} is no directory`,
        `The sockets of the ${name} are to be in ${directory}.`,
        `Look what ${step} is, and move it away if nothing needs it.`,
      );
    }
    if (!system.mayEnter(step)) {
      return finding(
        id,
        'error',
        `this user (${system.account.name}) may not enter ${step}`,
        [note, `It has ${ownerText(seen, system)}. What is in it cannot be seen.`],
        howToGetIn(seen, system),
      );
    }
    if ((seen.mode & OTHERS_WRITE) !== 0 && (seen.mode & STICKY) === 0) {
      loose.push(`${step} (${ownerText(seen, system)})`);
    }
  }
  const [first] = loose;
  if (first !== undefined) {
    return finding(
      id,
      'warning',
      `every user of this host may replace the sockets of the ${name}`,
      [note, `Everybody may write to ${loose.join(' and ')}.`],
      `Take that right away: chmod o-w ${first.split(' (')[0] ?? ''}`,
    );
  }
  return finding(id, 'ok', `the directory of the sockets is ${directory}`, note);
}

// `/a/b` is `/`, `/a`, `/a/b`.
function stepsTo(directory: string): readonly string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [...stepsTo(parent), directory];
}
