/** The pages of commands: each `console` block is run, and says what the page says, but for times and places. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { saltbus, saltbusOnPath } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const LIMIT = { timeout: 60_000 };
const PAGES = ['listen', 'fire', 'bus', 'demo', 'capture', 'replay', 'top', 'completion'];
const DONE = '-- done --';

interface Step {
  readonly command: string;
  readonly output: readonly string[];
}

function stepsOf(page: string): Step[] {
  const text = readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), 'utf8');
  const steps: { command: string; output: string[] }[] = [];
  for (const [, block = ''] of text.matchAll(/^```console\n([\s\S]*?)^```$/gm)) {
    for (const line of block.trimEnd().split('\n')) {
      if (line.startsWith('$ ')) steps.push({ command: line.slice(2), output: [] });
      else steps.at(-1)?.output.push(line);
    }
  }
  return steps;
}

function masked(line: string): string {
  return (
    line
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z?/g, 'TIME')
      .replaceAll(/\b\d\d:\d\d:\d\d\.\d{3}\b/g, 'CLOCK')
      .replaceAll(/[\w./-]*\/(minion|master)_event_(?:\w+_)?(pub|pull)\.ipc/g, '$1-$2')
      // a listener that has just ended may still be counted
      .replaceAll(/"subscribers":\d+/g, '"subscribers":N')
      .replaceAll(/"dialect":"[\d.]+"/g, '"dialect":"RELEASE"')
  );
}

/** A shell in a folder of its own, beside a bus that is found without options. */
interface Shell {
  /** Runs a command, and gives what was said until it has ended and `count` lines were there. */
  run(command: string, count: number): Promise<string[]>;
}

async function shellBesideBus(t: TestContext): Promise<Shell> {
  const folder = temporaryFolder(t);
  const work = join(folder, 'work');
  const config = join(folder, 'etc');
  mkdirSync(work);
  mkdirSync(config);
  writeFileSync(join(config, 'minion'), `id: web01\nsock_dir: ${join(folder, 's')}\n`);
  const env = { ...process.env, ...saltbusOnPath(t), SALT_CONFIG_DIR: config, XDG_CACHE_HOME: folder };
  await saltbus(t, ['bus'], { env }).line('serving', 'stderr');
  const shell = spawn('bash', ['--norc', '--noprofile'], {
    cwd: work,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
    // a group of its own: what still runs in the background ends with it
    detached: true,
  });
  t.after(() => {
    if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
  });
  let lines: string[] = [];
  createInterface({ input: shell.stdout }).on('line', (line) => lines.push(line));
  shell.stdin.write('exec 2>&1\n');
  return {
    run: async (command, count) => {
      lines = [];
      shell.stdin.write(`{ ${command}\n} </dev/null; echo '${DONE}'\n`);
      await waitUntil(() => lines.includes(DONE) && lines.length > count);
      return lines.filter((line) => line !== DONE);
    },
  };
}

for (const page of PAGES) {
  test(`docs/${page}.md`, LIMIT, async (t) => {
    const steps = stepsOf(page);
    assert.ok(steps.length > 0, 'the page has commands that can be run');
    const shell = await shellBesideBus(t);
    for (const { command, output } of steps) {
      const said = await shell.run(command, output.length);
      // What runs in the background speaks when it likes, so the order of lines is not compared.
      assert.deepEqual(said.map(masked).sort(), output.map(masked).sort(), `after: ${command}`);
    }
  });
}
