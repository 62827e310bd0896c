import { announcementPath, parseAnnouncement } from '../../dialect/announcement.ts';
import type { DialectChoice } from '../../dialect/choice.ts';
import type { Exchange } from '../exchange.ts';
import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';
import type { DoctorSystem } from '../system.ts';

const HOW: ReadonlyMap<string, string> = new Map([
  ['option', 'as --dialect says'],
  ['publish socket', 'since the publish socket is prefixed, and then both are in every release'],
  ['memory', 'remembered from an earlier probe of this socket'],
  ['probe', 'a probe in this form came back'],
]);

/** What is spoken in each direction, and how that is known. */
export function dialectFinding(
  subject: Subject,
  system: DoctorSystem,
  seen: Exchange,
  choice: DialectChoice,
): Finding {
  const id = `${subject.key}.dialect`;
  const { pubSeen, pull } = seen;
  if (pubSeen === 'neither') {
    return finding(
      id,
      'error',
      `what comes from the publish socket of the ${subject.name} is no event bus`,
      'Its first byte begins neither a frame nor a length.',
      'Look who listens on that socket.',
    );
  }
  if (choice.pub !== undefined && pubSeen !== undefined && pubSeen !== choice.pub) {
    return finding(
      id,
      'error',
      `the ${subject.name} speaks ${pubSeen} to listeners, and --dialect says ${choice.pub}`,
      'With the wrong dialect no event is understood.',
      'Leave --dialect out: it is found out by itself.',
    );
  }
  const own = isOurBroker(subject, system);
  const reading =
    pubSeen === undefined
      ? 'listeners: unknown (no event came)'
      : `listeners read ${pubSeen} (by the first byte)`;
  let writing = 'firing programs: unknown';
  if (own) writing = 'firing programs may write either (it is a bus of saltbus, which says so in a file)';
  else if (pull !== undefined)
    writing = `firing programs write ${pull.framing} (${HOW.get(pull.how) ?? pull.how})`;
  const isKnown = pubSeen !== undefined && (own || pull !== undefined);
  return finding(
    id,
    isKnown ? 'ok' : 'unknown',
    isKnown
      ? `the dialect of the ${subject.name} is ${nameOf(pubSeen, own ? undefined : pull?.framing)}`
      : `the dialect of the ${subject.name} is not known`,
    `${reading}; ${writing}.`,
  );
}

function nameOf(pub: string, pull: string | undefined): string {
  if (pull === undefined || pub === pull) return pub;
  return pub === 'bare' ? 'prefixed-pull' : `${pub} to listeners and ${pull} from firing programs`;
}

/** Whether the bus is served by saltbus itself. */
export function isOurBroker({ location }: Subject, system: DoctorSystem): boolean {
  if (location?.pull.kind !== 'unix') return false;
  const { path } = location.pull;
  const socket = system.look(path);
  try {
    const announcement = parseAnnouncement(system.readFile(announcementPath(path)) ?? '');
    return typeof socket === 'object' && announcement?.inode === socket.inode;
  } catch {
    return false;
  }
}
