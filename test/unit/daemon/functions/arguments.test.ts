import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExactValue } from '../../../../src/codec/msgpack/values.ts';
import { bindArguments } from '../../../../src/daemon/functions/arguments.ts';
import type { Parameters } from '../../../../src/daemon/functions/function.ts';

const PARAMETERS = {
  none: {},
  one: { named: [{ name: 'text' }] },
  two: { named: [{ name: 'data' }, { name: 'tag' }] },
  three: { named: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] },
  defaults: { named: [{ name: 'key' }, { name: 'default', default: '' }] },
  open: { rest: true, keywords: true },
} satisfies Readonly<Record<string, Parameters>>;

function keyword(values: Readonly<Record<string, ExactValue>>): ExactValue {
  return new Map<ExactValue, ExactValue>([['__kwarg__', true], ...Object.entries(values)]);
}

function bind(which: keyof typeof PARAMETERS, ...args: readonly ExactValue[]): unknown {
  const bound = bindArguments(
    { name: 'mod.fun', parameters: PARAMETERS[which] },
    args,
    new Map<ExactValue, ExactValue>([['jid', '1']]),
  );
  if (bound.kind !== 'bound') return `${bound.kind}: ${bound.message}`;
  const { named, rest, keywords } = bound.call;
  return [Object.fromEntries(named), rest, Object.fromEntries(keywords)];
}

test('where arguments go', () => {
  assert.deepEqual(bind('none'), [{}, [], {}]);
  assert.deepEqual(bind('one', 1), [{ text: 1 }, [], {}]);
  assert.deepEqual(bind('one', keyword({ text: null })), [{ text: null }, [], {}]);
  assert.deepEqual(bind('defaults', 'k'), [{ key: 'k', default: '' }, [], {}]);
  assert.deepEqual(bind('defaults', 'k', keyword({ default: 7 })), [{ key: 'k', default: 7 }, [], {}]);
  assert.deepEqual(bind('open', 1, 'x', keyword({ a: 2 })), [{}, [1, 'x'], { a: 2, __pub_jid: '1' }]);
});

test('name=value as one text is a keyword, typed as Salt types it', () => {
  assert.deepEqual(bind('one', 'text=12'), [{ text: 12 }, [], {}]);
  assert.deepEqual(bind('one', 'text=a=b'), [{ text: 'a=b' }, [], {}]);
  for (const text of ['a==b', '=b', '1a=b', 'a b=c', 'http://x/?a=b'])
    assert.deepEqual(bind('one', text), [{ text }, [], {}]);
});

// As Python words it, seen in 3006.30, 3007.17 and 3008.5.
const REFUSED: readonly (readonly [unknown, string])[] = [
  [bind('none', 1), 'type: fun() takes 0 positional arguments but 1 was given'],
  [bind('one', 1, 2), 'type: fun() takes 1 positional argument but 2 were given'],
  [bind('defaults', 1, 2, 3), 'type: fun() takes from 1 to 2 positional arguments but 3 were given'],
  [bind('one'), "type: fun() missing 1 required positional argument: 'text'"],
  [bind('two'), "type: fun() missing 2 required positional arguments: 'data' and 'tag'"],
  [bind('three'), "type: fun() missing 3 required positional arguments: 'a', 'b', and 'c'"],
  [bind('one', 1, keyword({ text: 2 })), "type: fun() got multiple values for argument 'text'"],
  [
    bind('one', keyword({ a: 1, b: null })),
    'keyword: The following keyword arguments are not valid: a=1, b=None',
  ],
  [bind('one', 'x=1'), 'keyword: The following keyword arguments are not valid: x=1'],
];

test('what does not fit is worded as Python and Salt word it', () => {
  for (const [said, expected] of REFUSED) assert.equal(said, expected);
});
