/**
 * YAML as Salt reads it: PyYAML's SafeLoader (YAML 1.1) with Salt's changes. Timestamps stay text, numbers with a leading
 * zero are decimal, and a key that stands twice is an error (seen in Salt 3006.30, 3007.17 and 3008.5).
 *
 * The `yaml` package does the syntax; what a plain scalar means is decided here, by PyYAML's own rules, because they
 * differ from every schema of the package (`1e3` is text, `y` is text, `1:30` is 90).
 */
import { createRequire } from 'node:module';
import type * as YamlPackage from 'yaml';
import { SaltbusError } from '../errors.ts';

// Loading the package takes longer than all else that a one-shot `fire` does; where there is no file, it is not needed.
const require = createRequire(import.meta.url);
let loaded: typeof YamlPackage | undefined;
function yamlPackage(): typeof YamlPackage {
  return (loaded ??= require('yaml') as typeof YamlPackage);
}

/** How values are made. */
export interface YamlOptions {
  /** How the text is named in an error. */
  readonly file: string;
  /** Makes the value of a float, so that `1.0` can be kept apart from `1`. @defaultValue a number */
  readonly float?: (value: number) => unknown;
}

/** A parsed document, and where the keys of its top-level map stand. */
export interface YamlDocument {
  readonly value: unknown;
  /** 1-based line of each top-level key. */
  readonly lines: ReadonlyMap<unknown, number>;
  /** 1-based line of each key of the map that stands at a top-level key; none where there is no map. */
  readonly linesBelow: (key: unknown) => ReadonlyMap<unknown, number>;
}

// A configuration file is small; aliases that multiply it are no configuration.
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_ALIASES = 10_000;

/**
 * Parses YAML text: maps become `Map`s in the order of the text, with keys of any scalar type.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` with file and line
 */
export function parseSaltYaml(text: string, options: YamlOptions): unknown {
  return readYaml(text, options).value;
}

/**
 * Parses YAML text, and says where its top-level keys stand.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` with file and line
 */
export function readYaml(text: string, options: YamlOptions): YamlDocument {
  if (text.length > MAX_BYTES)
    throw wrong(options.file, undefined, `it has more than ${MAX_BYTES} characters`);
  const { LineCounter, parseDocument } = yamlPackage();
  const counter = new LineCounter();
  const source = text.startsWith('\ufeff') ? text.slice(1) : text;
  const document = parseDocument(source, {
    schema: 'failsafe',
    version: '1.1',
    lineCounter: counter,
    uniqueKeys: false,
    keepSourceTokens: false,
    // 'silent' would also hide that a second document follows, which Salt refuses
    logLevel: 'error',
  });
  const [error] = document.errors;
  if (error !== undefined) {
    throw wrong(
      options.file,
      counter.linePos(error.pos[0]).line,
      error.code === 'MULTIPLE_DOCS'
        ? 'it holds more than one document'
        : (error.message.split(' at line ')[0] ?? error.message),
    );
  }
  const builder = new Builder(document, counter, options);
  return {
    value: builder.value(document.contents),
    lines: builder.topLines(document.contents),
    linesBelow: (key) => builder.linesBelow(document.contents, key),
  };
}

function wrong(file: string, line: number | undefined, problem: string): SaltbusError {
  const place = line === undefined ? file : `${file}:${line}`;
  return new SaltbusError('ERR_SALTBUS_CONFIG', `${place}: ${problem}`);
}

class Builder {
  readonly #document: YamlPackage.Document;
  readonly #counter: YamlPackage.LineCounter;
  readonly #options: YamlOptions;
  readonly #yaml = yamlPackage();
  #aliases = 0;
  /** What aliases stand for that are being read. */
  readonly #resolving = new Set<unknown>();

  constructor(document: YamlPackage.Document, counter: YamlPackage.LineCounter, options: YamlOptions) {
    this.#document = document;
    this.#counter = counter;
    this.#options = options;
  }

  topLines(contents: unknown): ReadonlyMap<unknown, number> {
    const lines = new Map<unknown, number>();
    if (!this.#yaml.isMap(contents)) return lines;
    for (const { key } of contents.items) {
      const line = this.#lineOf(key);
      if (line !== undefined) lines.set(this.value(key), line);
    }
    return lines;
  }

  linesBelow(contents: unknown, wanted: unknown): ReadonlyMap<unknown, number> {
    if (!this.#yaml.isMap(contents)) return new Map();
    return this.topLines(contents.items.find(({ key }) => this.value(key) === wanted)?.value);
  }

  value(node: unknown): unknown {
    const { isAlias, isMap, isScalar, isSeq } = this.#yaml;
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return this.#alias(node);
    if (isScalar(node)) return this.#scalar(node);
    if (isSeq(node)) return node.items.map((item) => this.value(item));
    if (isMap(node)) return this.#map(node);
    throw this.#wrong(node, 'this is no YAML that Salt reads');
  }

  #alias(node: YamlPackage.Alias): unknown {
    this.#aliases += 1;
    if (this.#aliases > MAX_ALIASES) throw this.#wrong(node, 'too many aliases');
    const target = node.resolve(this.#document);
    if (target === undefined) throw this.#wrong(node, `the alias *${node.source} has no anchor`);
    if (this.#resolving.has(target)) throw this.#wrong(node, `the alias *${node.source} contains itself`);
    this.#resolving.add(target);
    const value = this.value(target);
    this.#resolving.delete(target);
    return value;
  }

  #map(node: YamlPackage.YAMLMap): ReadonlyMap<unknown, unknown> {
    const map = new Map<unknown, unknown>();
    const merged: ReadonlyMap<unknown, unknown>[] = [];
    for (const { key, value } of node.items) {
      if (this.#isMergeKey(key)) {
        merged.push(...this.#mergeSources(value));
        continue;
      }
      const name = this.value(key);
      if (Array.isArray(name) || name instanceof Map) throw this.#wrong(key, 'a list or map cannot be a key');
      if (map.has(name)) throw this.#wrong(key, `the key '${String(name)}' stands twice`);
      map.set(name, this.value(value));
    }
    for (const source of merged) for (const [name, value] of source) if (!map.has(name)) map.set(name, value);
    return map;
  }

  #isMergeKey(key: unknown): boolean {
    return this.#yaml.isScalar(key) && key.type === 'PLAIN' && key.value === '<<' && key.tag === undefined;
  }

  #mergeSources(node: unknown): ReadonlyMap<unknown, unknown>[] {
    const value = this.value(node);
    const sources = Array.isArray(value) ? (value as unknown[]) : [value];
    for (const source of sources) {
      if (!(source instanceof Map)) throw this.#wrong(node, 'what is merged with << must be a map');
    }
    return sources as ReadonlyMap<unknown, unknown>[];
  }

  #scalar(node: YamlPackage.Scalar): unknown {
    // the failsafe schema makes text of every scalar
    const text = (node.value ?? '') as string;
    const tag = node.tag;
    if (tag === undefined || tag === 'tag:yaml.org,2002:str') {
      return tag === undefined && node.type === 'PLAIN' ? plainScalar(text, this.#options) : text;
    }
    switch (tag) {
      case '!':
      case 'tag:yaml.org,2002:python/unicode':
      case 'tag:yaml.org,2002:timestamp':
        return text;
      case 'tag:yaml.org,2002:binary':
        return new Uint8Array(Buffer.from(text, 'base64'));
      case 'tag:yaml.org,2002:null':
        return null;
      case 'tag:yaml.org,2002:bool':
      case 'tag:yaml.org,2002:int':
      case 'tag:yaml.org,2002:float':
        return plainScalar(text, this.#options);
      default:
        throw this.#wrong(node, `the tag ${tag} is not known`);
    }
  }

  #lineOf(node: unknown): number | undefined {
    const range = (node as { readonly range?: readonly number[] | null } | null)?.range;
    return range?.[0] === undefined ? undefined : this.#counter.linePos(range[0]).line;
  }

  #wrong(node: unknown, problem: string): SaltbusError {
    return wrong(this.#options.file, this.#lineOf(node), problem);
  }
}

const NULLS: ReadonlySet<string> = new Set(['', '~', 'null', 'Null', 'NULL']);
const TRUES: ReadonlySet<string> = new Set(['yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']);
const FALSES: ReadonlySet<string> = new Set([
  'no',
  'No',
  'NO',
  'false',
  'False',
  'FALSE',
  'off',
  'Off',
  'OFF',
]);
const INT =
  /^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const FLOAT =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

// What a scalar without quotes and tag means.
function plainScalar(text: string, options: YamlOptions): unknown {
  if (NULLS.has(text)) return null;
  if (TRUES.has(text)) return true;
  if (FALSES.has(text)) return false;
  if (INT.test(text)) return integer(text);
  if (FLOAT.test(text)) return (options.float ?? ((value: number) => value))(float(text));
  return text;
}

function integer(text: string): unknown {
  // Salt strips the zeros that make an octal number of it, but only where no sign stands before them.
  const decimal = /^0(?![bx])/.test(text) ? text.replace(/^0+(?=.)/, '') : text;
  const digits = decimal.replaceAll('_', '');
  if (digits === '') return text;
  const negative = digits.startsWith('-');
  const bare = digits.replace(/^[-+]/, '');
  let value: bigint;
  if (/^0[0-7]+$/.test(bare)) value = BigInt(`0o${bare.slice(1)}`);
  else if (bare.includes(':')) value = bare.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n);
  else value = BigInt(bare === '' ? '0' : bare);
  const signed = negative ? -value : value;
  return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
}

function float(text: string): number {
  const lower = text.replaceAll('_', '').toLowerCase();
  const sign = lower.startsWith('-') ? -1 : 1;
  const bare = lower.replace(/^[-+]/, '');
  if (bare === '.inf') return sign * Infinity;
  if (bare === '.nan') return NaN;
  if (bare.includes(':')) return sign * bare.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return sign * Number(bare);
}

// Words with single spaces between them, and nothing that YAML has a meaning for.
const PLAIN_WORDS = /^[A-Za-z0-9_/+][A-Za-z0-9_/+.-]*(?: [A-Za-z0-9_/+.-]+)*$/;

/**
 * Gives the value of a `k=v` argument its type as Salt's command line does (`yamlify_arg`, the same in 3006, 3007 and
 * 3008): YAML, unless that would lose something of the text.
 */
export function typeSaltScalar(text: string, options: Omit<YamlOptions, 'file'> = {}): unknown {
  if (['', '---', '...'].includes(text.trim())) return text;
  if (text.includes('_') && /^[0-9_]+$/.test(text.trim())) return text;
  if (/[\t\r\n]/.test(text)) return text;
  if (text === 'None') return null;
  // What can only be a plain scalar is one without asking the parser, which takes longer to load than a fire takes.
  if (PLAIN_WORDS.test(text)) return plainScalar(text, { ...options, file: 'the argument' });
  let value: unknown;
  try {
    value = parseSaltYaml(text, { ...options, file: 'the argument' });
  } catch {
    return text;
  }
  // A # begins a comment in YAML: only what is no text at all may be taken from such an argument.
  if (text.includes('#')) return typeof value === 'string' || value === null ? text : value;
  if (value instanceof Map) return text.startsWith('{') ? value : text;
  if (Array.isArray(value)) return text.startsWith('[') ? (value as unknown) : text;
  if (value instanceof Uint8Array) return text;
  if ((value === '' || value === null) && (text === '|' || text === '!')) return text;
  return value;
}
