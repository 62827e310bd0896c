import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArguments, parseCall } from '../../../../src/client/run/arguments.ts';
import { localUser } from '../../../../src/client/run/local-key.ts';
import { publishLoad, publishedJob } from '../../../../src/client/run/publish-request.ts';
import { checkReturnTag } from '../../../../src/client/run/return-tag.ts';
import { ExactFloat } from '../../../../src/codec/msgpack/values.ts';
import { encodePlainReply, parseReply } from '../../../../src/codec/payload/reply.ts';

const kwargs = (pairs: object): Map<unknown, unknown> =>
  new Map<unknown, unknown>([['__kwarg__', true], ...Object.entries(pairs)]);

test('words are typed, and k=v is a keyword', () => {
  assert.deepEqual(parseArguments(['1', '2.0', 'two words', 'a==b', '=x', '1a=b', 'http://h/?a=b']), [
    1,
    new ExactFloat(2),
    'two words',
    'a==b',
    '=x',
    '1a=b',
    'http://h/?a=b',
  ]);
  assert.deepEqual(parseArguments(['b', 'k=[1, x]', 'é_1.x-y=yes', 'k=2']), [
    'b',
    kwargs({ k: 2, 'é_1.x-y': true }),
  ]);
  assert.deepEqual(parseArguments(['a=b\nc', '20260101000000000000', '123456789012345678901']), [
    'a=b\nc',
    '20260101000000000000',
    123456789012345678901n,
  ]);
});

test('several functions have their arguments between separators', () => {
  assert.deepEqual(parseCall('test.ping', ['x,y']), { fun: 'test.ping', arg: ['x,y'] });
  const three = ['a.a', 'b.b', 'c.c'];
  assert.deepEqual(parseCall('a.a,b.b,c.c', ['1', ',', ',', 'k=2']), {
    fun: three,
    arg: [[1], [], [kwargs({ k: 2 })]],
  });
  assert.deepEqual(parseCall('a.a,b.b,c.c', ['1,2,', '3']), { fun: three, arg: [[1], [2], [3]] });
  assert.deepEqual(parseCall('a.a,b.b', ['x,y', '--', 'z'], '--').arg, [['x,y'], ['z']]);
  for (const words of [[], ['1'], ['1', ',', '2', ',', '3']]) {
    assert.throws(() => parseCall('a.a,b.b', words), { code: 'ERR_SALTBUS_USAGE' }, words.join(' '));
  }
});

test('who publishes, and whose key is read', () => {
  assert.deepEqual(localUser(undefined, 'root', {}), { user: 'root', keyOf: 'root' });
  assert.deepEqual(localUser('salt', 'root', {}), { user: 'root', keyOf: 'salt' });
  assert.deepEqual(localUser('salt', 'root', { SUDO_USER: 'ann' }), { user: 'sudo_ann', keyOf: 'salt' });
  assert.deepEqual(localUser('salt', 'ann', { SUDO_USER: 'x' }), { user: 'ann', keyOf: 'ann' });
});

test('the request is that of salt', () => {
  const target = { tgt: ['a'], tgtType: 'list', delimiter: ':' } as const;
  const job = { target, fun: 'test.ping', arg: [1], ret: 'x', kwargs: { metadata: 7 } };
  assert.deepEqual(publishLoad(job, { user: 'ann', key: 'secret' }), {
    cmd: 'publish',
    tgt: ['a'],
    fun: 'test.ping',
    arg: [1],
    key: 'secret',
    tgt_type: 'list',
    ret: 'x',
    jid: '',
    kwargs: { delimiter: ':', metadata: 7 },
    user: 'ann',
  });
});

test('what a master answers', () => {
  const answer = (value: unknown): unknown => publishedJob(parseReply(encodePlainReply(value)), 'ann');
  const jid = '20260101000000000000';
  assert.deepEqual(answer({ enc: 'clear', load: { jid, minions: ['a', 7], missing: ['b'] } }), {
    jid,
    minions: ['a'],
    missing: ['b'],
  });
  const nobody = { jid: undefined, minions: [], missing: [] };
  assert.deepEqual(answer({ enc: 'clear', load: { jid: null, minions: [], error: 'none' } }), nobody);
  const refusals: readonly (readonly [unknown, string, RegExp])[] = [
    [{ error: { name: 'AuthenticationError', message: 'x' } }, 'ERR_SALTBUS_NOT_AUTHORIZED', /know ann/],
    [{ error: { name: 'AuthorizationError', message: 'x' } }, 'ERR_SALTBUS_NOT_AUTHORIZED', /let ann/],
    ['', 'ERR_SALTBUS_NOT_AUTHORIZED', /know ann/],
    [{ error: 'no jid' }, 'ERR_SALTBUS_NOT_ACCEPTED', /: no jid$/],
    [{ error: { name: 'X', message: 'why' } }, 'ERR_SALTBUS_NOT_ACCEPTED', /: why$/],
    [{ enc: 'clear', load: { error: 'no jid' } }, 'ERR_SALTBUS_NOT_ACCEPTED', /: no jid$/],
    [{ enc: 'clear', load: {} }, 'ERR_SALTBUS_NOT_ACCEPTED', /does not say why$/],
    ['bad load', 'ERR_SALTBUS_NOT_ACCEPTED', /: bad load$/],
    [{}, 'ERR_SALTBUS_NOT_ACCEPTED', /no answer to a job/],
    [7, 'ERR_SALTBUS_NOT_ACCEPTED', /makes no sense/],
  ];
  for (const [value, code, message] of refusals) {
    assert.throws(() => answer(value), { code, message }, JSON.stringify(value));
  }
});

test('tags of returns: known fields, and none that a master drops', () => {
  for (const tag of ['monitoring', 'monitoring/{id}/{fun}', '{jid}{id}', 'salt/minion/{id}/x']) {
    assert.doesNotThrow(() => checkReturnTag(tag), tag);
  }
  const wrong: readonly (readonly [string, string])[] = [
    ['a/{host}', 'ERR_SALTBUS_USAGE'],
    ['a/{}', 'ERR_SALTBUS_USAGE'],
    ['a/{ID}', 'ERR_SALTBUS_USAGE'],
    ['a/{constructor}', 'ERR_SALTBUS_USAGE'],
    ['a/{id', 'ERR_SALTBUS_USAGE'],
    ['a/id}', 'ERR_SALTBUS_USAGE'],
    ['a/{{id}}', 'ERR_SALTBUS_USAGE'],
    ['', 'ERR_SALTBUS_TAG'],
    ['a\n\nb', 'ERR_SALTBUS_TAG'],
    ['x'.repeat(1025), 'ERR_SALTBUS_TAG'],
    ['salt/key', 'ERR_SALTBUS_DENIED_TAG'],
    ['salt/job/{jid}/new', 'ERR_SALTBUS_DENIED_TAG'],
    ['salt/run/{id}', 'ERR_SALTBUS_DENIED_TAG'],
  ];
  for (const [tag, code] of wrong) assert.throws(() => checkReturnTag(tag), { code }, tag);
});
