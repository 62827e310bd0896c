/**
 * Matches hostile tags with patterns that make a backtracking engine explode, in a process of its own, and prints the
 * longest that the loop was busy in one go, in milliseconds: of processor time, since other programs may have the
 * processor meanwhile, and as `monitorEventLoopDelay` saw it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { memoryBus } from '../../src/testing/memory-bus.ts';

const PATTERNS = [
  '(a+)+$',
  '(a|aa)+$',
  '(a*)*b',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
  '(.*)*x',
  '(a?){50}a{50}$',
  '(.*a){300}',
];
const GLOBS = ['*a*a*a*a*a*a*b', '[a-z]*[a-z]*[a-z]*?z'];

await using bus = memoryBus();
const client = bus.client();
for (const tag of PATTERNS) client.listen({ tag, match: 'regex' });
for (const tag of GLOBS) client.listen({ tag, match: 'glob' });
const all = client.listen();
await all.ready;
// The first use of an engine compiles it: that is no matter of the tag.
await client.fire('warm', {});
await turn();

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
let longest = 0;
let fired = 0;
for (let length = 10; length <= 20480; length *= 2) {
  for (const end of ['', 'b', '!', 'A']) {
    const before = process.cpuUsage();
    const sent = client.fire('a'.repeat(length) + end, {});
    fired += 1;
    await sent;
    while (all.counters.queued < fired + 1) await turn();
    const { user, system } = process.cpuUsage(before);
    longest = Math.max(longest, (user + system) / 1000);
  }
}
delay.disable();
console.log(JSON.stringify({ fired, seen: all.counters.queued - 1, longest, delay: delay.max / 1e6 }));
process.exit(0);
