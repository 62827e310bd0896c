/** What a minion daemon logs: from what the library says while it works. */
import { onDiagnostics } from '../../diagnostics.ts';
import type { Log } from '../log.ts';

/** Logs what happens to the minions of this process. */
export function logMinion(log: Log): void {
  const pending = new Set<string>();
  onDiagnostics('saltbus:minion:sign-in', ({ id, master, outcome, error }) => {
    const key = `${master} ${id} ${outcome}`;
    if (outcome === 'accepted') {
      pending.clear();
      log.info({ master }, 'signed in');
    } else if (pending.has(key)) return;
    else if (outcome === 'pending') {
      log.warn({ master }, `the key is pending: accept it on the master with salt-key -a ${id}`);
    } else if (outcome === 'unanswered') {
      log.warn({ master, error: error?.message }, 'the master does not answer; it is asked again');
    } else log.warn({ master, outcome }, 'the master did not accept the sign-in');
    pending.add(key);
  });
  onDiagnostics('saltbus:minion:link', ({ master, phase, error }) => {
    if (phase === 'up') log.info({ master }, 'the master is there');
    else if (error !== undefined) {
      log.warn({ master, error: error.message, code: error.code }, phase === 'failed' ? 'the master is given up' : 'the master is away');
    }
  });
  onDiagnostics('saltbus:minion:forward', ({ master, outcome, tag, error }) => {
    if (outcome === 'sent') return;
    log.warn({ master, tag, error: error?.message }, `an event for the master was ${outcome}`);
  });
  onDiagnostics('saltbus:minion:job', ({ jid, fun, what, error }) => {
    if (what === 'began') log.info({ jid, fun }, 'a job began');
    else if (what === 'refused') log.warn({ jid, fun }, 'a job was refused: there are too many');
    else if (what === 'return-lost') log.warn({ jid, fun, error: error?.message }, 'the return of a job was lost');
  });
  onDiagnostics('saltbus:minion:facts', ({ what, error }) => {
    log.warn({ error: error.message }, `could not be had: ${what}`);
  });
}
