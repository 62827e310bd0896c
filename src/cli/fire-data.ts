/**
 * Reads the data of events from arguments, files and stdin.
 */
import { createReadStream } from 'node:fs';
import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import { exactFromJson, readForms } from '../codec/json/exact-json.ts';
import { MAX_FRAME_BYTES } from '../codec/frame-splitter.ts';
import { exactFloat } from '../codec/msgpack/values.ts';
import type { ExactValue } from '../codec/msgpack/values.ts';
import { SaltbusError } from '../errors.ts';

/** Data and tag of a line. */
export interface LineEvent {
  readonly tag: string;
  readonly data: ReadonlyMap<unknown, unknown>;
}

/** One line of `--lines`. */
export interface InputLine {
  /** `line 3 of stdin`, for messages. */
  readonly where: string;
  /**
   * The event that the line means.
   * @throws SaltbusError `ERR_SALTBUS_JSON` or `ERR_SALTBUS_DATA`, naming the line
   */
  asEvent(tag: string | undefined): LineEvent;
}

/**
 * Reads one piece of data: from the arguments, from `-` (stdin), or from a file.
 * @throws SaltbusError `ERR_SALTBUS_JSON`, `ERR_SALTBUS_DATA`, `ERR_SALTBUS_USAGE`, `ERR_SALTBUS_CONFIG` (YAML), `ERR_SALTBUS_SYSTEM`
 */
export async function readData(args: readonly string[], file: string | undefined): Promise<ExactValue> {
  if (file !== undefined) return readFileData(file);
  const [first] = args;
  if (first === undefined) return new Map();
  if (first === '-' && args.length === 1) return exactFromJson(await readInput('-'), 'stdin');
  if (args.length === 1 && /^\s*[{[]/.test(first)) return exactFromJson(first, 'DATA');
  return readPairs(args);
}

async function readFileData(file: string): Promise<ExactValue> {
  const text = await readInput(file);
  if (!/\.ya?ml$/i.test(file)) return exactFromJson(text, file);
  const { parseSaltYaml } = await import('../config/index.ts');
  return readForms(parseSaltYaml(text, { file, float: exactFloat }) as ExactValue, file);
}

/** Longest input that is taken for one event, in bytes: no frame of the bus is longer. */
const MAX_INPUT_BYTES = MAX_FRAME_BYTES;

function nameOf(file: string): string {
  return file === '-' ? 'stdin' : file;
}

function openInput(file: string): Readable {
  return file === '-' ? process.stdin : createReadStream(file);
}

async function readInput(file: string): Promise<string> {
  const name = nameOf(file);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of openInput(file) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_INPUT_BYTES) throw tooLong(name);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof SaltbusError ? error : cannotRead(name, error);
  }
  return utf8Text(Buffer.concat(chunks, size), name).replace(/^\ufeff/, '');
}

function tooLong(what: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_LIMIT', `${what} has more than ${MAX_INPUT_BYTES} bytes`, {
    next: 'An event is one value of at most a few megabytes: look at what is given as input.',
  });
}

// What is no UTF-8 would become other text in silence.
function utf8Text(bytes: Buffer, what: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw new SaltbusError('ERR_SALTBUS_DATA', `${what} is not UTF-8 text`, {
    next: 'Write bytes as {"$bin": "base64"}, or convert the text to UTF-8.',
  });
}

async function readPairs(args: readonly string[]): Promise<ExactValue> {
  const { typeSaltScalar } = await import('../config/index.ts');
  const map = new Map<ExactValue, ExactValue>();
  for (const arg of args) {
    const at = arg.indexOf('=');
    if (at < 1) {
      throw new SaltbusError('ERR_SALTBUS_USAGE', `'${arg}' is neither a JSON object nor a k=v pair`, {
        next: `Write it as key='${arg}', or give one JSON object in single quotes.`,
      });
    }
    const key = arg.slice(0, at);
    if (map.has(key)) throw new SaltbusError('ERR_SALTBUS_USAGE', `The key '${key}' is given twice`);
    map.set(key, typeSaltScalar(arg.slice(at + 1), { float: exactFloat }) as ExactValue);
  }
  return map;
}

function cannotRead(file: string, error: unknown): SaltbusError {
  const reason = error instanceof Error ? error.message : String(error);
  return new SaltbusError('ERR_SALTBUS_USAGE', `${file} cannot be read: ${reason}`, {
    cause: error,
    next: 'Look at the path and its permissions.',
  });
}

/**
 * Reads lines from a file or stdin, in the groups in which they come. Empty lines are left out.
 * @throws SaltbusError `ERR_SALTBUS_USAGE` when it cannot be read, `ERR_SALTBUS_LIMIT` for a line without end
 */
export async function* readLines(file: string | undefined, signal: AbortSignal): AsyncGenerator<InputLine[]> {
  const name = nameOf(file ?? '-');
  const input = openInput(file ?? '-');
  const end = (): void => {
    input.destroy();
  };
  signal.addEventListener('abort', end, { once: true });
  const splitter = new LineSplitter(name);
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      const lines = splitter.push(chunk);
      if (lines.length > 0) yield lines;
    }
    const last = splitter.end();
    if (last.length > 0) yield last;
  } catch (error) {
    if (signal.aborted) return;
    throw (error as NodeJS.ErrnoException).code === undefined || error instanceof SaltbusError
      ? error
      : cannotRead(name, error);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** Cuts bytes at line feeds; a line that crosses chunks is put together once. */
class LineSplitter {
  readonly #name: string;
  #number = 0;
  #pieces: Buffer[] = [];
  #held = 0;

  constructor(name: string) {
    this.#name = name;
  }

  push(chunk: Buffer): InputLine[] {
    const lines: InputLine[] = [];
    let from = 0;
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, from)) {
      this.#hold(chunk.subarray(from, at));
      this.#take(lines);
      from = at + 1;
    }
    this.#hold(chunk.subarray(from));
    return lines;
  }

  end(): InputLine[] {
    const lines: InputLine[] = [];
    if (this.#held > 0) this.#take(lines);
    return lines;
  }

  #hold(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#held += piece.length;
    if (this.#held > MAX_INPUT_BYTES) throw tooLong(`line ${this.#number + 1} of ${this.#name}`);
    this.#pieces.push(piece);
  }

  #take(lines: InputLine[]): void {
    this.#number += 1;
    const [first] = this.#pieces;
    const whole =
      this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces, this.#held);
    this.#pieces = [];
    this.#held = 0;
    const line = whole.at(-1) === 0x0d ? whole.subarray(0, -1) : whole;
    if (!isBlank(line)) lines.push(new TextLine(line, `line ${this.#number} of ${this.#name}`));
  }
}

function isBlank(line: Buffer): boolean {
  for (const byte of line) if (byte !== 0x20 && (byte < 0x09 || byte > 0x0d)) return false;
  return true;
}

class TextLine implements InputLine {
  readonly #bytes: Buffer;
  readonly where: string;

  constructor(bytes: Buffer, where: string) {
    this.#bytes = bytes;
    this.where = where;
  }

  asEvent(tag: string | undefined): LineEvent {
    if (tag !== undefined) return { tag, data: this.#data() };
    const event = exactFromJson(utf8Text(this.#bytes, this.where), this.where);
    const inner =
      event instanceof Map ? (event as ReadonlyMap<string, ExactValue>) : new Map<string, ExactValue>();
    const innerTag = inner.get('tag');
    const data = inner.get('data');
    if (typeof innerTag !== 'string' || !(data instanceof Map)) {
      throw new SaltbusError('ERR_SALTBUS_DATA', `${this.where} is no event`, {
        next: 'Without TAG, each line is {"tag": ..., "data": {...}}, as saltbus listen -o json prints it.',
      });
    }
    return { tag: innerTag, data };
  }

  #data(): ReadonlyMap<unknown, unknown> {
    const isJson = this.#bytes.toString('latin1', 0, 100).trimStart().startsWith('{');
    // A log may hold a line in another encoding: it travels as the bytes that it is.
    if (!isJson)
      return new Map([['message', isUtf8(this.#bytes) ? this.#bytes.toString('utf8') : this.#bytes]]);
    const data = exactFromJson(utf8Text(this.#bytes, this.where), this.where);
    return data instanceof Map ? data : new Map([['message', data]]);
  }
}
