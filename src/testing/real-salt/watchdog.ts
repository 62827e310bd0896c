/**
 * Sees to it that daemons do not outlive the process that started them, however that ends.
 */
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

// Each line is the full list of process groups. Our end of its stdin closes when we end, also by SIGKILL; "done" means that
// all is cleaned up already.
const SCRIPT = `
groups=
while read -r line; do
  if [ "$line" = done ]; then exit 0; fi
  groups=$line
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
rm -rf -- "$1"
`;

/** A process that kills groups and removes a directory when this one is gone. */
export class Watchdog {
  readonly #input: Writable;
  readonly #groups = new Set<number>();

  constructor(directory: string) {
    // a session of its own: Ctrl-C at the terminal ends us, and it has to be there afterwards
    const child = spawn('/bin/sh', ['-c', SCRIPT, 'saltbus-watchdog', directory], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#input = child.stdin;
    this.#input.on('error', () => undefined); // a watchdog that somebody killed is no failure of a test
    child.on('error', () => undefined);
    // it must not keep this process from ending
    child.unref();
    if (child.stdin instanceof Socket) child.stdin.unref();
  }

  guard(group: number): void {
    this.#groups.add(group);
    this.#tell();
  }

  release(group: number): void {
    this.#groups.delete(group);
    this.#tell();
  }

  /** Ends it: nothing is left to clean up. */
  dismiss(): void {
    this.#input.end('done\n');
  }

  #tell(): void {
    this.#input.write(`${[...this.#groups].join(' ')}\n`);
  }
}
