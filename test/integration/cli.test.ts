/** The command line on a bus of our own: what a shell script relies on. */
import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { runSaltbus, saltbus, start } from '../helpers/cli.ts';
import type { Running } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';

const LIMIT = { timeout: 60_000 };
const MAIN = new URL('../../dist/cli/main.js', import.meta.url).pathname;

/** A bus as a process, and the arguments that name it. */
async function busArguments(t: TestContext, ...more: string[]): Promise<string[]> {
  const where = ['--sock-dir', join(temporaryFolder(t), 's'), '--id', 'cli', '--node', 'minion'];
  await saltbus(t, ['bus', ...where, ...more]).line('serving', 'stderr');
  return where;
}

async function listening(t: TestContext, args: readonly string[]): Promise<Running> {
  const running = saltbus(t, ['listen', '--ready', ...args]);
  await running.line('listening', 'stderr');
  return running;
}

test('listen -n: NDJSON with tag, data and received, exit 0', LIMIT, async (t) => {
  const where = await busArguments(t);
  const running = await listening(t, ['my', '-n', '2', ...where]);
  assert.equal((await runSaltbus(t, ['fire', 'other', ...where])).code, 0);
  assert.equal((await runSaltbus(t, ['fire', 'my/1', '{"a": [1, 2.0]}', ...where])).code, 0);
  assert.equal(
    (
      await runSaltbus(t, [
        'fire',
        'my/2',
        'n=1',
        'f=1.0',
        's=two words',
        'b=yes',
        'l=[1, x]',
        'none=None',
        ...where,
      ])
    ).code,
    0,
  );
  const { code, stdout } = await running.ended;
  assert.equal(code, 0);
  const lines = stdout.trim().split('\n');
  assert.match(
    lines[0] ?? '',
    /^\{"tag":"my\/1","data":\{"a":\[1,2\.0\],"_stamp":"[^"]+"\},"received":"[^"]+Z"\}$/,
  );
  assert.match(
    lines[1] ?? '',
    /"data":\{"n":1,"f":1\.0,"s":"two words","b":true,"l":\[1,"x"\],"none":null,"_stamp"/,
  );
});

test('every form of output', LIMIT, async (t) => {
  const where = await busArguments(t);
  const forms: readonly (readonly [string[], RegExp])[] = [
    [['-o', 'tag'], /^form\/\\u001b\[2J\n$/],
    [['-o', 'tsv'], /^form\/\\u001b\[2J\t\{"text": "a\\u001b\[31m", "n": 1, "_stamp": "[^"]+"\}\n$/],
    [
      ['-o', 'yaml'],
      /^---\ntag: "form\/\\u001b\[2J"\ndata:\n {2}text: "a\\u001b\[31m"\n {2}"n": 1\n {2}_stamp: [^\n]+\nreceived: [^\n]+\n$/,
    ],
    [
      ['-o', 'pretty'],
      /^\d\d:\d\d:\d\d\.\d{3} {2}form\/\\u001b\[2J\n {4}text: a\\u001b\[31m\n {4}n: 1\n {4}_stamp: \S+\n$/,
    ],
    [
      ['-o', 'json', '--fields', 'tag,data.n,data.missing'],
      /^\{"tag":"form\/\\u001b\[2J","data\.n":1,"data\.missing":null\}\n$/,
    ],
    [['-o', 'tsv', '--fields', 'data.n,data.text'], /^1\ta\\u001b\[31m\n$/],
    [['--format', '{{{data.n}}} {data.text}'], /^\{1\} a\\u001b\[31m\n$/],
  ];
  const running = await Promise.all(
    forms.map(([args]) => listening(t, ['form', '-n', '1', ...args, ...where])),
  );
  const raw = await listening(t, ['form', '-n', '1', '-o', 'raw', ...where]);
  const fired = await runSaltbus(t, ['fire', 'form/\u001b[2J', '{"text": "a\\u001b[31m", "n": 1}', ...where]);
  assert.equal(fired.code, 0);
  for (const [index, { ended }] of running.entries())
    assert.match((await ended).stdout, forms[index]?.[1] ?? /never/);
  assert.match((await raw.ended).stdout, /form\/\u001b\[2J\n\n/);
});

test('patterns: prefix, glob, exact, regex, exclude', LIMIT, async (t) => {
  const where = await busArguments(t);
  const tags = ['salt/job/1/ret/web01', 'salt/job/1/new', 'salt/job/2/ret/db01', 'salt/auth'];
  const cases: readonly (readonly [string[], string[]])[] = [
    [['salt/job/1'], [tags[0] ?? '', tags[1] ?? '']],
    [['salt/job/*/ret/*'], [tags[0] ?? '', tags[2] ?? '']],
    [['--match', 'exact', 'salt/auth'], [tags[3] ?? '']],
    [
      ['--match', 'regex', 'salt/job/\\d+/(new|ret/db)'],
      [tags[1] ?? '', tags[2] ?? ''],
    ],
    [['salt', '-x', 'salt/job/*/ret/*', '-x', 'salt/auth'], [tags[1] ?? '']],
  ];
  const running = await Promise.all(cases.map(([args]) => listening(t, [...args, '-o', 'tag', ...where])));
  const end = await listening(t, ['salt/auth', '-n', '1', ...where]);
  for (const tag of tags) await runSaltbus(t, ['fire', tag, ...where]);
  await end.ended;
  for (const [index, listener] of running.entries()) {
    const wanted = cases[index]?.[1] ?? [];
    await listener.line(wanted.at(-1) ?? '');
    listener.child.kill('SIGTERM');
    const { code, stdout } = await listener.ended;
    assert.deepEqual(stdout.trim().split('\n'), wanted);
    assert.equal(code, 0);
  }
});

test('exit codes of the ways to end', LIMIT, async (t) => {
  const where = await busArguments(t);
  assert.equal((await runSaltbus(t, ['listen', '--timeout', '50ms', ...where])).code, 124);
  assert.equal((await runSaltbus(t, ['listen', '--idle', '50ms', ...where])).code, 124);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const running = await listening(t, where);
    running.child.kill(signal);
    assert.equal((await running.ended).code, 0, signal);
  }
  const counted = await listening(t, ['x', '-n', '2', '--timeout', '2s', ...where]);
  const seen = await listening(t, ['x', '--timeout', '2s', ...where]);
  await runSaltbus(t, ['fire', 'x', ...where]);
  assert.equal((await counted.ended).code, 124, 'one of two came');
  assert.equal((await seen.ended).code, 0, 'an event came');
  const missing = ['--sock-dir', join(temporaryFolder(t), 'none'), '--id', 'x', '--node', 'minion'];
  assert.equal((await runSaltbus(t, ['listen', ...missing])).code, 69);
  assert.equal((await runSaltbus(t, ['fire', 'x', ...missing])).code, 69);
  assert.equal((await runSaltbus(t, ['listen', '--wait', '100ms', ...missing])).code, 69);
  assert.equal((await runSaltbus(t, ['listen', '--wait', '--timeout', '100ms', ...missing])).code, 124);
});

test('usage errors exit 64 and say what to do', LIMIT, async (t) => {
  const where = await busArguments(t);
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [['listen', '-o', 'xml'], /Allowed choices/],
    [['listen', '-n', '0'], /whole number/],
    [['listen', '--timeout', 'soon'], /'soon' is no duration/],
    [['listen', '--match', 'regex', '(?=a)'], /ERR_SALTBUS_PATTERN/],
    [['listen', '--match', 'regex', '(a)\\1'], /ERR_SALTBUS_PATTERN/],
    [['listen', '--format', '{nope}'], /'nope' is no field/],
    [['listen', '--dialect', '9999'], /no dialect/],
    [['fire'], /needs a tag/],
    [['fire', ''], /ERR_SALTBUS_TAG/],
    [['fire', 'x', '{"a": 1,}'], /line 1, column 9/],
    [['fire', 'x', '[1]'], /is a map/],
    [['fire', 'x', 'novalue'], /k=v/],
    [['fire', 'module_refresh'], /ERR_SALTBUS_RESERVED_TAG/],
    [['fire', 'salt/key', '--to-master'], /ERR_SALTBUS_DENIED_TAG/],
    [['fire', 'fire_master', '{"tag": "x"}'], /lacks data, events, pretag/],
    [['fire', 'x', '-f', '/nonexistent'], /cannot be read/],
    [['listen', '--fields', 'tag', '-o', 'yaml'], /--fields means nothing with --out yaml/],
    [['listen', '--format', '{tag}', '-o', 'json'], /--out and --format exclude each other/],
    [['nonsense'], /Unknown command/],
  ];
  for (const [args, message] of wrong) {
    const { code, stderr } = await runSaltbus(t, args[0] === 'nonsense' ? args : [...args, ...where]);
    assert.match(stderr, message, args.join(' '));
    assert.equal(code, 64, args.join(' '));
  }
  const { stderr } = await runSaltbus(t, ['--json-errors', 'fire', 'x', '[1]', ...where]);
  const error = (JSON.parse(stderr) as { error: Record<string, unknown> }).error;
  assert.equal(error['code'], 'ERR_SALTBUS_DATA');
});

test('fire from stdin, from files, and line by line', LIMIT, async (t) => {
  const where = await busArguments(t);
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'data.json'), '{"from": "json"}');
  writeFileSync(join(folder, 'data.yaml'), 'from: yaml\nnumber: 010\n');
  const running = await listening(t, ['in', '-n', '7', '-o', 'json', '--fields', 'tag,data', ...where]);
  await runSaltbus(t, ['fire', 'in/1', '-', ...where], { input: '{"from": "stdin"}' });
  await runSaltbus(t, ['fire', 'in/2', '-f', join(folder, 'data.json'), ...where]);
  await runSaltbus(t, ['fire', 'in/3', '-f', join(folder, 'data.yaml'), ...where]);
  await runSaltbus(t, ['fire', 'in/4', '--lines', ...where], { input: 'plain text\n\n{"a": 1}\nlast' });
  await runSaltbus(t, ['fire', '--lines', ...where], {
    input: '{"tag": "in/5", "data": {"b": {"$bin": "AP8="}}, "received": "x"}\n',
  });
  const items = (await running.ended).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { tag: string; data: Record<string, unknown> });
  const bare = items.map(({ tag, data }) => [tag, { ...data, _stamp: undefined }]);
  const stamp = { _stamp: undefined };
  assert.deepEqual(bare, [
    ['in/1', { from: 'stdin', ...stamp }],
    ['in/2', { from: 'json', ...stamp }],
    ['in/3', { from: 'yaml', number: 10, ...stamp }],
    ['in/4', { message: 'plain text', ...stamp }],
    ['in/4', { a: 1, ...stamp }],
    ['in/4', { message: 'last', ...stamp }],
    ['in/5', { b: { $bin: 'AP8=' }, ...stamp }],
  ]);
});

test('what listen prints, fire --lines fires again, without loss', LIMIT, async (t) => {
  const first = await busArguments(t);
  const second = await busArguments(t);
  const value =
    '{"i":{"$int":"18446744073709551615"},"f":1.0,"b":{"$bin":"AP8="},"m":{"$map":[[1,"x"],[null,{"$datetime":"2024-01-02T03:04:05.000678"}]]},"__proto__":{"a":1}}';
  const source = await listening(t, ['again', '-n', '1', ...first]);
  const target = await listening(t, ['again', '-n', '1', ...second]);
  await runSaltbus(t, ['fire', 'again', value, ...first]);
  await runSaltbus(t, ['fire', '--lines', ...second], { input: (await source.ended).stdout });
  const { stdout } = await target.ended;
  assert.ok(stdout.includes(value.slice(0, -1)), stdout);
});

test('a closed pipe ends listen cleanly', LIMIT, async (t) => {
  const where = await busArguments(t);
  const command = `"${process.execPath}" "${MAIN}" listen pipe --ready -o tag ${where.join(' ')} | head -1; echo "codes \${PIPESTATUS[0]}"`;
  const piped = start(t, 'bash', ['-c', command]);
  await piped.line('listening', 'stderr');
  for (
    let n = 0;
    n < 20 &&
    !(await Promise.race([
      piped.line('codes').then(() => true),
      runSaltbus(t, ['fire', `pipe/${n}`, ...where]).then(() => false),
    ]));
    n += 1
  );
  const { stdout, stderr } = await piped.ended;
  assert.match(stdout, /^pipe\/0\ncodes 0\n$/);
  assert.doesNotMatch(stderr, /EPIPE|rror/);
});

test('without root and without Salt, the bus of this user is found without options', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  // What belongs to Salt is moved to a place where there is nothing, and nothing can be made.
  writeFileSync(join(folder, 'file'), '');
  mkdirSync(join(folder, 'c'));
  for (const node of ['minion', 'master'])
    writeFileSync(
      join(folder, 'c', node),
      `sock_dir: ${folder}/file/s\ncachedir: /var/cache/salt/some/long/path/that/is/long/enough\n`,
    );
  const env = { XDG_RUNTIME_DIR: join(folder, 'run'), SALT_CONFIG_DIR: join(folder, 'c') };
  await saltbus(t, ['bus', '--node', 'minion'], { env }).line('serving', 'stderr');
  const sockets = join(folder, 'run', 'saltbus', 'minion');
  assert.equal(statSync(sockets).isDirectory(), true);
  const running = saltbus(t, ['listen', '-n', '1', '--ready', '-o', 'tag'], { env });
  await running.line('listening on the minion bus', 'stderr');
  assert.equal((await runSaltbus(t, ['fire', 'hello'], { env })).code, 0);
  assert.equal((await running.ended).stdout, 'hello\n');
  await saltbus(t, ['bus', '--node', 'master'], { env }).line('serving', 'stderr');
  const both = await runSaltbus(t, ['fire', 'hello'], { env });
  assert.equal(both.code, 0);
  assert.match(both.stderr, /using the minion bus .* also there: master/);
});

test(
  'the bus refuses a place where somebody listens, replaces what is stale, and keeps Salt’s modes',
  LIMIT,
  async (t) => {
    const folder = join(temporaryFolder(t), 's');
    const where = ['--sock-dir', folder, '--node', 'master'];
    const first = saltbus(t, ['bus', ...where, '--dialect', '3008.5']);
    await first.line('serving', 'stderr');
    assert.equal(statSync(join(folder, 'master_event_pub.ipc')).mode & 0o777, 0o660);
    assert.equal(statSync(join(folder, 'master_event_pull.ipc')).mode & 0o777, 0o600);
    const second = await runSaltbus(t, ['bus', ...where]);
    assert.equal(second.code, 69);
    assert.match(second.stderr, /ERR_SALTBUS_BUS_IN_USE/);
    first.child.kill('SIGKILL');
    await first.ended;
    assert.equal(statSync(join(folder, 'master_event_pub.ipc')).isSocket(), true, 'it was left behind');
    assert.match((await runSaltbus(t, ['fire', 'x', ...where])).stderr, /left by a daemon that is gone/);
    await saltbus(t, ['bus', ...where, '--dialect', '3006.30']).line('serving', 'stderr');
    assert.equal(statSync(join(folder, 'master_event_pub.ipc')).mode & 0o777, 0o600);
    assert.equal((await runSaltbus(t, ['fire', 'x', ...where])).code, 0);
  },
);

test('a file in the place of a socket is named, and left alone', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'master_event_pub.ipc'), 'precious');
  const where = ['--sock-dir', folder, '--node', 'master'];
  assert.match((await runSaltbus(t, ['bus', ...where])).stderr, /is there and is not a socket/);
  assert.match((await runSaltbus(t, ['listen', ...where])).stderr, /is not a socket/);
  const long = join(folder, 'x'.repeat(120));
  assert.match(
    (await runSaltbus(t, ['listen', '--sock-dir', long, '--node', 'master'])).stderr,
    /ERR_SALTBUS_PATH_TOO_LONG/,
  );
});

test('a daemon that comes up later is waited for', LIMIT, async (t) => {
  const where = ['--sock-dir', join(temporaryFolder(t), 's'), '--id', 'late', '--node', 'minion'];
  const running = saltbus(t, ['listen', '--wait', '--ready', '-n', '1', '-o', 'tag', ...where]);
  await saltbus(t, ['bus', ...where]).line('serving', 'stderr');
  await running.line('listening', 'stderr');
  await runSaltbus(t, ['fire', 'finally', ...where]);
  assert.equal((await running.ended).stdout, 'finally\n');
});

test('two more socket pairs with other dialects are the same bus', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string): string[] => [
    '--sock-dir',
    join(folder, name),
    '--id',
    'also',
    '--node',
    'minion',
  ];
  await saltbus(t, ['bus', ...at('a'), '--dialect', '3008.5', '--also', `${join(folder, 'b')}=3006.30`]).line(
    'serving',
    'stderr',
  );
  const onB = await listening(t, ['-n', '1', '-o', 'tag', '--dialect', '3006.30', ...at('b')]);
  assert.equal((await runSaltbus(t, ['fire', 'from/a', ...at('a')])).code, 0);
  assert.equal((await onB.ended).stdout, 'from/a\n');
});

test('a socket may be named by either of its two paths', LIMIT, async (t) => {
  const folder = join(temporaryFolder(t), 's');
  await saltbus(t, ['bus', '--sock-dir', folder, '--node', 'master']).line('serving', 'stderr');
  const running = await listening(t, [
    '-n',
    '1',
    '-o',
    'tag',
    '--socket',
    join(folder, 'master_event_pull.ipc'),
  ]);
  await runSaltbus(t, ['fire', 'x', '--socket', join(folder, 'master_event_pub.ipc')]);
  assert.equal((await running.ended).stdout, 'x\n');
});

test('a daemon that accepts and never speaks does not hang fire', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  for (const name of ['pub', 'pull']) {
    const server = createServer();
    server.listen(join(folder, `master_event_${name}.ipc`));
    t.after(() => server.close());
  }
  const { code, stderr } = await runSaltbus(t, ['fire', 'x', '--sock-dir', folder, '--node', 'master']);
  assert.equal(code, 69);
  assert.match(stderr, /ERR_SALTBUS_DIALECT/);
});

test('--lines: what is no event is said and left out, and the others go on', LIMIT, async (t) => {
  const where = await busArguments(t);
  const listener = await listening(t, ['lines', '-n', '3', '-o', 'json', ...where]);
  const input = '{"n":1}\n{"a":"\\ud800"}\n{bad\nplain\n{"n":2}\n';
  const fired = await runSaltbus(t, ['fire', 'lines', '--lines', ...where], { input });
  assert.equal(fired.code, 64);
  assert.match(
    fired.stderr,
    /left out: line 2 of stdin: .*\[ERR_SALTBUS_DATA\]\n.*left out: line 3 of stdin .*\[ERR_SALTBUS_JSON\]/,
  );
  const events = (await listener.ended).stdout.trim().split('\n');
  assert.deepEqual(
    events.map((line) => {
      const { data } = JSON.parse(line) as { data: Record<string, unknown> };
      return data['n'] ?? data['message'];
    }),
    [1, 'plain', 2],
  );
});

test('--to-master on a bus without a minion behind it is refused', LIMIT, async (t) => {
  const where = await busArguments(t);
  for (const data of ['{"a": 1}', '[{"a": 1}]']) {
    const { code, stderr } = await runSaltbus(t, ['fire', 'x', data, '--to-master', ...where]);
    assert.equal(code, 69);
    assert.match(stderr, /ERR_SALTBUS_NO_FORWARDER/);
  }
});

test('a stop signal ends listen while nobody reads what it prints', LIMIT, async (t) => {
  const where = await busArguments(t);
  const listener = await listening(t, ['flood', ...where]);
  listener.child.stdout?.pause();
  const input = `${'x'.repeat(1000)}\n`.repeat(5000);
  assert.equal((await runSaltbus(t, ['fire', 'flood', '--lines', ...where], { input })).code, 0);
  listener.child.kill('SIGTERM');
  const ended = new Promise((resolve) => listener.child.on('exit', resolve));
  assert.equal(await ended, 0);
});
