/** System calls of a daemon: when its log was written and forced to the disk, and when it answered. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** One call of a trace that matters here. */
export type Call = 'log written' | 'log forced' | 'answered';

/** Installs strace where it is missing. */
export function needStrace(): void {
  if (spawnSync('strace', ['-V']).status === 0) return;
  const installed = spawnSync('apt-get', ['install', '-y', 'strace'], { encoding: 'utf8' });
  assert.equal(installed.status, 0, `strace is missing, and could not be installed: ${installed.stderr}`);
}

/** The arguments of strace with which {@link callsOf} can read what it writes to a file. */
export function straceTo(file: string): readonly string[] {
  return [
    ...['-f', '-yy', '-s', '256', '-o', file, '-e', 'signal=none'],
    ...['-e', 'trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg'],
  ];
}

/** The process that a strace runs. */
export function tracedPid(strace: number): number {
  return Number(readFileSync(`/proc/${strace}/task/${strace}/children`, 'utf8').trim());
}

/**
 * The calls in a trace. strace writes one line for a call, or two (unfinished, resumed) where another thread came between:
 * what counts is when a write begins and when the forcing ends.
 * @param log - the name of the file
 * @param isAnswer - of a line that is a write to a socket
 */
export function callsOf(file: string, log: string, isAnswer: (line: string) => boolean): Call[] {
  const calls: Call[] = [];
  const forcing = new Set<string>();
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    const [thread = ''] = line.split(' ', 1);
    if (/ pwrite64\(/.test(line) && line.includes(`${log}>`)) calls.push('log written');
    else if (/ (fsync|fdatasync)\(/.test(line) && line.includes(`${log}>`)) {
      if (line.includes('<unfinished')) forcing.add(thread);
      else if (line.endsWith('= 0')) calls.push('log forced');
    } else if (/<\.\.\. (fsync|fdatasync) resumed>/.test(line) && forcing.delete(thread)) {
      if (line.endsWith('= 0')) calls.push('log forced');
    } else if (/ (write|writev|sendto|sendmsg)\(/.test(line) && isAnswer(line)) calls.push('answered');
  }
  return calls;
}
