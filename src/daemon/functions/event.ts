/** The functions of the module `event`. */
import { isMap, singlePackage } from '../../bus/fire-master.ts';
import { FIRE_MASTER_TAG } from '../../bus/fire-master.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { SaltbusError } from '../../errors.ts';
import { checkTag } from '../../tag.ts';
import type { Call, FunctionHost, MinionFunction } from './function.ts';
import { textArgument } from './lookup.ts';

function mapArgument(value: ExactValue | undefined): ReadonlyMap<unknown, unknown> {
  if (isMap(value) && value instanceof Map) return value;
  throw new SaltbusError('ERR_SALTBUS_USAGE', 'data is no map');
}

function toMaster(host: FunctionHost, tag: string, data: unknown): true {
  host.fire(FIRE_MASTER_TAG, singlePackage(tag, data));
  return true;
}

function refusePreload(value: ExactValue | undefined): void {
  if (value !== null) throw new SaltbusError('ERR_SALTBUS_USAGE', 'preload is not supported by this minion');
}

// As Salt lays it out: what was asked for with with_*, then the keywords, then the data over all.
function sendData({ named, keywords, host }: Call): Map<unknown, unknown> {
  const data = new Map<unknown, unknown>();
  const add = (key: string, wanted: ExactValue | undefined, all: ReadonlyMap<unknown, unknown>): void => {
    if (Array.isArray(wanted)) {
      const names = wanted as readonly ExactValue[];
      data.set(key, new Map([...all].filter(([name]) => names.includes(name as ExactValue))));
    } else if (wanted === true) data.set(key, all);
  };
  add('environ', named.get('with_env'), new Map(Object.entries(process.env)));
  add('grains', named.get('with_grains'), host.grains());
  add('pillar', named.get('with_pillar'), host.pillar());
  if (named.get('with_env_opts') === true) {
    data.set('saltenv', host.saltenv);
    data.set('pillarenv', host.pillarenv);
  }
  for (const [key, value] of keywords) data.set(key, value);
  const given = named.get('data');
  if (given instanceof Map)
    for (const [key, value] of given as ReadonlyMap<unknown, unknown>) data.set(key, value);
  return data;
}

export const eventFunctions: readonly MinionFunction[] = [
  {
    name: 'event.fire',
    doc: 'Fires an event on the bus of the minion.\n\nCLI Example:\n\n    salt \'*\' event.fire \'{"data": "my event data"}\' tag\n',
    parameters: { named: [{ name: 'data' }, { name: 'tag' }] },
    run: ({ named, host }) => {
      const tag = textArgument(named.get('tag'), 'tag');
      checkTag(tag);
      host.fire(tag, mapArgument(named.get('data')));
      return true;
    },
  },
  {
    name: 'event.fire_master',
    doc: 'Sends an event to the master.\n\nCLI Example:\n\n    salt \'*\' event.fire_master \'{"data": "my event data"}\' tag\n',
    parameters: { named: [{ name: 'data' }, { name: 'tag' }, { name: 'preload', default: null }] },
    run: ({ named, host }) => {
      refusePreload(named.get('preload'));
      return toMaster(host, textArgument(named.get('tag'), 'tag'), named.get('data'));
    },
  },
  {
    name: 'event.send',
    doc: "Sends an event to the master; keywords become part of its data.\n\nCLI Example:\n\n    salt '*' event.send myco/mytag foo=Foo bar=Bar\n",
    parameters: {
      named: [
        { name: 'tag' },
        { name: 'data', default: null },
        { name: 'preload', default: null },
        { name: 'with_env', default: false },
        { name: 'with_grains', default: false },
        { name: 'with_pillar', default: false },
        { name: 'with_env_opts', default: false },
      ],
      keywords: true,
    },
    run: (call) => {
      refusePreload(call.named.get('preload'));
      return toMaster(call.host, textArgument(call.named.get('tag'), 'tag'), sendData(call));
    },
  },
];
