/**
 * Reads Salt's configuration with Salt's own order: main file, then `default_include`, then `include`, each laid over
 * what came before (seen in Salt 3006.30, 3007.17 and 3008.5).
 */
import { basename, dirname, isAbsolute, join } from 'node:path';
import { SaltbusError } from '../errors.ts';
import type { Configured, ConfiguredValues, ConfigNode, Origin } from './configured.ts';
import { OUR_KEY } from './options/ours.ts';
import { optionDefault } from './options/table.ts';
import { realSystem } from './system-facts.ts';
import type { SystemFacts } from './system-facts.ts';
import { readYaml } from './yaml.ts';

/** What was read. */
export interface SaltConfig extends ConfiguredValues {
  /** The main file, whether or not it is there. */
  readonly mainFile: string;
  /** What names the main file. */
  readonly mainFileOrigin: Origin;
  /** All files that were read, in order. */
  readonly files: readonly string[];
  /** What could not be used and was left out. */
  readonly warnings: readonly string[];
  readonly system: SystemFacts;
}

/** What to read. */
export interface LoadOptions {
  readonly node: ConfigNode;
  /** The configuration directory, as `-c` says it. @defaultValue `SALT_CONFIG_DIR`, or Salt's own */
  readonly configDir?: string;
  readonly system?: SystemFacts;
}

// BSD packages and SunOS have their own place (Salt's syspaths, all releases).
const CONFIG_DIRS: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  freebsd: '/usr/local/etc/salt',
  netbsd: '/usr/pkg/etc/salt',
  sunos: '/opt/local/etc/salt',
};

/** Salt's configuration directory where nothing else is said. */
export const DEFAULT_CONFIG_DIR: string = CONFIG_DIRS[process.platform] ?? '/etc/salt';

const MAX_INCLUDE_DEPTH = 32;

// The main file that Salt would read. An environment variable counts only when `-c` names no other directory.
function mainFileOf(options: LoadOptions, system: SystemFacts): Configured<string> {
  const { node, configDir } = options;
  const { env } = system;
  if (configDir !== undefined)
    return { value: join(configDir, node), origin: { kind: 'flag', name: '--config-dir' } };
  const variable = `SALT_${node.toUpperCase()}_CONFIG`;
  const named = env[variable];
  if (named !== undefined && named !== '' && readable(system, named))
    return { value: named, origin: { kind: 'env', name: variable } };
  const directory = env['SALT_CONFIG_DIR'];
  if (directory !== undefined && directory !== '')
    return { value: join(directory, node), origin: { kind: 'env', name: 'SALT_CONFIG_DIR' } };
  return { value: join(DEFAULT_CONFIG_DIR, node), origin: { kind: 'default' } };
}

function readable(system: SystemFacts, path: string): boolean {
  try {
    return system.readFile(path) !== undefined;
  } catch {
    return true;
  }
}

/**
 * Reads the configuration. A main file that is not there is none; a drop-in that is broken is left out with a warning.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` with file and line when the main file is broken or may not be read
 */
export function loadSaltConfig(options: LoadOptions): SaltConfig {
  const system = options.system ?? realSystem();
  const { value: mainFile, origin: mainFileOrigin } = mainFileOf(options, system);
  const reader = new Reader(system);
  const main = reader.file(mainFile, true);
  const defaultInclude = main.get('default_include')?.value ?? optionDefault('default_include', options.node);
  const include = main.get('include')?.value ?? [];
  const values = new Map(main);
  for (const group of [defaultInclude, include]) {
    for (const [key, value] of reader.include(group, mainFile, 0)) values.set(key, value);
  }
  return {
    node: options.node,
    mainFile,
    mainFileOrigin,
    files: reader.files,
    values,
    warnings: reader.warnings,
    system,
  };
}

type Values = Map<string, Configured>;

class Reader {
  readonly files: string[] = [];
  readonly warnings: string[] = [];
  readonly #system: SystemFacts;

  constructor(system: SystemFacts) {
    this.#system = system;
  }

  file(path: string, isMain: boolean): Values {
    try {
      return this.#read(path);
    } catch (error) {
      if (!(error instanceof SaltbusError) || isMain) throw error;
      this.warnings.push(error.message);
      return new Map();
    }
  }

  #read(path: string): Values {
    const values: Values = new Map();
    let text: string | undefined;
    try {
      text = this.#system.readFile(path);
    } catch (error) {
      throw new SaltbusError('ERR_SALTBUS_CONFIG', `${path} cannot be read: ${(error as Error).message}`, {
        cause: error,
        next: 'Run as a user who may read it, or say where the bus is with --sock-dir and --id.',
      });
    }
    if (text === undefined) return values;
    this.files.push(path);
    const { value, lines, linesBelow } = readYaml(text, { file: path });
    if (value === null) return values;
    if (!(value instanceof Map)) {
      throw new SaltbusError('ERR_SALTBUS_CONFIG', `${path}:1: the file holds no map of options`, {
        next: 'Write options as "name: value", one a line.',
      });
    }
    for (const [key, option] of value as ReadonlyMap<unknown, unknown>) {
      if (typeof key !== 'string') continue;
      const line = lines.get(key) ?? 1;
      if (key !== OUR_KEY || !(option instanceof Map)) {
        values.set(key, { value: option, origin: { kind: 'file', file: path, line } });
        continue;
      }
      // Our own settings one by one, so that each knows its line, and a drop-in can set one of them without the others.
      const inner = linesBelow(key);
      for (const [name, setting] of option as ReadonlyMap<unknown, unknown>) {
        const origin: Origin = { kind: 'file', file: path, line: inner.get(name) ?? line };
        values.set(`${OUR_KEY}.${String(name)}`, { value: setting, origin });
      }
    }
    return values;
  }

  /** The files of one `include`, merged into each other: maps key by key, lists one after the other. */
  include(patterns: unknown, from: string, depth: number): Values {
    const merged: Values = new Map();
    if (depth > MAX_INCLUDE_DEPTH) {
      this.warnings.push(
        `${from}: include goes deeper than ${MAX_INCLUDE_DEPTH} files; the rest is left out`,
      );
      return merged;
    }
    for (const pattern of asList(patterns)) {
      if (typeof pattern !== 'string') continue;
      for (const path of this.#glob(pattern, from)) {
        const values = this.file(path, false);
        const inner = values.get('include');
        if (inner !== undefined) {
          for (const [key, value] of this.include(inner.value, path, depth + 1)) values.set(key, value);
        }
        for (const [key, value] of values) merged.set(key, mergeConfigured(merged.get(key), value));
      }
    }
    return merged;
  }

  #glob(pattern: string, from: string): string[] {
    const home = pattern.replace(/^~(?=\/|$)/, this.#system.home);
    const path = isAbsolute(home) ? home : join(dirname(from), home);
    return this.#expand(path).sort();
  }

  // Wildcards in any part of the path; names that begin with a dot need to be asked for, as in a shell.
  #expand(path: string): string[] {
    const name = basename(path);
    const parent = dirname(path);
    const parents = /[*?[]/.test(parent) ? this.#expand(parent) : [parent];
    if (!/[*?[]/.test(name))
      return parents
        .map((directory) => join(directory, name))
        .filter((file) => readable(this.#system, file) || this.#system.list(file).length > 0);
    const matches = globName(name);
    return parents.flatMap((directory) =>
      this.#system
        .list(directory)
        .filter((entry) => matches(entry) && (!entry.startsWith('.') || name.startsWith('.')))
        .map((entry) => join(directory, entry)),
    );
  }
}

function globName(pattern: string): (name: string) => boolean {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at] ?? '';
    const close = character === '[' ? pattern.indexOf(']', at + 2) : -1;
    if (character === '*') source += '.*';
    else if (character === '?') source += '.';
    else if (close !== -1) {
      source += `[${pattern
        .slice(at + 1, close)
        .replace(/^!/, '^')
        .replaceAll('\\', '\\\\')}]`;
      at = close;
    } else source += character.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  }
  const expression = new RegExp(`^${source}$`, 's');
  return (name) => expression.test(name);
}

function asList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return value === null || value === undefined || value === '' ? [] : [value];
}

function mergeConfigured(before: Configured | undefined, after: Configured): Configured {
  return before === undefined
    ? after
    : { value: mergeValues(before.value, after.value), origin: after.origin };
}

function mergeValues(before: unknown, after: unknown): unknown {
  if (before instanceof Map && after instanceof Map) {
    const merged = new Map(before as ReadonlyMap<unknown, unknown>);
    for (const [key, value] of after as ReadonlyMap<unknown, unknown>) {
      merged.set(key, merged.has(key) ? mergeValues(merged.get(key), value) : value);
    }
    return merged;
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    return [
      ...(before as unknown[]),
      ...(after as unknown[]).filter((item) => !(before as unknown[]).includes(item)),
    ];
  }
  return after;
}
