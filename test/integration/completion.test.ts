/** Completion as the shells do it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runSaltbus } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';

const LIMIT = { timeout: 60_000 };

test(
  'bash: commands, aliases, options, choices, files; words after options that take a value',
  LIMIT,
  async (t) => {
    const folder = temporaryFolder(t);
    const { stdout: script } = await runSaltbus(t, ['completion', 'bash']);
    writeFileSync(join(folder, 'c.bash'), script);
    writeFileSync(join(folder, 'an event.sbcap'), '');
    mkdirSync(join(folder, 'andir'));
    const cases: readonly (readonly [string[], string[]])[] = [
      [['li'], ['listen']],
      [['ta'], ['tail']],
      [['re'], ['replay']],
      [
        ['listen', '--match', ''],
        ['glob', 'prefix', 'exact', 'regex'],
      ],
      [['tail', '-o', 'p'], ['pretty']],
      [['listen', '--out', '=', 'ta'], ['tag']],
      [
        ['listen', '--node', '='],
        ['minion', 'master'],
      ],
      [['listen', '--sock-'], ['--sock-dir']],
      [['listen', '--wait', '--rea'], ['--ready']],
      [['--json-errors', 'cap'], ['capture']],
      [['listen', '-n', 'fire', '--at'], []],
      [
        ['replay', '--speed', '2', 'an'],
        ['an event.sbcap', 'andir'],
      ],
      [['replay', 'x', 'an'], []],
      [['listen', 'an'], []],
      [['listen', '--sock-dir', 'an'], ['andir']],
      [
        ['completion', ''],
        ['bash', 'zsh', 'fish'],
      ],
    ];
    for (const [words, wanted] of cases) {
      const typed = ['saltbus', ...words].map((word) => `'${word}'`).join(' ');
      const code = `source ./c.bash; COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _saltbus; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', code], {
        cwd: folder,
        encoding: 'utf8',
      });
      assert.deepEqual([status, stderr], [0, ''], words.join(' '));
      assert.deepEqual(
        stdout.split('\n').filter((line) => line !== ''),
        wanted,
        words.join(' '),
      );
    }
  },
);

test(
  'zsh and fish: the scripts name what bash completes, and the shells that are here take them',
  LIMIT,
  async (t) => {
    const folder = temporaryFolder(t);
    for (const [shell, check] of [
      ['zsh', '-n'],
      ['fish', '--no-execute'],
    ] as const) {
      const { code, stdout } = await runSaltbus(t, ['completion', shell]);
      assert.equal(code, 0);
      for (const part of [
        'listen',
        'tail',
        'capture',
        'at-once',
        'glob prefix exact regex',
        'minion master',
      ]) {
        assert.ok(stdout.includes(part), 'every command, option and choice is there');
      }
      const file = join(folder, shell);
      writeFileSync(file, stdout);
      const checked = spawnSync(shell, [check, file], { encoding: 'utf8' });
      // A shell that is not installed cannot look at it.
      if ((checked.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
        t.diagnostic(`no ${shell} here`);
      else assert.deepEqual([checked.status, checked.stderr], [0, '']);
    }
  },
);

test('fish: choices take no files, and a file argument does', LIMIT, async (t) => {
  const { stdout } = await runSaltbus(t, ['completion', 'fish']);
  const lines = stdout.split('\n');
  assert.ok(
    lines.includes(
      "complete -c saltbus -n '__fish_seen_subcommand_from listen sub tail' -l match -x -a 'glob prefix exact regex' -d 'how the pattern is read'",
    ),
    'a choice takes no files',
  );
  assert.ok(
    lines.includes("complete -c saltbus -n '__fish_seen_subcommand_from replay' -F"),
    'replay takes a file',
  );
});

test('a shell that is not known is an error', LIMIT, async (t) => {
  assert.equal((await runSaltbus(t, ['completion', 'tcsh'])).code, 64);
});
