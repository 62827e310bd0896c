/** The functions of the module `pillar`. */
import type { MinionFunction } from './function.ts';
import { DELIMITER, textArgument, valueAt } from './lookup.ts';

export const pillarFunctions: readonly MinionFunction[] = [
  {
    name: 'pillar.items',
    doc: "The pillar, made anew by the master; with names, these keys of it.\n\nCLI Example:\n\n    salt '*' pillar.items\n",
    parameters: { rest: true },
    run: async ({ rest, host }) => {
      const pillar = await host.freshPillar();
      if (rest.length === 0) return pillar;
      return new Map(rest.filter((key) => pillar.has(key)).map((key) => [key, pillar.get(key)]));
    },
  },
  {
    name: 'pillar.get',
    doc: "A value of the pillar in memory, or the default. Keys inside of it follow after a colon.\n\nCLI Example:\n\n    salt '*' pillar.get pkg:apache\n",
    parameters: {
      named: [{ name: 'key' }, { name: 'default', default: '' }, { name: 'delimiter', default: DELIMITER }],
    },
    run: ({ named, host }) => {
      const delimiter = textArgument(named.get('delimiter'), 'delimiter');
      return valueAt(host.pillar(), textArgument(named.get('key'), 'key'), delimiter) ?? named.get('default');
    },
  },
  {
    name: 'pillar.item',
    doc: "Some values of the pillar in memory, by name.\n\nCLI Example:\n\n    salt '*' pillar.item foo foo:bar\n",
    parameters: { rest: true, keywords: true },
    run: ({ rest, keywords, host }) => {
      const delimiter = textArgument(keywords.get('delimiter') ?? DELIMITER, 'delimiter');
      const pillar = host.pillar();
      return new Map(
        rest.map((key) => {
          const name = textArgument(key, 'The name of a pillar key');
          return [name, valueAt(pillar, name, delimiter) ?? keywords.get('default') ?? ''];
        }),
      );
    },
  },
];
