import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encode } from '../../../src/codec/msgpack/encode.ts';
import { RawText } from '../../../src/codec/msgpack/values.ts';
import { encodePublication, parsePublication } from '../../../src/codec/payload/publication.ts';
import { bytesOf, packRaw, unpackRaw } from '../../../src/codec/payload/raw-strings.ts';
import {
  BAD_LOAD,
  encodeBadAlgorithm,
  encodePillarReply,
  encodePlainReply,
  encodeSealedReply,
  encodeSignedReply,
  parseReply,
} from '../../../src/codec/payload/reply.ts';
import { encodeClearRequest, encodeSealedRequest, parseRequest } from '../../../src/codec/payload/request.ts';
import type { ParsedRequest } from '../../../src/codec/payload/request.ts';
import { Crypticle } from '../../../src/codec/crypticle.ts';
import { VECTOR_IV, VECTOR_KEY, hex } from '../../helpers/channel.ts';

const blob = new Crypticle(VECTOR_KEY).encrypt(packRaw({ cmd: 'ping' }), '', VECTOR_IV);
const ENC = { encAlgorithm: 'OAEP-SHA1', sigAlgorithm: 'PKCS1v15-SHA1' } as const;

function fault(parsed: ParsedRequest): string {
  return parsed.kind === 'refused' ? parsed.fault : 'envelope';
}

test('text and bytes are written alike, without str8 and bin', () => {
  assert.equal(packRaw('x'.repeat(32)).toString('hex', 0, 3), 'da0020');
  assert.equal(packRaw(Buffer.alloc(80)).toString('hex', 0, 3), 'da0050');
  assert.equal(packRaw(Buffer.from('ab')).toString('hex'), 'a26162');
  assert.equal(packRaw(Buffer.alloc(70_000)).toString('hex', 0, 5), 'db00011170');
  assert.equal(packRaw(new RawText(Buffer.from([0xff]))).toString('hex'), 'a1ff');
  assert.equal(
    packRaw({ ret: true, nonce: 'f'.repeat(32) }).toString('hex', 0, 15),
    '82a3726574c3a56e6f6e6365da0020',
  );
});

test('what is valid UTF-8 is read as text, and what is not as bytes, whatever the type on the wire, in keys too', () => {
  assert.equal(unpackRaw(hex('a26162')), 'ab');
  assert.equal(unpackRaw(hex('c4026162')), 'ab');
  assert.deepEqual(unpackRaw(hex('c402c328')), new Uint8Array([0xc3, 0x28]));
  const raw = unpackRaw(hex('a2ff00'));
  assert.ok(raw instanceof Uint8Array);
  assert.deepEqual(Buffer.from(raw), hex('ff00'));
  const map = unpackRaw(hex('83 c40161 01 a162 93 c0 c402c328 81 01 c40178 a1ff c3'));
  assert.ok(map instanceof Map);
  assert.deepEqual([...map.keys()].slice(0, 2), ['a', 'b']);
  assert.deepEqual(map.get('b'), [null, new Uint8Array([0xc3, 0x28]), new Map([[1, 'x']])]);
  assert.equal(bytesOf('é')?.toString('hex'), 'c3a9');
  assert.equal(bytesOf(new Uint8Array([255]))?.toString('hex'), 'ff');
  assert.equal(bytesOf(3), undefined);
  assert.equal(bytesOf(undefined), undefined);
});

test('modern msgpack is read as the old is', () => {
  const value = { text: 'x'.repeat(40), list: [1, -5, 2.5, null, true], deep: { bytes: 'é'.repeat(200) } };
  assert.deepEqual(unpackRaw(encode(value)), unpackRaw(packRaw(value)));
});

test('any bytes survive being sent where bytes belong', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const map = unpackRaw(packRaw({ bytes }));
      assert.ok(map instanceof Map);
      assert.deepEqual(bytesOf((map as ReadonlyMap<string, string>).get('bytes')), Buffer.from(bytes));
    }),
  );
});

test('the envelopes of the protocol, byte for byte', () => {
  assert.equal(
    encodeClearRequest({ cmd: 'ping' }).toString('hex'),
    '83a3656e63a5636c656172a46c6f616481a3636d64a470696e67a776657273696f6e03',
  );
  assert.equal(
    encodeSealedRequest({ blob, id: 'web1', ...ENC }).toString('hex'),
    `86a3656e63a3616573a46c6f6164da0050${blob.toString('hex')}a776657273696f6e03a26964a477656231` +
      'a8656e635f616c676fa94f4145502d53484131a87369675f616c676fad504b4353317631352d53484131',
  );
  assert.equal(BAD_LOAD.toString('hex'), 'a8626164206c6f6164');
});

test('envelopes are read', () => {
  const clear = parseRequest(encodeClearRequest({ cmd: 'ping' }));
  assert.deepEqual(clear, { kind: 'envelope', envelope: { enc: 'clear', load: new Map([['cmd', 'ping']]) } });
  const sealed = parseRequest(encodeSealedRequest({ blob, id: 'web1', ...ENC }));
  assert.deepEqual(sealed, { kind: 'envelope', envelope: { enc: 'aes', load: blob, id: 'web1', ...ENC } });
  const old = parseRequest(packRaw({ enc: 'aes', load: blob, version: 3, id: 'web1' }));
  assert.deepEqual(old, sealed);
});

test('an envelope with a wrong key, type, version or enc is refused', () => {
  const good = {
    enc: 'aes',
    load: blob,
    version: 3,
    id: 'web1',
    enc_algo: 'OAEP-SHA1',
    sig_algo: 'PKCS1v15-SHA1',
  };
  const clear = { enc: 'clear', load: { cmd: 'ping' }, version: 3 };
  const cases: readonly (readonly [unknown, string])[] = [
    [good, 'envelope'],
    [clear, 'envelope'],
    [{ ...good, version: 4 }, 'envelope'],
    [[good], 'shape'],
    ['bad load', 'shape'],
    [null, 'shape'],
    [{}, 'shape'],
    [{ enc: 'aes', version: 3 }, 'shape'],
    [{ load: blob, version: 3 }, 'shape'],
    [{ ...clear, extra: 1 }, 'shape'],
    [{ ...good, extra: 1 }, 'shape'],
    [{ ...clear, id: 'web1' }, 'shape'],
    [new Map<unknown, unknown>([...Object.entries(clear), [1, 2]]), 'shape'],
    [{ ...good, load: {} }, 'shape'],
    [{ ...good, enc_algo: 'OAEP-SHA256' }, 'shape'],
    [{ ...good, sig_algo: 'none' }, 'shape'],
    [{ ...good, version: 2 }, 'version'],
    [{ ...good, version: 0 }, 'version'],
    [{ ...good, version: -3 }, 'version'],
    [{ ...good, version: 3.5 }, 'version'],
    [{ ...good, version: '3' }, 'version'],
    [{ ...good, version: true }, 'version'],
    [{ ...good, version: 2n ** 63n }, 'version'],
    [{ ...clear, version: undefined }, 'version'],
    [{ ...clear, load: 'text' }, 'load-not-a-map'],
    [{ ...clear, load: null }, 'load-not-a-map'],
    [{ ...good, id: undefined }, 'id'],
    [{ ...good, id: 7 }, 'id'],
    [{ ...good, id: Buffer.from([255]) }, 'id'],
    [{ ...good, id: 'a\0b' }, 'id'],
    ...['pub', 'AES', 'Clear', ' aes', 'aes\0', '', 'tls', '__init__', '_auth'].map(
      (enc) => [{ ...good, enc }, 'enc'] as const,
    ),
    [{ ...good, enc: null }, 'enc'],
    [{ ...good, enc: ['aes'] }, 'enc'],
    [{ ...good, enc: 1 }, 'enc'],
  ];
  for (const [value, expected] of cases) {
    assert.equal(
      fault(parseRequest(packRaw(value))),
      expected,
      JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)),
    );
  }
});

test('what is no msgpack is told apart from what is no envelope, at every cut', () => {
  const whole = encodeSealedRequest({ blob, id: 'web1', ...ENC });
  for (let cut = 0; cut < whole.length; cut += 1) {
    assert.equal(fault(parseRequest(Buffer.from(whole.subarray(0, cut)))), 'not-msgpack', `cut at ${cut}`);
  }
  assert.equal(fault(parseRequest(Buffer.concat([whole, whole]))), 'not-msgpack');
  assert.equal(fault(parseRequest(hex('c1'))), 'not-msgpack');
  assert.equal(fault(parseRequest(hex('dfffffffff'))), 'not-msgpack');
  assert.equal(fault(parseRequest(Buffer.from('GET / HTTP/1.1\r\n\r\n'))), 'not-msgpack');
  assert.equal(fault(parseRequest(Buffer.concat([Buffer.alloc(5000, 0x91), hex('c0')]))), 'not-msgpack');
});

test('replies are one of the forms', () => {
  const key = Buffer.alloc(256, 0xff);
  assert.deepEqual(parseReply(encodeSignedReply(hex('80ff'), key)), {
    kind: 'signed',
    load: hex('80ff'),
    signature: key,
  });
  assert.deepEqual(parseReply(encodeBadAlgorithm('encryption')), {
    kind: 'bad-algorithm',
    which: 'encryption',
  });
  assert.deepEqual(parseReply(encodeBadAlgorithm('signing')), { kind: 'bad-algorithm', which: 'signing' });
  assert.deepEqual(parseReply(packRaw({ enc: 'clear', load: { ret: false, cluster_retry: true } })), {
    kind: 'retry-later',
  });
  assert.deepEqual(parseReply(encodeSealedReply(blob)), { kind: 'sealed', blob });
  assert.deepEqual(parseReply(encodePillarReply(key, blob)), { kind: 'pillar', key, blob });
  const published = { jid: '20261122145001719109', minions: ['a'], missing: [] };
  assert.deepEqual(parseReply(packRaw({ enc: 'clear', load: published })), {
    kind: 'clear',
    load: new Map(Object.entries(published)),
  });
  assert.deepEqual(parseReply(packRaw({ error: 'Routing error' })), {
    kind: 'error',
    error: 'Routing error',
  });
  assert.deepEqual(parseReply(BAD_LOAD), { kind: 'text', text: 'bad load', bytes: Buffer.from('bad load') });
  assert.deepEqual(parseReply(encodePlainReply({})), { kind: 'map', map: new Map() });
  assert.deepEqual(parseReply(packRaw({ msg: 'bad load' })), {
    kind: 'map',
    map: new Map([['msg', 'bad load']]),
  });
});

test('what no master sends is malformed, not an exception', () => {
  const bad = [
    hex(''),
    hex('c1'),
    hex('c0'),
    hex('05'),
    hex('90'),
    packRaw({ enc: 'clear', load: 5 }),
    packRaw({ key: 1, pillar: blob }),
  ];
  for (const bytes of bad) assert.equal(parseReply(bytes).kind, 'malformed', bytes.toString('hex'));
  assert.equal(parseReply(packRaw({ enc: 'clear', load: Buffer.from([0x80]) })).kind, 'malformed');
});

test('publications are read and written', () => {
  const signature = Buffer.alloc(256, 0xfe);
  const whole = { blob, signature, sigAlgorithm: 'PKCS1v15-SHA224' } as const;
  assert.deepEqual(parsePublication(encodePublication(whole)), whole);
  const unsigned = { blob, signature: undefined, sigAlgorithm: 'PKCS1v15-SHA1' } as const;
  assert.deepEqual(parsePublication(encodePublication(unsigned)), unsigned);
  // before 3006.9 there was no sig_algo
  assert.deepEqual(parsePublication(packRaw({ enc: 'aes', load: blob, sig: signature })), {
    ...whole,
    sigAlgorithm: 'PKCS1v15-SHA1',
  });
  for (const bad of [
    {},
    [],
    { enc: 'clear', load: blob },
    { enc: 'aes' },
    { enc: 'aes', load: {} },
    { enc: 'aes', load: blob, sig_algo: 'none' },
  ]) {
    assert.equal(parsePublication(packRaw(bad)), undefined, JSON.stringify(bad));
  }
  assert.equal(parsePublication(hex('c1')), undefined);
});
