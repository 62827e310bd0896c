/** Salt's own commands beside a real master, and its bus, in tests of our minion and master. */
import { execFile } from 'node:child_process';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { Bus } from '../../src/bus/bus.ts';
import type { Subscription } from '../../src/bus/subscription.ts';
import { connect } from '../../src/client/connect.ts';
import { saltCommand } from '../interop/helpers.ts';

const execute = promisify(execFile);

/** Runs a command of Salt beside a master. */
export function runSalt(
  configDir: string,
  command: string,
  ...args: readonly string[]
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return execute(saltCommand(command), ['-c', configDir, ...args], {
    env: { ...process.env, PYTHONWARNINGS: 'ignore', LANG: 'C.UTF-8' },
  });
}

/** Runs a command of Salt beside a master, and reads the JSON that it prints. */
export async function salt(configDir: string, command: string, ...args: readonly string[]): Promise<unknown> {
  const done = await runSalt(configDir, command, '--out', 'json', ...args).catch(
    (error: unknown) => error as { readonly stdout: string; readonly stderr: string },
  );
  try {
    return JSON.parse(done.stdout);
  } catch {
    throw new Error(`${command} ${args.join(' ')} said no JSON: ${done.stdout}${done.stderr}`);
  }
}

/** A client of the bus of a master. */
export async function busOf(t: TestContext, configDir: string): Promise<Bus> {
  const bus = await connect({ node: 'master', configDir });
  t.after(() => {
    bus.destroy();
  });
  return bus;
}

/** A subscription that is in place. */
export async function listenTo(t: TestContext, configDir: string, tag: string): Promise<Subscription> {
  const subscription = (await busOf(t, configDir)).listen({ tag });
  await subscription.ready;
  return subscription;
}
