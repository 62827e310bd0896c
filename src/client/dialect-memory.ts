/**
 * Remembers on disk what a pull socket was found to speak, so that a probe is rare.
 *
 * A socket is known by inode and change time: a daemon that starts again makes a new one, and is asked anew.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import type { DialectMemory } from '../bus/bus.ts';
import type { Framing } from '../codec/framing.ts';
import { announcementPath, parseAnnouncement } from '../dialect/announcement.ts';
import type { Announcement } from '../dialect/announcement.ts';

interface Remembered {
  readonly path: string;
  readonly inode: number;
  readonly changed: number;
  readonly pull: Framing;
}

/** The memory for the pull socket at `pullPath`, kept below `cacheDir`. What cannot be read or written is not remembered. */
export function dialectMemory(pullPath: string, cacheDir: string): DialectMemory {
  const name = createHash('sha256').update(pullPath).digest('hex').slice(0, 16);
  const file = join(cacheDir, 'dialects', `${name}.json`);
  return {
    recall: async () => announced(pullPath) ?? (await recalled(file, pullPath)),
    remember: async (pull) => {
      try {
        const { ino: inode, ctimeMs: changed } = await stat(pullPath);
        await mkdir(dirname(file), { recursive: true, mode: 0o700 });
        const entry: Remembered = { path: pullPath, inode, changed, pull };
        // Written aside and renamed: another process never reads half of it.
        const aside = `${file}.${process.pid}`;
        await writeFile(aside, JSON.stringify(entry), { mode: 0o600 });
        await rename(aside, file);
      } catch {
        // The next program probes again; nothing is lost.
      }
    },
  };
}

// What our own broker says in a file beside its socket; nothing, where another daemon has taken the socket over.
function announcementOf(pullPath: string): Announcement | undefined {
  try {
    const announcement = parseAnnouncement(readFileSync(announcementPath(pullPath), 'utf8'));
    return announcement?.inode === statSync(pullPath).ino ? announcement : undefined;
  } catch {
    return undefined;
  }
}

// It takes either framing.
function announced(pullPath: string): Framing | undefined {
  const pull = announcementOf(pullPath)?.pull;
  return pull === 'any' ? 'bare' : pull;
}

async function recalled(file: string, pullPath: string): Promise<Framing | undefined> {
  try {
    const entry = JSON.parse(await readFile(file, 'utf8')) as Partial<Remembered>;
    const { ino, ctimeMs } = await stat(pullPath);
    const same = entry.path === pullPath && entry.inode === ino && entry.changed === ctimeMs;
    return same && (entry.pull === 'bare' || entry.pull === 'prefixed') ? entry.pull : undefined;
  } catch {
    return undefined;
  }
}

/** Whether our own broker serves the bus with this pull socket. */
export function isServedByUs(pullPath: string): boolean {
  return announcementOf(pullPath) !== undefined;
}

/**
 * Whether there is a control socket beside this pull socket; `undefined` when nobody is there to say so, as while a daemon
 * starts anew.
 */
export function hasControl(pullPath: string): boolean | undefined {
  return announcementOf(pullPath)?.control ?? (existsSync(pullPath) ? false : undefined);
}

/**
 * Whether what is fired as `fire_master` on the bus with this pull socket can reach a master: not where our own broker stands there without a
 * minion behind it. Looked at anew each time, because another daemon may have taken the socket over.
 */
export function forwardsToMaster(pullPath: string): boolean {
  return announcementOf(pullPath)?.forwards ?? true;
}
