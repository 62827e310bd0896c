/**
 * Who may use a file, in words, and what would let this user in.
 */
import type { DoctorSystem, FileFacts } from './system.ts';

/** Owner, group and mode of a file: `owner root, group salt, mode 0660`. */
export function ownerText(file: FileFacts, system: DoctorSystem): string {
  const mode = file.mode.toString(8).padStart(4, '0');
  return `owner ${system.userName(file.uid)}, group ${system.groupName(file.gid)}, mode ${mode}`;
}

// Connecting to a unix socket takes the right to write to it (Linux, macOS).
const WRITE = 0o2;
const ENTER = 0o1;

/** Who may connect to a socket: `root only`, `salt and the group salt`, `every user of this host`. */
export function whoMayConnect(socket: FileFacts, system: DoctorSystem): string {
  if ((socket.mode & WRITE) !== 0) return 'every user of this host';
  const owner = system.userName(socket.uid);
  if ((socket.mode & (WRITE << 3)) === 0) return `${owner} only`;
  return `${owner} and the group ${system.groupName(socket.gid)}`;
}

/** What would let this user connect to a socket, or enter a directory: one command, where there is one. */
export function howToGetIn(file: FileFacts, system: DoctorSystem): string {
  const bit = file.kind === 'directory' ? ENTER : WRITE;
  const owner = system.userName(file.uid);
  const asOwner = owner === 'root' ? 'sudo saltbus ...' : `sudo -u ${owner} saltbus ...`;
  const groupMay = (file.mode & (bit << 3)) !== 0;
  // The group root is no group to join for the sake of an event bus.
  if (!groupMay || file.gid === 0) return `Run as ${owner}: ${asOwner}`;
  const group = system.groupName(file.gid);
  const { name, groups } = system.account;
  if (system.membersOf(file.gid).includes(name) && !groups.includes(file.gid)) {
    return `You are in the group ${group} since your last login: log in again. Or run as ${owner}: ${asOwner}`;
  }
  return `Join the group (sudo usermod -aG ${group} ${name}, then log in again), or run as ${owner}: ${asOwner}`;
}
