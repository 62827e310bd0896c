/**
 * How our own broker tells its dialect without a probe: a small file beside its pull socket.
 *
 * It names the socket by inode, so a file that a dead broker left behind says nothing about the daemon that came after.
 */
import type { Framing } from '../codec/framing.ts';

/** What the file says. */
export interface Announcement {
  /** The inode of the pull socket that it speaks of. */
  readonly inode: number;
  /** What may be written to the pull socket. Our broker takes either. */
  readonly pull: Framing | 'any';
  /** Whether what is fired as `fire_master` is forwarded to a master. */
  readonly forwards: boolean;
  /** Whether there is a control socket beside it, on which what is fired for a master is answered. */
  readonly control: boolean;
}

/** The path of the file for a pull socket. */
export function announcementPath(pullPath: string): string {
  return `${pullPath.replace(/\.ipc$/, '')}.saltbus.json`;
}

/** The content of the file. */
export function formatAnnouncement(announcement: Announcement): string {
  return `${JSON.stringify({ saltbus: 1, ...announcement })}\n`;
}

/** Reads the content of the file; `undefined` for anything that is not one. */
export function parseAnnouncement(text: string): Announcement | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { saltbus, inode, pull, forwards, control } = value as Readonly<Record<string, unknown>>;
  if (saltbus !== 1 || typeof inode !== 'number') return undefined;
  if (pull !== 'any' && pull !== 'bare' && pull !== 'prefixed') return undefined;
  return { inode, pull, forwards: forwards === true, control: control === true };
}
