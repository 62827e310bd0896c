/** `k=v` arguments are typed as Salt's own command line types them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { pythonFloat } from '../../src/codec/json/python-json.ts';
import { ExactFloat } from '../../src/codec/msgpack/values.ts';
import { typeSaltScalar } from '../../src/config/index.ts';
import { interop } from './helpers.ts';

// prettier-ignore
const ARGUMENTS = [
  '', ' ', '---', '...', 'text', 'two words', '1', '-1', '+1', '0', '00', '007', '010', '-010', '+010', '08', '0o17', '0x1F', '-0x1f', '0b101', '1_000', '1_000.5', '_1', '1_',
  '12345678901234567890', '123456789012345678901234567890', '1.0', '1.', '.5', '-.5', '1e3', '1.0e3', '1.0e+3', '1.5E-7', '1e+3', '.inf', '-.INF', '.nan', 'inf', 'nan',
  'true', 'True', 'TRUE', 'tRue', 'yes', 'Yes', 'no', 'NO', 'on', 'off', 'y', 'n', 'Y', 'null', 'Null', 'none', 'None', '~', '~x',
  '1:30', '1:30:15', '01:30', '1:60', '190:20:30.15', '2024-01-02', '2024-01-02T03:04:05', '2024-01-02 03:04:05.678', '12:30:45',
  '[1, 2]', '[a, "b", 1.5, null, [yes]]', '[]', '[1, 2', '[1,', '- a', '- a\n- b', '{a: 1}', '{a: 1, b: [x, {c: d}]}', '{}', '{a}', '{a: 1', 'a: 1', 'a:1', 'a: b: c', ' {a: 1}', ' [1]',
  '#', '#x', 'a#b', 'a #b', '1 # one', '[1] # list', '{a: 1} # map', '# only', '"quoted"', "'single'", '"a\\tb"', '"unclosed', "it's", '"1"', "'yes'",
  '|', '!', '!x', '!!str 1', '!!int "5"', '!!binary aGk=', '&a', '*a', '&a b', '@x', '`x', '%x', ',', '?', ':', '-', '- ', '=', '<<', '>', '> x', '| x',
  'tab\there', 'line\nbreak', 'é', '日本', '🎉', 'a=b', 'http://host:80/x', '10.0.0.1', '1.2.3', 'C:\\x', '/path/to', '50%', '$HOME', '*', 'a*', '[a-z]*', '(x)', 'a,b', '1,000', '1 000',
  '{1: a, 2: b}', '{null: x, true: y, 1.5: z}', '{a: 1, a: 2}', '{? a : b}', '[a: 1, b]', '{"a":1,"b":[true,null]}', '  1', '1  ', ' text ', '0.1', '-0', '-0.0', '+0.0', '1__0', '0_7', '0x_1', '0x', '0b', '0b2', '+.inf', '-.5e-3', '..', '.', '. ', '....', '!!', '""', "''",
];

function show(value: unknown): unknown {
  if (value instanceof Map) {
    return [
      'map',
      [...(value as ReadonlyMap<unknown, unknown>)].map(([key, element]) => [show(key), show(element)]),
    ];
  }
  if (Array.isArray(value)) return ['list', (value as unknown[]).map(show)];
  if (value instanceof Uint8Array) return ['bytes', Buffer.from(value).toString('hex')];
  if (value instanceof ExactFloat)
    return ['float', pythonFloat(value.value).replace('NaN', 'nan').replace('Infinity', 'inf')];
  if (value === null) return ['word', 'None'];
  if (typeof value === 'boolean') return ['word', value ? 'True' : 'False'];
  return [typeof value === 'string' ? 'str' : 'int', (value as string | number | bigint).toString()];
}

test(`${ARGUMENTS.length} arguments mean the same to Salt and to us`, () => {
  const script = new URL('./python/yamlify.py', import.meta.url).pathname;
  const { stdout, stderr } = spawnSync(interop().python, [script], {
    input: JSON.stringify(ARGUMENTS),
    encoding: 'utf8',
    env: { ...process.env, PYTHONWARNINGS: 'ignore' },
  });
  assert.notEqual(stdout, '', stderr);
  const theirs = JSON.parse(stdout) as unknown[];
  ARGUMENTS.forEach((text, index) => {
    const ours = show(typeSaltScalar(text, { float: (value) => new ExactFloat(value) }));
    assert.deepEqual(ours, theirs[index], JSON.stringify(text));
  });
});
