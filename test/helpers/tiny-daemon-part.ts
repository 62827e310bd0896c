/**
 * A daemon that does nothing, for tests of its life: `tiny-daemon-part.ts CONFIG-DIR [MODE]`. It serves the value of
 * `saltbus.max_jobs`, which SIGHUP reads again.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lifeOf, logLevelFor, runDaemonCommand } from '../../src/cli/daemon.ts';
import { reportError } from '../../src/cli/report-error.ts';
import { checkOwnSettings, integerOption, loadSaltConfig, pathOption } from '../../src/config/index.ts';
import type { SaltConfig } from '../../src/config/index.ts';
import type { DaemonContext, DaemonHandle } from '../../src/daemon/lifecycle/run-daemon.ts';
import { SaltbusError } from '../../src/errors.ts';

const [configDir = '', mode = ''] = process.argv.slice(2);

function read(): SaltConfig {
  const config = loadSaltConfig({ node: 'minion', configDir });
  checkOwnSettings(config);
  return config;
}

const jobs = (config: SaltConfig): number => integerOption(config, 'saltbus.max_jobs').value;
const never = new Promise<never>(() => undefined);

function who(): string {
  const groups = execFileSync('id', ['-G'], { encoding: 'utf8' }).trim();
  let back = 'no way back';
  try {
    process.setuid?.(0);
    back = 'a way back';
  } catch {
    // as it has to be
  }
  return [
    process.getuid?.(),
    process.getgid?.(),
    groups,
    process.env['HOME'],
    process.env['USER'],
    back,
  ].join(' ');
}

function start(config: SaltConfig, { signal, status }: DaemonContext): Promise<DaemonHandle> {
  if (mode === 'slow-start') {
    process.stderr.write('starting\n');
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(new Error('broken off'));
      });
    });
  }
  if (mode === 'who') {
    process.stderr.write(`who: ${who()}\n`);
    writeFileSync(join(pathOption(config, 'cachedir').value, 'made'), 'x');
  }
  if (mode === 'fault') setTimeout(() => (undefined as unknown as { readonly x: string }).x.length, 50);
  const server = setInterval(() => undefined, 1000);
  return Promise.resolve({
    ready: `serving ${jobs(config)} jobs`,
    fields: { token: 'not to be seen', notify: process.env['NOTIFY_SOCKET'] },
    ...(mode === 'fails'
      ? { failed: Promise.resolve(new SaltbusError('ERR_SALTBUS_MASTER_CHANGED', 'the master is another')) }
      : {}),
    ...(mode === 'no-reload'
      ? {}
      : {
          reload: () => {
            const now = jobs(read());
            process.stderr.write(`now ${now} jobs\n`);
            status(`serving ${now} jobs now`);
            return Promise.resolve();
          },
        }),
    close: async ({ signal: cut }) => {
      if (mode === 'hangs') await never;
      if (mode === 'slow') {
        await new Promise((resolve) => {
          cut.addEventListener('abort', resolve);
        });
      }
      clearInterval(server);
    },
  });
}

try {
  const config = read();
  process.exitCode = await runDaemonCommand({
    ...lifeOf(config),
    kind: 'tiny',
    name: 'tiny',
    logLevel: logLevelFor(undefined, config),
    start: (context) => start(config, context),
  });
} catch (error) {
  process.exitCode = reportError(error, false);
}
