import { basename } from 'node:path';
import { idHash } from '../../config/index.ts';
import { endpointName } from '../../transport/endpoint.ts';
import { ownerText, whoMayConnect } from '../access.ts';
import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';
import type { DoctorSystem, FileFacts } from '../system.ts';
import { absence } from './absence.ts';

const OTHERS_WRITE = 0o002;

/** The two socket files: whether they are there and are sockets, whose they are, and who may use them. */
export function socketsFinding(subject: Subject, system: DoctorSystem): Finding | undefined {
  const { location, key, name } = subject;
  if (location === undefined) return undefined;
  const { pub, pull } = location;
  const id = `${key}.sockets`;
  if (pub.kind === 'tcp' || pull.kind === 'tcp') {
    return finding(
      id,
      'warning',
      `the ${name} bus is on TCP (${endpointName(pub)} and ${endpointName(pull)})`,
      'With ipc_mode: tcp nothing is checked: every user of this host may read and fire events.',
      'Leave ipc_mode at its default on systems with unix sockets.',
    );
  }
  const looked = [pub.path, pull.path].map((path) => ({ path, file: system.look(path) }));
  const missing = looked.filter(({ file }) => file === undefined).map(({ path }) => path);
  if (missing.length === 2) {
    return absence(subject, id, `there is no socket at ${pub.path}`, [otherNames(subject, system)]);
  }
  const [gone] = missing;
  if (gone !== undefined) {
    const what = gone === pub.path ? 'fire and not listen' : 'listen and not fire';
    return finding(
      id,
      'error',
      `half of the ${name} bus is missing: there is no ${basename(gone)}`,
      `One could ${what}. Somebody has removed the file, or the daemon is just starting.`,
      `Restart the daemon: systemctl restart salt-${subject.node} (ours: saltbus-${subject.node})`,
    );
  }
  const files: { readonly path: string; readonly file: FileFacts }[] = [];
  for (const { path, file } of looked) {
    if (file === undefined) continue;
    if (file === 'denied') {
      return finding(id, 'unknown', `this user (${system.account.name}) may not look at ${path}`);
    }
    if (file.kind !== 'socket') {
      return finding(
        id,
        'error',
        `${path} is no socket`,
        `A ${file.kind === 'other' ? 'special file' : file.kind} is in its place (${ownerText(file, system)}), and the daemon cannot be reached there.`,
        `Look what it is; move it away if nothing needs it, and restart the daemon.`,
      );
    }
    files.push({ path, file });
  }
  const detail = files.map(
    ({ path, file }) =>
      `${basename(path)} (${path === pub.path ? 'read' : 'write'} events): ${ownerText(file, system)}: ${whoMayConnect(file, system)}.`,
  );
  const open = files.find(({ file }) => (file.mode & OTHERS_WRITE) !== 0);
  if (open !== undefined) {
    return finding(
      id,
      'warning',
      `every user of this host may ${open.path === pub.path ? 'read events from' : 'fire events on'} the ${name} bus`,
      detail,
      `Take that right away: chmod o-rwx ${open.path}`,
    );
  }
  return finding(id, 'ok', `both sockets of the ${name} are there`, detail);
}

const HASHES = ['sha256', 'md5', 'sha1', 'sha224', 'sha384', 'sha512'];

// The daemon may have started with another hash_type, or another id.
function otherNames({ address, node }: Subject, system: DoctorSystem): string {
  if (node !== 'minion' || address === undefined) return '';
  const { id, hashType, sockDir } = address;
  const there = system.list(sockDir.value);
  const isThere = (hash: string): boolean => there.includes(`minion_event_${hash}_pub.ipc`);
  const other =
    id === undefined
      ? undefined
      : HASHES.find((hash) => hash !== hashType.value && isThere(idHash(id.value, hash)));
  if (other !== undefined) {
    return `There are sockets of this id made with hash_type ${other}, and the configuration says ${hashType.value}: the daemon was started with another configuration.`;
  }
  const others = there.filter((entry) => /^minion_event_.+_pub\.ipc$/.test(entry));
  return others.length === 0
    ? ''
    : `Other minions have sockets there (${others.slice(0, 5).join(', ')}): the id or hash_type of the daemon may be another.`;
}
