import { readFileSync, statSync } from 'node:fs';

/** Who owns a file and what its mode allows, in the words of an error message. */
export interface Ownership {
  readonly user: string;
  readonly group: string;
  /** Permission bits as four octal digits: `0660`. */
  readonly mode: string;
  /** Whether the group may read and write. */
  readonly groupMayUse: boolean;
}

/** Owner, group and mode of a file; `undefined` when it cannot be looked at. */
export function ownershipOf(path: string): Ownership | undefined {
  try {
    const stat = statSync(path);
    return {
      user: nameOf('/etc/passwd', stat.uid),
      group: nameOf('/etc/group', stat.gid),
      mode: (stat.mode & 0o7777).toString(8).padStart(4, '0'),
      groupMayUse: (stat.mode & 0o060) === 0o060,
    };
  } catch {
    return undefined;
  }
}

// Both files have the name in the first field and the number in the third; a number without a name is shown as it is.
function nameOf(file: string, id: number): string {
  try {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const fields = line.split(':');
      if (fields[2] === String(id)) return fields[0] ?? String(id);
    }
  } catch {
    // No such file on this system: the number has to do.
  }
  return String(id);
}
