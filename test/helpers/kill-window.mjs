/**
 * Ends the process that it is loaded into, as `kill -9` would, in a named window: `--import` it, with the window and the
 * count in SALTBUS_TEST_KILL (`spool-written:3` dies the third time that an event comes there).
 *
 * The windows are the steps that are told on the channel `saltbus:delivery`. Behind a `+` they are so many turns of the loop
 * later: `spool-write+2` is in the commit.
 */
import { subscribe } from 'node:diagnostics_channel';
import { setImmediate } from 'node:timers';

const [window = '', count = '0'] = (process.env['SALTBUS_TEST_KILL'] ?? '').split(':');
const [wanted = '', turns = '0'] = window.split('+');
let left = Number(count);

function die(after) {
  if (after === 0) process.kill(process.pid, 'SIGKILL');
  else setImmediate(() => die(after - 1));
}

if (left > 0) {
  subscribe('saltbus:delivery', ({ step }) => {
    if (step !== wanted) return;
    left -= 1;
    if (left === 0) die(Number(turns));
  });
}
