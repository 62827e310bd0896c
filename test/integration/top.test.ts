/** `saltbus top`: the driver on a real bus with a terminal of our own, and the command in a pseudo-terminal. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { TopView } from '../../src/cli/top/driver.ts';
import type { Key, KeyName } from '../../src/cli/top/keys.ts';
import { glyphsFor } from '../../src/cli/top/lines.ts';
import type { TerminalDevice } from '../../src/cli/top/terminal-device.ts';
import { memoryBus } from '../../src/testing/memory-bus.ts';
import { runSaltbus, saltbus } from '../helpers/cli.ts';
import { clientOf, ownBus, socketsIn, temporaryFolder } from '../helpers/own-bus.ts';
import { VirtualScreen } from '../helpers/vt.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const LIMIT = { timeout: 60_000 };
const MAIN = new URL('../../dist/cli/main.js', import.meta.url).pathname;

/** A terminal in this process. */
class FakeTerminal implements TerminalDevice {
  readonly screen: VirtualScreen;
  readonly #size: { readonly columns: number; readonly rows: number };
  raw = false;
  frames = 0;
  /** While it is held, the terminal takes nothing. */
  held: (() => void)[] | undefined;
  #key: (key: Key) => void = () => undefined;
  #gone: () => void = () => undefined;

  constructor(columns: number, rows: number) {
    this.#size = { columns, rows };
    this.screen = new VirtualScreen(columns, rows);
  }

  size(): { readonly columns: number; readonly rows: number } {
    return this.#size;
  }

  write(text: string, done: (ok: boolean) => void): void {
    this.frames += 1;
    const take = (): void => {
      this.screen.write(text);
      done(true);
    };
    if (this.held === undefined) setImmediate(take);
    else this.held.push(take);
  }

  writeNow(text: string): void {
    this.screen.write(text);
  }

  setRaw(raw: boolean): void {
    this.raw = raw;
  }

  onKey(listener: (key: Key) => void): void {
    this.#key = listener;
  }

  onResize(): void {
    // It keeps its size.
  }

  onGone(listener: () => void): void {
    this.#gone = listener;
  }

  close(): void {
    this.#key = () => undefined;
  }

  press(key: KeyName | { readonly text: string }): void {
    this.#key(typeof key === 'string' ? { name: key, text: '' } : { name: 'text', ...key });
  }

  hangUp(): void {
    this.#gone();
  }

  async shows(pattern: RegExp): Promise<void> {
    await waitUntil(() => pattern.test(this.screen.lines.join('\n')));
  }
}

interface Watching {
  readonly terminal: FakeTerminal;
  readonly view: TopView;
  readonly ended: Promise<void>;
}

function watch(t: TestContext, listen: TopViewListen, endpoint: string): Watching {
  const terminal = new FakeTerminal(110, 12);
  const view = new TopView({
    device: terminal,
    listen,
    endpoint,
    title: 'a bus',
    isExcluded: (tag) => tag === 'excluded',
    color: true,
    glyphs: glyphsFor({}),
  });
  const ended = view.run();
  ended.catch(() => undefined);
  t.after(() => {
    view.stop();
  });
  return { terminal, view, ended };
}

type TopViewListen = ConstructorParameters<typeof TopView>[0]['listen'];

test('driver: events, counts, pause, end; the terminal is given back', LIMIT, async (t) => {
  await using memory = memoryBus();
  const { terminal, ended } = watch(t, () => memory.client().listen(), 'memory pub');
  await terminal.shows(/\* connected/);
  assert.deepEqual([...terminal.screen.modes, terminal.raw], ['1049', true]);
  const bus = memory.client();
  await bus.fire('my/tag', { text: 'a\u001b[2J' });
  await bus.fire('excluded');
  await bus.fire('my/other');
  await terminal.shows(/received 2 .* shown 2/);
  assert.match(terminal.screen.lines[3] ?? '', /my\/tag {2}\{"text":"a\\u001b\[2J"/);
  terminal.press({ text: ' ' });
  await bus.fire('my/third');
  await terminal.shows(/PAUSED, 1 newer/);
  const list = terminal.screen.lines.slice(3, 11).map((line) => line.slice(15, 25).trim());
  assert.deepEqual(list, ['my/tag  {"', 'my/other', '', '', '', '', '', '']);
  await terminal.shows(/received 3 .* shown 2/);
  terminal.press({ text: ' ' });
  await terminal.shows(/my\/third/);
  terminal.press('enter');
  await terminal.shows(/^ {4}_stamp: /m);
  terminal.press('interrupt');
  await ended;
  assert.deepEqual([terminal.screen.modes.has('1049'), terminal.raw], [false, false]);
  assert.deepEqual([...terminal.screen.modes].sort(), ['25', '7']);
});

test(
  'driver: a terminal that takes nothing does not hold up the intake; ten frames a second at most',
  LIMIT,
  async (t) => {
    await using memory = memoryBus();
    const bus = memory.client();
    const { terminal, view, ended } = watch(t, () => memory.client().listen(), 'memory pub');
    await terminal.shows(/\* connected/);
    terminal.held = [];
    const before = terminal.frames;
    const begun = performance.now();
    for (let at = 0; at < 20_000; at += 1) {
      const fired = bus.fire(`load/${at}`, { at });
      if (at % 500 === 499) await fired;
    }
    await bus.fire('last');
    const after = memory.client().listen({ tag: 'end' });
    await after.ready;
    assert.ok(terminal.frames <= before + 1, 'one frame is under way, and none behind it');
    const held = terminal.held;
    terminal.held = undefined;
    for (const take of held) take();
    await terminal.shows(/received 20001/);
    const counts = /received (\d+) .* dropped (\d+) .* shed (\d+) .* shown (\d+)/.exec(
      terminal.screen.lines[1] ?? '',
    );
    assert.ok(counts !== null);
    const [received, dropped, shed, shown] = counts.slice(1).map(Number);
    assert.equal(dropped, 0);
    assert.equal((shed ?? 0) + (shown ?? 0), received, 'what was not shown was shed, and both are counted');
    assert.ok((shed ?? 0) > 0, 'some went by unseen');
    const frames = terminal.frames - before;
    assert.ok(frames <= (performance.now() - begun) / 100 + 2, `${frames} frames are too many`);
    view.stop();
    await ended;
  },
);

test('driver: the terminal hangs up; the subscription fails: it ends, with the error', LIMIT, async (t) => {
  await using memory = memoryBus();
  const first = watch(t, () => memory.client().listen(), 'memory pub');
  await first.terminal.shows(/connected/);
  first.terminal.hangUp();
  await first.ended;
  const bus = memory.client();
  const second = watch(t, () => bus.listen(), 'memory pub');
  await second.terminal.shows(/connected/);
  bus.destroy(new Error('gone'));
  await assert.rejects(second.ended, { message: 'gone' });
  assert.deepEqual([second.terminal.screen.modes.has('1049'), second.terminal.raw], [false, false]);
});

test('driver: a lost connection is known from the socket, and the gap is in the list', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const server = await ownBus(t, folder);
  const bus = clientOf(t, folder, { backoff: { initialMs: 10, maxMs: 50 } });
  const { terminal } = watch(t, () => bus.listen(), 'pub');
  await terminal.shows(/\* connected/);
  await server.close();
  await terminal.shows(/x disconnected for/);
  await ownBus(t, folder);
  await terminal.shows(/-- gap: connected again/);
  await terminal.shows(/\* connected .*\n.* gaps 1 \(loss unknown\)/);
});

test('command: only the publish socket is opened', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const { pub, pull } = socketsIn(folder);
  assert.ok(pub.kind === 'unix' && pull.kind === 'unix');
  const opened = { pub: 0, pull: 0 };
  const sockets = new Set<Socket>();
  for (const [name, { path }] of [
    ['pub', pub],
    ['pull', pull],
  ] as const) {
    const server = createServer((socket) => {
      opened[name] += 1;
      sockets.add(socket);
      socket.on('error', () => undefined);
    }).listen(path);
    t.after(() => server.close());
  }
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  const terminal = pseudoTerminal(t, ['--socket', pub.path]);
  await terminal.says('connected');
  terminal.type('q');
  assert.match(await terminal.ended, /EXIT 0/);
  assert.deepEqual(opened, { pub: 2, pull: 0 }, 'once to find it, once to listen');
});

test('command: no terminal, or one that cannot place text: what to use instead', LIMIT, async (t) => {
  const { code, stderr } = await runSaltbus(t, ['top']);
  assert.equal(code, 64);
  assert.match(stderr, /top needs a terminal, and stdin is none \[ERR_SALTBUS_USAGE\]\n +Use saltbus listen/);
  const dumb = pseudoTerminal(t, [], { TERM: 'dumb' });
  const said = await dumb.ended;
  assert.match(said, /TERM is dumb/);
  assert.match(said, /EXIT 64/);
  assert.doesNotMatch(said, /\u001b/);
});

/** A pseudo-terminal of util-linux's `script`, in which a shell with job control runs `saltbus top`. */
interface PseudoTerminal {
  /** Everything that was sent to the terminal. */
  readonly output: () => string;
  says(text: string | RegExp): Promise<void>;
  type(text: string): void;
  /** The process id of `saltbus`. */
  pid(): Promise<number>;
  /** The name of the terminal, for stty. */
  tty(): Promise<string>;
  /** All output, when the shell has ended. */
  readonly ended: Promise<string>;
}

function pseudoTerminal(
  t: TestContext,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  after = '',
): PseudoTerminal {
  const words = [process.execPath, MAIN, 'top', ...args].map((word) => `'${word}'`).join(' ');
  const shell = `set -m; echo "TTY $(tty)"; stty cols 100 rows 20; sh -c 'echo "PID $$"; exec "$@"' sh ${words}; echo "EXIT $?"; ${after} stty -a`;
  const folder = temporaryFolder(t);
  const child = spawn('script', ['-qfe', '-c', shell, join(folder, 'typescript')], {
    env: { ...process.env, TERM: 'xterm', LC_ALL: 'C.UTF-8', SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stdin.on('error', () => undefined);
  const ended = new Promise<string>((resolve, reject) => {
    child.on('error', reject); // util-linux is needed; a system without it is told so
    child.on('close', () => {
      resolve(said);
    });
  });
  ended.catch(() => undefined);
  t.after(async () => {
    const pid = /PID (\d+)/.exec(said)?.[1];
    if (pid !== undefined && existsSync(`/proc/${pid}/cmdline`)) {
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(MAIN)) process.kill(Number(pid), 'SIGKILL');
    }
    child.kill('SIGKILL');
    await ended;
  });
  const find = async (pattern: RegExp): Promise<string> => {
    let done = false;
    void ended.finally(() => {
      done = true;
    });
    await waitUntil(() => pattern.test(said) || done);
    const found = pattern.exec(said);
    if (found === null) throw new Error(`It ended without ${String(pattern)}: ${JSON.stringify(said)}`);
    return found[1] ?? '';
  };
  return {
    output: () => said,
    says: async (text) => {
      await find(typeof text === 'string' ? new RegExp(text.replaceAll(/[\\[\]()*+?.|^$]/g, '\\$&')) : text);
    },
    type: (text) => {
      child.stdin.write(text);
    },
    pid: async () => Number(await find(/PID (\d+)/)),
    tty: () => find(/TTY (\S+)/),
    ended,
  };
}

const LEFT = '\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l';

/** A bus as a process, and the arguments that name it. */
async function busArguments(t: TestContext): Promise<string[]> {
  const where = ['--sock-dir', join(temporaryFolder(t), 's'), '--id', 'top', '--node', 'minion'];
  await saltbus(t, ['bus', ...where]).line('serving', 'stderr');
  return where;
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

test('command: events on the screen, colours, the way out by q', LIMIT, async (t) => {
  const where = await busArguments(t);
  const terminal = pseudoTerminal(t, where);
  await terminal.says('connected');
  await runSaltbus(t, ['fire', 'my/\u001b]0;title\u0007', '{"n": 1}', ...where]);
  await terminal.says('my/\\u001b]0;title\\u0007');
  assert.ok(terminal.output().includes('\u001b[36mmy/'), 'tags have a colour');
  terminal.type('q');
  const all = await terminal.ended;
  assert.match(all, /EXIT 0/);
  assert.equal(count(all, '\u001b[?1049h'), 1);
  assert.equal(count(all, LEFT), 1);
  assert.ok(all.indexOf(LEFT) < all.indexOf('EXIT 0'), 'the terminal was given back first');
  assert.match(all.slice(all.indexOf('EXIT')), /(?<!-)icanon/);
  assert.match(all.slice(all.indexOf('EXIT')), /(?<!-)echo\b/);
});

test('command: NO_COLOR leaves no colour', LIMIT, async (t) => {
  const where = await busArguments(t);
  const terminal = pseudoTerminal(t, where, { NO_COLOR: '1' });
  await terminal.says('connected');
  await runSaltbus(t, ['fire', 'my/tag', ...where]);
  await terminal.says('my/tag');
  terminal.type('q');
  assert.doesNotMatch(await terminal.ended, /\u001b\[[\d;]*3\dm/);
});

for (const [signal, exit] of [
  ['SIGTERM', 0],
  ['SIGHUP', 0],
  ['SIGINT', 0],
  ['SIGQUIT', 131],
] as const) {
  test(`command: ${signal} gives the terminal back`, LIMIT, async (t) => {
    const where = await busArguments(t);
    const terminal = pseudoTerminal(t, where);
    await terminal.says('connected');
    process.kill(await terminal.pid(), signal);
    const all = await terminal.ended;
    assert.match(all, new RegExp(`EXIT ${exit}`));
    assert.equal(count(all, LEFT), 1);
    assert.match(all.slice(all.indexOf('EXIT')), /(?<!-)icanon/);
  });
}

test(
  'command: stopped by Ctrl-Z and woken again: the shell has its terminal, then the view has it',
  LIMIT,
  async (t) => {
    const where = await busArguments(t);
    const terminal = pseudoTerminal(
      t,
      where,
      {},
      'stty -a | grep -o "[-]*icanon" | sed "s/^/STOPPED /"; fg; echo "END $?";',
    );
    await terminal.says('connected');
    terminal.type('\u001a');
    await terminal.says(/STOPPED icanon[\s\S]*\u001b\[\?1049h[\s\S]*connected/);
    terminal.type('q');
    const all = await terminal.ended;
    assert.match(all, /EXIT 148/);
    assert.match(all, /END 0/);
    assert.equal(count(all, '\u001b[?1049h'), 2);
    assert.equal(count(all, LEFT), 2);
  },
);

test('command: another size is drawn at once, down to a cell', LIMIT, async (t) => {
  const where = await busArguments(t);
  const terminal = pseudoTerminal(t, where);
  await terminal.says('connected');
  const tty = await terminal.tty();
  for (const [columns, rows] of [
    ['30', '5'],
    ['1', '1'],
    ['70', '10'],
  ] as const) {
    const before = terminal.output().length;
    assert.equal(spawnSync('stty', ['-F', tty, 'cols', columns, 'rows', rows]).status, 0);
    await waitUntil(() => terminal.output().slice(before).includes(`\u001b[${rows};1H`));
    const rest = terminal.output().slice(before);
    assert.doesNotMatch(rest, new RegExp(`\\u001b\\[${Number(rows) + 1};1H`));
  }
  terminal.type('q');
  assert.match(await terminal.ended, /EXIT 0/);
});
