/**
 * Keys as they are written: for a person as `salt-key` writes them, for a program under the names of Salt's directories.
 */
import { stringify } from 'yaml';
import type { KeyName, KeyWork } from '../../client/keys.ts';
import { STATE_DIRECTORY } from '../../pki/index.ts';
import type { KeyState } from '../../pki/index.ts';
import { oneLine } from '../terminal.ts';
import type { Paint } from '../terminal.ts';

/** The forms of output. */
export type KeyForm = 'text' | 'json' | 'yaml';

/** Names by section, and what is said of each, if anything. */
export type KeySections = ReadonlyMap<string, readonly string[] | ReadonlyMap<string, string>>;

// In the order and with the words of salt-key (all releases).
const TITLES: ReadonlyMap<string, string> = new Map([
  ['local', 'Local Keys:'],
  [STATE_DIRECTORY.accepted, 'Accepted Keys:'],
  [STATE_DIRECTORY.denied, 'Denied Keys:'],
  [STATE_DIRECTORY.pending, 'Unaccepted Keys:'],
  [STATE_DIRECTORY.rejected, 'Rejected Keys:'],
]);

/** Groups keys into the sections of their states. */
export function sectionsOf(
  names: readonly KeyName[],
  states: readonly KeyState[],
): ReadonlyMap<string, string[]> {
  const sections = new Map<string, string[]>(states.map((state) => [STATE_DIRECTORY[state], []]));
  for (const { id, state } of names) sections.get(STATE_DIRECTORY[state])?.push(id);
  return sections;
}

/** Writes sections in a form. */
export function showSections(sections: KeySections, form: KeyForm, paint: Paint): string {
  if (form !== 'text') return showData(plain(sections), form);
  let text = '';
  for (const [section, title] of TITLES) {
    const names = sections.get(section);
    if (names === undefined) continue;
    text += `${paint.tag(title)}\n`;
    if (names instanceof Map) {
      for (const [name, value] of names as ReadonlyMap<string, string>) {
        text += `${oneLine(name)}:  ${value.trimEnd().split('\n').map(oneLine).join('\n')}\n`;
      }
    } else for (const name of names as readonly string[]) text += `${oneLine(name)}\n`;
  }
  return text;
}

/** Writes what was done; what failed is for stderr. */
export function showWork(work: KeyWork, verb: string, form: KeyForm): string {
  if (form === 'text') {
    return work.done.map(({ id }) => `Key for minion ${oneLine(id)} ${verb}.\n`).join('');
  }
  const { done, failed, rotation } = work;
  const nameOf = ({ id, state }: KeyName): { id: string; from: string } => ({
    id,
    from: STATE_DIRECTORY[state],
  });
  return showData(
    {
      done: done.map(nameOf),
      failed: failed.map((name) => ({ ...nameOf(name), code: name.error.code, message: name.error.message })),
      rotation,
    },
    form,
  );
}

function showData(data: unknown, form: 'json' | 'yaml'): string {
  return form === 'json' ? `${JSON.stringify(data)}\n` : stringify(data, { lineWidth: 0 });
}

// An id may be '__proto__': only defined properties are safe from what that means.
function plain(sections: KeySections): unknown {
  return toObject(sections, (names) =>
    names instanceof Map ? toObject(names as ReadonlyMap<string, string>, (value) => value) : names,
  );
}

function toObject<T>(map: ReadonlyMap<string, T>, write: (value: T) => unknown): unknown {
  const object: Record<string, unknown> = {};
  for (const [key, value] of map) {
    Object.defineProperty(object, key, { value: write(value), enumerable: true, configurable: true });
  }
  return object;
}
