/**
 * Installs the pinned releases of real Salt, one virtual environment each, in a cache outside the tree.
 *
 *     npx tsx scripts/salt/install.ts [--json] [RELEASE...]
 *     npx tsx scripts/salt/install.ts --check-newer
 */
import { createHash } from 'node:crypto';
import { access, constants, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { withLock } from './lock.ts';
import { reportNewer } from './newer.ts';
import { findPython, run } from './python.ts';
import type { Python } from './python.ts';
import { chooseReleases, readMatrix } from './releases.ts';
import type { PinnedRelease } from './releases.ts';

/** A release that is installed and was seen to run. */
export interface InstalledSalt {
  readonly available: true;
  readonly release: string;
  /** The virtual environment. */
  readonly venv: string;
  /** The version of Python in it, such as `3.11`. */
  readonly python: string;
  /** Whether it was there already. */
  readonly cached: boolean;
  readonly seconds: number;
}

/** A release that cannot be had here: no Python, or no package index. */
export interface MissingSalt {
  readonly available: false;
  readonly release: string;
  /** One line. */
  readonly reason: string;
}

/** What became of one release. */
export type SaltInstallation = InstalledSalt | MissingSalt;

/** Options of {@link installSalt}. */
export interface InstallOptions {
  /** Called once for each release, when it is done. */
  readonly onDone?: (installation: SaltInstallation) => void;
  /** @defaultValue 2 */
  readonly concurrency?: number;
}

// A change of the steps below makes every older install unfit: raise it then.
const STEPS = 1;
const MARKER = 'saltbus-install-complete.json';

/** Where installs are kept: `$SALTBUS_CACHE_DIR`, `$XDG_CACHE_HOME/saltbus` or `~/.cache/saltbus`. */
export function cacheDirectory(): string {
  const own = process.env['SALTBUS_CACHE_DIR'];
  if (own !== undefined && own !== '') return own;
  const xdg = process.env['XDG_CACHE_HOME'];
  return join(xdg !== undefined && xdg !== '' ? xdg : join(homedir(), '.cache'), 'saltbus');
}

async function isComplete(venv: string): Promise<boolean> {
  try {
    await access(join(venv, MARKER));
    // a link to an interpreter that has been removed since leaves the marker behind
    await access(join(venv, 'bin', 'python'), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** pip says one of these when the index cannot be reached, as opposed to a package that cannot be built. */
const UNREACHABLE =
  /NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Max retries exceeded|Network is unreachable|Could not fetch URL|Connection (?:refused|reset|broken)|Temporary failure in name resolution/;

class Unreachable extends Error {}

async function step(name: string, command: string, args: readonly string[]): Promise<string> {
  const { code, output } = await run(command, args);
  if (code === 0) return output;
  const lines = output.trim().split('\n');
  if (UNREACHABLE.test(output)) throw new Unreachable(`${name}: the package index cannot be reached`);
  throw new Error(`${name} failed (exit ${code}):\n${lines.slice(-15).join('\n')}`);
}

async function build(pinned: PinnedRelease, python: Python, venv: string): Promise<void> {
  const { release } = pinned;
  // scripts in a virtual environment name its path, so it is made in its place, and the marker comes last
  await rm(venv, { recursive: true, force: true });
  await step(`${release}: venv`, python.executable, ['-m', 'venv', venv]);
  const interpreter = join(venv, 'bin', 'python');
  const pip = [
    '-m',
    'pip',
    '--disable-pip-version-check',
    '--no-input',
    'install',
    '--quiet',
    '--no-compile',
    '--no-deps',
  ];
  await step(`${release}: requirements`, interpreter, [...pip, '--requirement', pinned.requirements]);
  // Built with the pinned setuptools of the list: the newest ones leave the dependencies out of what 3006.25 and 3007.14 build,
  // and a build of its own environment would fetch the newest.
  await step(`${release}: salt`, interpreter, [...pip, '--no-build-isolation', `salt==${release}`]);
  // a file that does not compile is one that nothing can import: its exit code says nothing here
  await run(interpreter, ['-m', 'compileall', '-qq', '-j', '2', join(venv, 'lib')]);
  await step(`${release}: imports`, interpreter, [
    '-c',
    'import salt.master, salt.minion, salt.utils.event, salt.cli.daemons',
  ]);
  const version = await step(`${release}: version`, join(venv, 'bin', 'salt-call'), ['--version']);
  if (!version.includes(` ${release} `)) throw new Error(`${release}: salt-call says '${version.trim()}'`);
  const marker = join(venv, MARKER);
  await writeFile(`${marker}.part`, `${JSON.stringify({ release, python: python.minor })}\n`);
  await rename(`${marker}.part`, marker);
}

async function installOne(pinned: PinnedRelease, python: Python): Promise<SaltInstallation> {
  const started = performance.now();
  const cache = cacheDirectory();
  const requirements = await readFile(pinned.requirements, 'utf8');
  const hash = createHash('sha256').update(`${STEPS}\n${requirements}`).digest('hex').slice(0, 12);
  const venv = join(cache, `salt-${pinned.release}-py${python.minor}-${hash}`);
  const installed = (cached: boolean): InstalledSalt => ({
    available: true,
    release: pinned.release,
    venv,
    python: python.minor,
    cached,
    seconds: Math.round((performance.now() - started) / 100) / 10,
  });
  if (await isComplete(venv)) return installed(true);
  await mkdir(cache, { recursive: true });
  return await withLock(python, `${venv}.lock`, async () => {
    // the other run that held the lock may have done it
    if (await isComplete(venv)) return installed(true);
    try {
      await build(pinned, python, venv);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      return { available: false, release: pinned.release, reason: error.message };
    }
    return installed(false);
  });
}

/**
 * Makes sure that releases of the matrix are installed, all of them when none is named, a few at a time.
 * @throws Error when a release is not in the matrix, or its installation fails for another reason than a missing Python or an
 * index that cannot be reached
 */
export async function installSalt(
  names: readonly string[] = [],
  options: InstallOptions = {},
): Promise<readonly SaltInstallation[]> {
  const matrix = await readMatrix();
  const releases = chooseReleases(matrix, names);
  const python = await findPython(matrix.pythons);
  const results = new Map<string, SaltInstallation>();
  const done = (installation: SaltInstallation): void => {
    results.set(installation.release, installation);
    options.onDone?.(installation);
  };
  if (python === undefined) {
    const reason = `no Python ${matrix.pythons.join(' or ')} with venv was found (SALTBUS_PYTHON can name one)`;
    for (const { release } of releases) done({ available: false, release, reason });
  } else {
    const waiting = [...releases];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        done(await installOne(next, python));
    };
    await Promise.all(Array.from({ length: options.concurrency ?? 2 }, worker));
  }
  return releases.flatMap(({ release }) => results.get(release) ?? []);
}

/** One line on a release, for people. */
export function describeInstallation(installation: SaltInstallation): string {
  if (!installation.available) return `salt ${installation.release}: not available: ${installation.reason}`;
  const how = installation.cached ? 'cached' : `installed in ${installation.seconds} s`;
  return `salt ${installation.release}: ${how} (Python ${installation.python}, ${installation.venv})`;
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      'check-newer': { type: 'boolean', default: false },
    },
  });
  if (values['check-newer']) {
    process.exitCode = await reportNewer(cacheDirectory());
    return;
  }
  const installations = await installSalt(positionals, {
    onDone: (installation) => {
      // with --json standard output is for the program that asked
      (values.json ? process.stderr : process.stdout).write(`${describeInstallation(installation)}\n`);
    },
  });
  if (values.json) process.stdout.write(`${JSON.stringify(installations, undefined, 2)}\n`);
  if (installations.some((installation) => !installation.available)) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
