import { SaltbusError } from '../../errors.ts';
import { endpointName } from '../../transport/endpoint.ts';
import type { Endpoint } from '../../transport/endpoint.ts';
import { howToGetIn, ownerText } from '../access.ts';
import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';
import type { DoctorSystem } from '../system.ts';
import { absence } from './absence.ts';

/** Whether this user can connect to each of the two sockets. */
export interface Connection {
  readonly findings: readonly Finding[];
  readonly canListen: boolean;
  readonly canFire: boolean;
}

/** Connects to both sockets and closes again. */
export async function connectionFindings(
  subject: Subject,
  system: DoctorSystem,
  signal: AbortSignal,
): Promise<Connection> {
  const { location } = subject;
  if (location === undefined) return { findings: [], canListen: false, canFire: false };
  const [pub, pull] = await Promise.all([
    attempt(location.pub, system, signal),
    attempt(location.pull, system, signal),
  ]);
  // The same words twice would say nothing more.
  if (pub?.code === 'ERR_SALTBUS_NO_BUS' && pull?.code === 'ERR_SALTBUS_NO_BUS') {
    return { findings: [nobody(subject)], canListen: false, canFire: false };
  }
  return {
    findings: [
      one(subject, system, 'listen', location.pub, pub),
      one(subject, system, 'fire', location.pull, pull, pub === undefined),
    ],
    canListen: pub === undefined,
    canFire: pull === undefined,
  };
}

function nobody(subject: Subject): Finding {
  const { location, key, name, node, asked } = subject;
  const id = `${key}.connect`;
  if (location?.pub.kind !== 'unix') {
    return absence(subject, id, 'nobody listens on its ports', []);
  }
  return finding(
    id,
    asked ? 'error' : 'warning',
    `the ${name} is not running, and has left its sockets behind`,
    `Nobody listens on ${location.pub.path}. The files stay when a daemon of Salt stops, and mean nothing.`,
    `Start it (systemctl start salt-${node}, or saltbus ${node}). It replaces them.`,
  );
}

async function attempt(
  endpoint: Endpoint,
  system: DoctorSystem,
  signal: AbortSignal,
): Promise<SaltbusError | undefined> {
  try {
    await system.reach(endpoint, signal);
    return undefined;
  } catch (error) {
    if (error instanceof SaltbusError) return error;
    throw error;
  }
}

function one(
  subject: Subject,
  system: DoctorSystem,
  verb: 'listen' | 'fire',
  endpoint: Endpoint,
  error: SaltbusError | undefined,
  otherWorks = false,
): Finding {
  const id = `${subject.key}.${verb}`;
  const where = endpointName(endpoint);
  const what = verb === 'listen' ? 'listen to' : 'fire on';
  if (error === undefined) {
    return finding(id, 'ok', `this user (${system.account.name}) can connect to ${verb}`, `To ${where}.`);
  }
  if (error.code === 'ERR_SALTBUS_ABORTED') {
    return finding(
      id,
      'error',
      `connecting to ${where} takes for ever`,
      'The queue of connections of the daemon is full: it no longer accepts any.',
      `Restart the daemon: systemctl restart salt-${subject.node} (ours: saltbus-${subject.node})`,
    );
  }
  if (error.code !== 'ERR_SALTBUS_PERMISSION' || endpoint.kind !== 'unix') {
    return finding(
      id,
      'error',
      `one cannot ${what} the ${subject.name} bus`,
      `${error.message}.`,
      error.next,
    );
  }
  const file = system.look(endpoint.path);
  const known = typeof file === 'object';
  // Salt lets others read a master's bus and never lets them write: that is as it is meant to be.
  return finding(
    id,
    otherWorks ? 'warning' : 'error',
    `this user (${system.account.name}) may not ${what} the ${subject.name} bus`,
    known ? `${where} has ${ownerText(file, system)}.` : `${error.message}.`,
    known ? howToGetIn(file, system) : error.next,
  );
}
