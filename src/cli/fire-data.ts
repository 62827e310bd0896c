/**
 * Reads the data of events from arguments, files and stdin.
 */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import { exactFromJson, readForms } from '../codec/json/exact-json.ts';
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
  if (first === '-' && args.length === 1) return exactFromJson(await readAll(process.stdin), 'stdin');
  if (args.length === 1 && /^\s*[{[]/.test(first)) return exactFromJson(first, 'DATA');
  return readPairs(args);
}

async function readFileData(file: string): Promise<ExactValue> {
  let text: string;
  try {
    text = file === '-' ? await readAll(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw cannotRead(file, error);
  }
  if (!/\.ya?ml$/i.test(file)) return exactFromJson(text, file);
  const { parseSaltYaml } = await import('../config/index.ts');
  return readForms(parseSaltYaml(text, { file, float: exactFloat }) as ExactValue, file);
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

/** Reads lines from a file or stdin, in the groups in which they come. Empty lines are left out. */
export async function* readLines(file: string | undefined, signal: AbortSignal): AsyncGenerator<InputLine[]> {
  const name = file === undefined || file === '-' ? 'stdin' : file;
  const input: Readable = name === 'stdin' ? process.stdin : createReadStream(name);
  const end = (): void => {
    input.destroy();
  };
  signal.addEventListener('abort', end, { once: true });
  const decoder = new StringDecoder('utf8');
  let number = 0;
  let rest = '';
  const asLines = (texts: readonly string[]): InputLine[] => {
    const lines: InputLine[] = [];
    for (const text of texts) {
      number += 1;
      if (text.trim() !== '') lines.push(new TextLine(text.replace(/\r$/, ''), `line ${number} of ${name}`));
    }
    return lines;
  };
  try {
    for await (const chunk of input) {
      const parts = (rest + decoder.write(chunk as Buffer)).split('\n');
      rest = parts.pop() ?? '';
      if (parts.length > 0) yield asLines(parts);
    }
    rest += decoder.end();
    if (rest !== '') yield asLines([rest]);
  } catch (error) {
    if (signal.aborted) return;
    throw (error as NodeJS.ErrnoException).code === undefined ? error : cannotRead(name, error);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

class TextLine implements InputLine {
  readonly #text: string;
  readonly #where: string;

  constructor(text: string, where: string) {
    this.#text = text;
    this.#where = where;
  }

  asEvent(tag: string | undefined): LineEvent {
    if (tag !== undefined) return { tag, data: this.#data() };
    const event = exactFromJson(this.#text, this.#where);
    const inner =
      event instanceof Map ? (event as ReadonlyMap<string, ExactValue>) : new Map<string, ExactValue>();
    const innerTag = inner.get('tag');
    const data = inner.get('data');
    if (typeof innerTag !== 'string' || !(data instanceof Map)) {
      throw new SaltbusError('ERR_SALTBUS_DATA', `${this.#where} is no event`, {
        next: 'Without TAG, each line is {"tag": ..., "data": {...}}, as saltbus listen -o json prints it.',
      });
    }
    return { tag: innerTag, data };
  }

  #data(): ReadonlyMap<unknown, unknown> {
    if (!this.#text.trimStart().startsWith('{')) return new Map([['message', this.#text]]);
    const data = exactFromJson(this.#text, this.#where);
    return data instanceof Map ? data : new Map([['message', data]]);
  }
}
