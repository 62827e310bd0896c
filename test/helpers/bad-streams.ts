/** What strays, or is sent on purpose, onto the sockets of a bus; and what each room makes of it. */
import { encodeFrame } from '../../src/codec/framing.ts';
import { encode } from '../../src/codec/msgpack/encode.ts';
import { EventBodyEncoder } from '../../src/codec/event-body.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { ValueMaker } from './value-maker.ts';

/** Bytes that follow good bare frames on a stream. */
export interface BadStream {
  readonly name: string;
  readonly bytes: Buffer;
  /**
   * `out-of-step`: the splitter gives the stream up. `bad-event`: one frame that is no event, and the stream goes on.
   * `cut`: it ends inside a frame. `event`: odd, and an event none the less.
   */
  readonly kind: 'out-of-step' | 'bad-event' | 'cut' | 'event';
  /** The code of the error; of an event, its tag. */
  readonly says: ErrorCode | (string & {});
}

/** The body of a small event. */
export function bodyOf(tag: string, data: Readonly<Record<string, unknown>> = {}): Buffer {
  return Buffer.from(new EventBodyEncoder().encode(tag, data));
}

/** A small event as a bare frame. */
export function eventFrame(tag: string): Buffer {
  return encodeFrame(bodyOf(tag), 'bare');
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const body = (...parts: Buffer[]): Buffer => encodeFrame(Buffer.concat(parts), 'bare');
const nested = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth, 0x91), hex('c0')]);
const map = (...pairs: (readonly [unknown, unknown])[]): Buffer => encode(new Map(pairs));

function outOfStep(name: string, bytes: Buffer, says: ErrorCode): BadStream {
  return { name, bytes, kind: 'out-of-step', says };
}

function badEvent(name: string, bytes: Buffer, says: ErrorCode): BadStream {
  return { name, bytes, kind: 'bad-event', says };
}

function odd(name: string, bytes: Buffer, tag: string): BadStream {
  return { name, bytes, kind: 'event', says: tag };
}

export const BAD_STREAMS: readonly BadStream[] = [
  outOfStep('another framing in the middle', encodeFrame(bodyOf('x'), 'prefixed'), 'ERR_SALTBUS_FRAME'),
  outOfStep('an HTTP request', latin1('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'ERR_SALTBUS_FRAME'),
  outOfStep('a TLS hello', hex('16030102000100'), 'ERR_SALTBUS_FRAME'),
  outOfStep('an SSH greeting', latin1('SSH-2.0-OpenSSH_9.6\r\n'), 'ERR_SALTBUS_FRAME'),
  outOfStep('a ZMTP greeting', hex('ff00000000000000017f03'), 'ERR_SALTBUS_FRAME'),
  outOfStep('zeros', Buffer.alloc(64), 'ERR_SALTBUS_FRAME'),
  outOfStep('line feeds', Buffer.alloc(64, 0x0a), 'ERR_SALTBUS_FRAME'),
  outOfStep('a byte that msgpack does not have', hex('c1'), 'ERR_SALTBUS_FRAME'),
  outOfStep('that byte inside a frame', hex('81a161c1'), 'ERR_SALTBUS_FRAME'),
  outOfStep('a list for a frame', hex('93010203'), 'ERR_SALTBUS_FRAME'),
  outOfStep('a body of 2^32-1 bytes', hex('82a46865616480a4626f6479c6ffffffff'), 'ERR_SALTBUS_LIMIT'),
  outOfStep('text of 2^32-1 bytes', hex('81a161dbffffffff'), 'ERR_SALTBUS_LIMIT'),
  outOfStep('an extension of 2^32-1 bytes', hex('81a161c9ffffffff'), 'ERR_SALTBUS_LIMIT'),
  outOfStep('a list of 2^32-1', hex('81a161ddffffffff'), 'ERR_SALTBUS_LIMIT'),
  outOfStep('a map of 2^32-1', hex('dfffffffff'), 'ERR_SALTBUS_LIMIT'),
  outOfStep(
    'lists of 2^25 in lists',
    hex('81a161dd02000000dd02000000dd02000000dd02000000'),
    'ERR_SALTBUS_LIMIT',
  ),
  badEvent('no end of the tag', body(latin1('no tag end')), 'ERR_SALTBUS_FRAME'),
  badEvent('an empty body', body(), 'ERR_SALTBUS_FRAME'),
  badEvent('one line feed', body(latin1('x\n\x80')), 'ERR_SALTBUS_FRAME'),
  badEvent('no data', body(latin1('x\n\n')), 'ERR_SALTBUS_MSGPACK'),
  badEvent('data that is a list', body(latin1('x\n\n'), hex('9101')), 'ERR_SALTBUS_DATA'),
  badEvent('data that is text', body(latin1('x\n\n'), hex('a161')), 'ERR_SALTBUS_DATA'),
  badEvent('data that is cut', body(latin1('x\n\n'), hex('82a16101')), 'ERR_SALTBUS_MSGPACK'),
  badEvent('more behind the data', body(latin1('x\n\n'), hex('8080')), 'ERR_SALTBUS_MSGPACK'),
  badEvent(
    'a byte in the data that msgpack does not have',
    body(latin1('x\n\n'), hex('81a161c1')),
    'ERR_SALTBUS_MSGPACK',
  ),
  badEvent(
    'text of 2^32-1 in the data',
    body(latin1('x\n\n'), hex('81a161dbffffffff')),
    'ERR_SALTBUS_MSGPACK',
  ),
  badEvent(
    'a list of 2^32-1 in the data',
    body(latin1('x\n\n'), hex('81a161ddffffffff')),
    'ERR_SALTBUS_MSGPACK',
  ),
  badEvent('a map of 2^32-1 for data', body(latin1('x\n\n'), hex('dfffffffff')), 'ERR_SALTBUS_MSGPACK'),
  badEvent(
    'data nested 10^5 deep',
    body(latin1('x\n\n'), hex('81a161'), nested(100_000)),
    'ERR_SALTBUS_LIMIT',
  ),
  badEvent('a frame nested 10^5 deep', Buffer.concat([hex('81a161'), nested(100_000)]), 'ERR_SALTBUS_LIMIT'),
  badEvent('a frame without a body', map(['head', new Map()]), 'ERR_SALTBUS_FRAME'),
  badEvent('an empty map for a frame', hex('80'), 'ERR_SALTBUS_FRAME'),
  badEvent('a body that is a map', map(['body', new Map([['a', 1]])]), 'ERR_SALTBUS_FRAME'),
  badEvent('a body that is nil', map(['head', new Map()], ['body', null]), 'ERR_SALTBUS_FRAME'),
  {
    name: 'a frame that is cut',
    bytes: eventFrame('cut').subarray(0, -1),
    kind: 'cut',
    says: 'ERR_SALTBUS_FRAME',
  },
  {
    name: 'a length that is cut',
    bytes: hex('82a46865616480a4626f6479c600'),
    kind: 'cut',
    says: 'ERR_SALTBUS_FRAME',
  },
  odd('an empty tag', body(latin1('\n\n'), hex('80')), ''),
  odd('a tag with control characters', body(latin1('a\x1b[2J\rb\n\n'), hex('80')), 'a\u001b[2J\rb'),
  odd('a tag that is no UTF-8', body(latin1('a\xff\n\n'), hex('80')), 'a\ufffd'),
  odd('a third line feed', body(latin1('a\n\n'), hex('81a10ac0')), 'a'),
  odd('a body that is text', hex('82a46865616480a4626f6479a4610a0a80'), 'a'),
  odd('the body first, and more keys', map(['body', bodyOf('a')], ['head', new Map()], [1, [null]]), 'a'),
  odd('keys that are bytes', map([latin1('head'), new Map()], [latin1('body'), bodyOf('a')]), 'a'),
  odd('no head', map(['body', bodyOf('a')]), 'a'),
  odd('two bodies: the last one counts', map(['body', bodyOf('b')], [latin1('body'), bodyOf('a')]), 'a'),
];

/** Random bytes, the same for the same seed. */
export function randomBytes(seed: number, length: number): Buffer {
  return Buffer.from(new ValueMaker(seed).bytes(length));
}
