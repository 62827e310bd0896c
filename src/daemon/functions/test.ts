/** The functions of the module `test`. */
import { setTimeout as delay } from 'node:timers/promises';
import { ExactFloat } from '../../codec/msgpack/values.ts';
import { SaltbusError } from '../../errors.ts';
import type { MinionFunction } from './function.ts';

const MOST_SLEEP_SECONDS = 24 * 60 * 60;

export const testFunctions: readonly MinionFunction[] = [
  {
    name: 'test.ping',
    doc: "Answers True: the minion is up and takes jobs.\n\nCLI Example:\n\n    salt '*' test.ping\n",
    parameters: {},
    isUrgent: true,
    run: () => true,
  },
  {
    name: 'test.echo',
    doc: "Gives its argument back.\n\nCLI Example:\n\n    salt '*' test.echo 'foo bar'\n",
    parameters: { named: [{ name: 'text' }] },
    run: ({ named }) => named.get('text'),
  },
  {
    name: 'test.version',
    doc: "The Salt release whose behaviour this minion has; its own version is the grain saltbus.\n\nCLI Example:\n\n    salt '*' test.version\n",
    parameters: {},
    run: ({ host }) => host.release,
  },
  {
    name: 'test.arg',
    doc: "Gives all its arguments back, and what is known of the job.\n\nCLI Example:\n\n    salt '*' test.arg 1 two txt=hello\n",
    parameters: { rest: true, keywords: true },
    run: ({ rest, keywords }) =>
      new Map<string, unknown>([
        ['args', rest],
        ['kwargs', keywords],
      ]),
  },
  {
    name: 'test.sleep',
    doc: "Answers True after so many seconds.\n\nCLI Example:\n\n    salt '*' test.sleep 20\n",
    parameters: { named: [{ name: 'length' }] },
    run: async ({ named, signal }) => {
      const length = named.get('length');
      const seconds = length instanceof ExactFloat ? length.value : Number(length);
      if (!(seconds >= 0 && seconds <= MOST_SLEEP_SECONDS)) {
        throw new SaltbusError(
          'ERR_SALTBUS_USAGE',
          `length is no number of seconds up to ${MOST_SLEEP_SECONDS}`,
        );
      }
      await delay(seconds * 1000, undefined, { signal });
      return true;
    },
  },
];
