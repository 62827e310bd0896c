import assert from 'node:assert/strict';
import { test } from 'node:test';
import { itemFormat } from '../../../src/cli/output/format.ts';
import { nested } from '../../../src/cli/output/nested.ts';
import { progressText } from '../../../src/cli/run/progress.ts';
import { indented, showReturns } from '../../../src/cli/run/returns.ts';
import type { ReturnRow } from '../../../src/cli/run/returns.ts';
import { targetOf } from '../../../src/cli/run/target-flags.ts';
import { plainPaint } from '../../../src/cli/terminal.ts';
import { JobReturn } from '../../../src/client/run/job-return.ts';
import { EventBodyEncoder, dataStart } from '../../../src/codec/event-body.ts';
import { ExactFloat } from '../../../src/codec/msgpack/values.ts';
import type { ExactValue } from '../../../src/codec/msgpack/values.ts';
import { SaltEvent } from '../../../src/event.ts';

const JID = '20260101000000000000';

function row(id: string, value: unknown, retcode = 0): ReturnRow {
  const body = Buffer.from(
    new EventBodyEncoder().encode('t', { id, return: value, retcode, fun: 'a.b', success: retcode === 0 }),
  );
  const event = new SaltEvent('t', body, dataStart(body, 0, body.length), 0);
  return { kind: 'return', item: new JobReturn(event, id, JID, true) };
}

test('nested, as Salt writes it', () => {
  const map = (pairs: object): ExactValue => new Map(Object.entries(pairs)) as ExactValue;
  const value = map({
    b: [1, [2, map({ y: null, x: new ExactFloat(2) })], []],
    a: 'one\ntwo\n',
    c: map({}),
    d: [map({ k: true })],
  });
  assert.equal(
    nested(map({ web1: value }), { paint: plainPaint, isFailed: false }),
    [
      'web1:',
      '    ----------',
      '    a:',
      '        one',
      '        two',
      '    b:',
      '        - 1',
      '        |_',
      '          - 2',
      '          |_',
      '            ----------',
      '            x:',
      '                2.0',
      '            y:',
      '                None',
      '        |_',
      '    c:',
      '        ----------',
      '    d:',
      '        |_',
      '          ----------',
      '          k:',
      '              True',
    ].join('\n'),
  );
  // no return moves the cursor
  assert.equal(nested('a\tb\u001b[2J', { paint: plainPaint, isFailed: true }), 'a\tb\\u001b[2J');
});

test('each form of a return, and of none', () => {
  const rows: ReturnRow[] = [
    row('a', { n: 1, f: new ExactFloat(1) }),
    { kind: 'none', none: { id: 'b', jid: JID } },
  ];
  const show = (form: Parameters<typeof showReturns>[0]): string =>
    showReturns(form, rows, plainPaint, false);
  assert.equal(
    show('ndjson'),
    `{"id":"a","jid":"${JID}","answered":true,"fun":"a.b","retcode":0,"success":true,"return":{"n":1,"f":1.0}}\n` +
      `{"id":"b","jid":"${JID}","answered":false}\n`,
  );
  assert.match(
    show('json'),
    /^\{\n {4}"a": \{\n {8}"n": 1,\n {8}"f": 1\.0\n {4}\},\n {4}"b": "Minion did not/,
  );
  assert.match(show('yaml'), /^a:\n {2}"n": 1\n {2}f: 1\.0\nb: /);
  assert.match(
    show('txt'),
    /^a: \{'n': 1, 'f': 1\.0\}\nb: Minion did not return\. \[No response\]\nb: The minions /,
  );
  assert.match(
    show('pretty'),
    /^a:\n {4}-{10}\n {4}f:\n {8}1\.0\n[^]*\nb:\n {4}Minion did not return\. \[No response\]\n/,
  );
});

test('text goes into a pipe as it is, and is made harmless on a terminal', () => {
  const rows = [row('a', 'x\u001b[2J\ty')];
  assert.equal(showReturns('txt', rows, plainPaint, false), 'a: x\u001b[2J\ty\n');
  assert.equal(showReturns('txt', rows, plainPaint, true), 'a: x\\u001b[2J\\ty\n');
});

test('JSON is indented as Python does it', () => {
  const text = '{"a": [], "b": {}, "c": [1, [2.5, null]], "d, e": "x, {y}: \\"[1, 2]\\"", "f": NaN}';
  assert.equal(
    indented(text),
    [
      '{',
      '    "a": [],',
      '    "b": {},',
      '    "c": [',
      '        1,',
      '        [',
      '            2.5,',
      '            null',
      '        ]',
      '    ],',
      '    "d, e": "x, {y}: \\"[1, 2]\\"",',
      '    "f": NaN',
      '}',
    ].join('\n'),
  );
  for (const scalar of ['1', '"a, b"', 'true', '[]', '{}']) assert.equal(indented(scalar), scalar);
});

test('the target that flags mean', () => {
  assert.deepEqual(targetOf('web*', {}), { tgt: 'web*', tgtType: 'glob' });
  assert.deepEqual(targetOf('a, b,c', { list: true }), { tgt: ['a', 'b', 'c'], tgtType: 'list' });
  assert.deepEqual(targetOf(' a  b ', { list: true }), { tgt: ['a', 'b'], tgtType: 'list' });
  assert.deepEqual(targetOf('a|b', { grainPcre: true, delimiter: '|' }), {
    tgt: 'a|b',
    tgtType: 'grain_pcre',
    delimiter: '|',
  });
  assert.throws(() => targetOf('x', { grain: true, list: true }), {
    code: 'ERR_SALTBUS_USAGE',
    message: 'The target is said to be of the types list and grain',
  });
});

test('the line of progress fits the terminal', () => {
  const progress = { answered: 1, of: 3, waitingFor: ['web1', 'db\u001b1'] };
  assert.equal(progressText(progress, 80), '1 of 3 answered, waiting for web1, db\\u001b1');
  assert.equal(progressText(progress, 20), '1 of 3 answered, w…');
  assert.equal(progressText({ answered: 3, of: 3, waitingFor: [] }, 80), '3 of 3 answered');
});

test('tsv in a pipe: one line of two columns, whatever the tag holds', () => {
  const tag = 'my\tdisk\nfull\u001b[2J';
  const body = Buffer.from(new EventBodyEncoder().encode(tag, { text: 'a\tb\u007f' }));
  const event = new SaltEvent(tag, body, dataStart(body, 0, body.length), 0);
  const { event: write } = itemFormat('tsv', plainPaint, 80, false);
  assert.equal(write(event), 'my\\tdisk\\nfull\\u001b[2J\t{"text": "a\\tb\u007f"}\n');
});
