import { MAX_SOCKET_PATH } from '../../transport/endpoint.ts';
import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';

/** Whether the system can open sockets with paths of this length. */
export function pathLengthFinding(subject: Subject): Finding | undefined {
  const { location, key } = subject;
  if (location?.pub.kind !== 'unix' || location.pull.kind !== 'unix') return undefined;
  const longest = Math.max(Buffer.byteLength(location.pub.path), Buffer.byteLength(location.pull.path));
  const id = `${key}.path-length`;
  if (longest <= MAX_SOCKET_PATH) {
    return finding(id, 'ok', `the socket paths have ${longest} of ${MAX_SOCKET_PATH} bytes`);
  }
  return finding(
    id,
    'error',
    `the socket paths have ${longest} bytes, and the system allows ${MAX_SOCKET_PATH}`,
    `No program can open ${location.pull.path}.`,
    'Use a shorter sock_dir, in the configuration of the daemon too.',
  );
}
