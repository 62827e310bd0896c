/**
 * Walks over msgpack without building values, for envelopes of which only one part matters.
 */
import { SaltbusError } from '../../errors.ts';
import { MAX_DEPTH } from './limits.ts';

interface Span {
  readonly start: number;
  readonly end: number;
}

// Values still owed at each level around the current one. Shared: skip() never yields while it runs.
const OWED = new Float64Array(MAX_DEPTH);

function isArrayMarker(type: number): boolean {
  return (type >= 0x90 && type < 0xa0) || type === 0xdc || type === 0xdd;
}

/** A position in msgpack bytes. */
export class MsgpackCursor {
  readonly #buffer: Buffer;
  readonly #end: number;
  /** Offset of the next value. */
  position: number;

  constructor(buffer: Buffer, start: number, end: number) {
    this.#buffer = buffer;
    this.#end = end;
    this.position = start;
  }

  /** Whether a map stands here. */
  atMap(): boolean {
    const type = this.#peek();
    return (type >= 0x80 && type < 0x90) || type === 0xde || type === 0xdf;
  }

  /** Whether an array stands here. */
  atArray(): boolean {
    return isArrayMarker(this.#peek());
  }

  /** Reads the header of a map and returns the number of pairs; `undefined`, without moving, when a different type stands here. */
  mapHeader(): number | undefined {
    const type = this.#peek();
    if (type >= 0x80 && type < 0x90) {
      this.position += 1;
      return type & 0x0f;
    }
    if (type !== 0xde && type !== 0xdf) return undefined;
    this.position += 1;
    return this.#number(type === 0xde ? 2 : 4);
  }

  /** Reads a str or a bin and returns where its bytes stand; `undefined`, without moving, when a different type stands here. */
  byteString(): Span | undefined {
    const type = this.#peek();
    let length: number;
    if (type >= 0xa0 && type < 0xc0) {
      this.position += 1;
      length = type & 0x1f;
    } else if ((type >= 0xc4 && type <= 0xc6) || (type >= 0xd9 && type <= 0xdb)) {
      this.position += 1;
      length = this.#number(1 << (type >= 0xd9 ? type - 0xd9 : type - 0xc4));
    } else return undefined;
    const start = this.position;
    this.#pass(length);
    return { start, end: this.position };
  }

  /**
   * Moves past one value of any type.
   * @throws SaltbusError `ERR_SALTBUS_MSGPACK` when it is malformed or cut short, `ERR_SALTBUS_LIMIT` when nested deeper than {@link MAX_DEPTH}
   */
  skip(): void {
    let depth = 0;
    let owed = 1;
    for (;;) {
      owed -= 1;
      const type = this.#peek();
      const pairs = this.mapHeader();
      let inner = 0;
      if (pairs !== undefined) inner = 2 * pairs;
      else if (this.byteString() === undefined) {
        this.position += 1;
        inner = this.#scalarOrArray(type);
      }
      if (inner > this.#end - this.position) throw this.#short();
      // An empty collection is a level like any other: the decoder, and Python's, see it so.
      if (depth === MAX_DEPTH && (pairs !== undefined || isArrayMarker(type))) {
        throw new SaltbusError('ERR_SALTBUS_LIMIT', `The value is nested deeper than ${MAX_DEPTH} levels`);
      }
      if (inner > 0) {
        OWED[depth] = owed;
        depth += 1;
        owed = inner;
      }
      while (owed === 0) {
        if (depth === 0) return;
        depth -= 1;
        owed = OWED[depth] ?? 0;
      }
    }
  }

  // Moves past what follows the type byte, and returns how many elements an array owes.
  #scalarOrArray(type: number): number {
    if (type < 0x80 || type >= 0xe0 || type === 0xc0 || type === 0xc2 || type === 0xc3) return 0;
    if (type >= 0x90 && type < 0xa0) return type & 0x0f;
    if (type === 0xdc || type === 0xdd) return this.#number(type === 0xdc ? 2 : 4);
    if (type >= 0xc7 && type <= 0xc9) this.#pass(this.#number(1 << (type - 0xc7)) + 1);
    else if (type === 0xca || type === 0xcb) this.#pass(type === 0xca ? 4 : 8);
    else if (type >= 0xcc && type <= 0xcf) this.#pass(1 << (type - 0xcc));
    else if (type >= 0xd0 && type <= 0xd3) this.#pass(1 << (type - 0xd0));
    else if (type >= 0xd4 && type <= 0xd8) this.#pass((1 << (type - 0xd4)) + 1);
    else {
      throw new SaltbusError(
        'ERR_SALTBUS_MSGPACK',
        `Byte 0xc1 at offset ${this.position - 1} begins no msgpack value`,
      );
    }
    return 0;
  }

  #number(bytes: number): number {
    const at = this.position;
    this.#pass(bytes);
    return this.#buffer.readUIntBE(at, bytes);
  }

  #peek(): number {
    if (this.position >= this.#end) throw this.#short();
    return this.#buffer[this.position] ?? 0xc1;
  }

  #pass(count: number): void {
    if (count > this.#end - this.position) throw this.#short();
    this.position += count;
  }

  #short(): SaltbusError {
    return new SaltbusError('ERR_SALTBUS_MSGPACK', `The msgpack is cut short at offset ${this.#end}`);
  }
}
