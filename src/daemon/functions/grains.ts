/** The functions of the module `grains`. */
import type { MinionFunction } from './function.ts';
import { DELIMITER, textArgument, valueAt } from './lookup.ts';

export const grainsFunctions: readonly MinionFunction[] = [
  {
    name: 'grains.items',
    doc: "All grains.\n\nCLI Example:\n\n    salt '*' grains.items\n",
    parameters: {},
    out: 'nested',
    run: ({ host }) => host.grains(),
  },
  {
    name: 'grains.get',
    doc: "The value of a grain, or the default. Keys inside of it follow after a colon.\n\nCLI Example:\n\n    salt '*' grains.get ip_interfaces:eth0\n",
    parameters: {
      named: [
        { name: 'key' },
        { name: 'default', default: '' },
        { name: 'delimiter', default: DELIMITER },
        { name: 'ordered', default: true },
      ],
    },
    run: ({ named, host }) => {
      const delimiter = textArgument(named.get('delimiter'), 'delimiter');
      return valueAt(host.grains(), textArgument(named.get('key'), 'key'), delimiter) ?? named.get('default');
    },
  },
  {
    name: 'grains.item',
    doc: "The values of some grains, by name.\n\nCLI Example:\n\n    salt '*' grains.item os osrelease\n",
    parameters: { rest: true, keywords: true },
    out: 'nested',
    run: ({ rest, keywords, host }) => {
      const delimiter = textArgument(keywords.get('delimiter') ?? DELIMITER, 'delimiter');
      const grains = host.grains();
      return new Map(
        rest.map((key) => {
          const name = textArgument(key, 'The name of a grain');
          return [name, valueAt(grains, name, delimiter) ?? keywords.get('default') ?? ''];
        }),
      );
    },
  },
  {
    name: 'grains.ls',
    doc: "The names of all grains.\n\nCLI Example:\n\n    salt '*' grains.ls\n",
    parameters: {},
    run: ({ host }) => [...host.grains().keys()].sort(),
  },
];
