import { traitsOfRelease } from '../../dialect/releases.ts';
import type { Exchange } from '../exchange.ts';
import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';
import type { DoctorSystem, SaltOnDisk } from '../system.ts';
import { isOurBroker } from './dialect.ts';

const ID = 'salt.version';

/** A bus that was reached, and what was seen on it. */
export interface SeenBus {
  readonly subject: Subject;
  readonly exchange: Exchange | undefined;
}

/** The installed Salt, and whether the daemons that run can be of that release. */
export function installedSaltFinding(
  salt: SaltOnDisk | 'silent' | undefined,
  seen: readonly SeenBus[],
  system: DoctorSystem,
): Finding {
  if (salt === 'silent') {
    return finding(ID, 'unknown', 'the installed Salt did not say its version in time');
  }
  if (salt === undefined) {
    return finding(
      ID,
      'unknown',
      'no installed Salt was found',
      'There is no salt-minion, salt-master or salt-call on the PATH nor in /opt/saltstack/salt. A daemon from elsewhere may run all the same.',
    );
  }
  const traits = traitsOfRelease(salt.version);
  if (traits === undefined) {
    return finding(
      ID,
      'warning',
      `Salt ${salt.version} is installed, and is not known here`,
      `${salt.command} says so. What it speaks has to be found out by a probe.`,
    );
  }
  // Our own bus speaks what it was told to, whatever is installed.
  const real = seen.filter(({ subject }) => !isOurBroker(subject, system));
  for (const { subject, exchange } of real) {
    const { pubSeen } = exchange ?? {};
    // What --dialect said, or what follows from the other socket, is no evidence.
    const pull = ['probe', 'memory'].includes(exchange?.pull?.how ?? '')
      ? exchange?.pull?.framing
      : undefined;
    const { dialect } = traits;
    if ((pubSeen !== undefined && pubSeen !== dialect.pub) || (pull !== undefined && pull !== dialect.pull)) {
      return finding(
        ID,
        'warning',
        `Salt ${salt.version} is installed, and the running ${subject.name} speaks another dialect`,
        [
          `Salt ${salt.version} has listeners read ${dialect.pub} and takes ${dialect.pull};`,
          `seen: read ${pubSeen ?? 'unknown'}, takes ${pull ?? 'unknown'}.`,
          'The daemon was started before Salt was upgraded, or is another Salt.',
        ],
        `Restart the daemon: systemctl restart salt-${subject.node}`,
      );
    }
  }
  const older = real.find(({ subject }) => isOlder(subject, salt, system));
  if (older !== undefined) {
    return finding(
      ID,
      'warning',
      `Salt ${salt.version} was installed after the ${older.subject.name} was started`,
      'The sockets are older than the installed command: the running daemon may be of an earlier release.',
      `Restart the daemon when it suits: systemctl restart salt-${older.subject.node}`,
    );
  }
  const fits = real.some(({ exchange }) => exchange?.pubSeen !== undefined || exchange?.pull !== undefined);
  return finding(
    ID,
    'ok',
    `Salt ${salt.version} is installed${fits ? ', and what was seen on the bus fits' : ''}`,
    `${salt.command} says so.`,
  );
}

function isOlder({ location }: Subject, salt: SaltOnDisk, system: DoctorSystem): boolean {
  if (location?.pub.kind !== 'unix' || salt.changedAt === undefined) return false;
  const socket = system.look(location.pub.path);
  return typeof socket === 'object' && socket.kind === 'socket' && socket.changedAt < salt.changedAt;
}
