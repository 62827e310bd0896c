import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TopicIndex } from '../../../src/transport/zmtp/topic-index.ts';

function membersOf(index: TopicIndex<number>, topic: string): number[] {
  const found: Set<number>[] = [];
  const count = index.find(Buffer.from(topic, 'latin1'), found);
  return [...new Set(found.slice(0, count).flatMap((members) => [...members]))].sort((a, b) => a - b);
}

test('the index finds what a look at each subscription finds', () => {
  const topic = fc.string({ unit: fc.constantFrom('a', 'b', '\xff', '\0'), maxLength: 4 });
  const change = fc.tuple(fc.boolean(), topic, fc.integer({ min: 0, max: 5 }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), fc.array(topic, { maxLength: 8 }), (changes, asked) => {
      const index = new TopicIndex<number>();
      const plain = new Map<string, Set<number>>();
      for (const [on, name, member] of changes) {
        if (on) index.add(name, member);
        else index.delete(name, member);
        const members = plain.get(name) ?? new Set();
        plain.set(name, members);
        if (on) members.add(member);
        else members.delete(member);
      }
      for (const text of asked) {
        const expected = new Set<number>();
        for (const [name, members] of plain)
          if (text.startsWith(name)) for (const member of members) expected.add(member);
        assert.deepEqual(
          membersOf(index, text),
          [...expected].sort((a, b) => a - b),
        );
      }
    }),
  );
});

test('ten thousand topics of 40 characters are one look-up', () => {
  const index = new TopicIndex<number>();
  const topicOf = (member: number): string => member.toString(16).padStart(40, '0');
  for (let member = 0; member < 10_000; member += 1) {
    index.add(topicOf(member), member);
    index.add('broadcast', member);
  }
  const found: Set<number>[] = [];
  assert.equal(index.find(Buffer.from(topicOf(4711)), found), 1);
  assert.deepEqual([...(found[0] ?? [])], [4711]);
  assert.equal(index.find(Buffer.from('broadcast'), found), 1);
  assert.equal(found[0]?.size, 10_000);
  assert.equal(index.find(Buffer.from('other'), found), 0);
});
