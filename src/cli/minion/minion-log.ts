/** What a minion daemon logs, from what the library tells while it works. */
import { shellWord } from '../../client/shell-word.ts';
import type { DaemonLog } from '../../daemon/lifecycle/log.ts';
import { rateLimited } from '../../daemon/lifecycle/log.ts';
import { onDiagnostics } from '../../diagnostics.ts';

/** Logs what happens to the minion of this process. */
export function logMinion(log: DaemonLog): void {
  logMasters(log);
  const refused = rateLimited(log.warn);
  onDiagnostics('saltbus:minion:forward', ({ master, outcome, tag, error }) => {
    if (outcome === 'sent') log.debug({ master, tag }, 'the master took an event');
    else refused({ master, tag, error }, `an event for the master was ${outcome}`);
  });
  onDiagnostics('saltbus:spool:full', (lost) => {
    log.warn({ ...lost }, 'events for the master were not kept');
  });
  onDiagnostics('saltbus:spool:left-behind', ({ path }) => {
    log.warn({ path }, 'events wait in a file that belongs to no master of this minion');
  });
  onDiagnostics('saltbus:store:moved-aside', ({ path, movedTo, reason }) => {
    log.error({ path, movedTo, reason }, 'a damaged file was moved aside, with the events that were in it');
  });
  onDiagnostics('saltbus:store:failed', ({ path, error }) => {
    log.error({ path, error }, 'what came could not be kept');
  });
  const lost = rateLimited(log.warn);
  const noReturner = rateLimited(log.warn);
  onDiagnostics('saltbus:minion:job', ({ jid, fun, what, success, error, returner }) => {
    if (what === 'began') log.info({ jid, fun }, 'a job began');
    else if (what === 'ended') log.debug({ jid, fun, success }, 'a job ended');
    else if (what === 'refused') lost({ jid, fun }, 'a job was refused: there are too many');
    else if (what === 'no-returner')
      noReturner(
        { jid, fun, returner },
        'a job names a returner, and there are none here: only the master gets its return',
      );
    else lost({ jid, fun, error }, 'the return of a job was lost');
  });
  onDiagnostics('saltbus:minion:facts', ({ what, error }) => {
    log.warn({ error }, `could not be had: ${what}`);
  });
}

// Sign-ins go on for as long as it takes: what each of them says is told once, until it is something else.
function logMasters(log: DaemonLog): void {
  const told = new Map<string, string>();
  onDiagnostics('saltbus:minion:sign-in', ({ id, master, outcome, error }) => {
    if (outcome !== 'accepted' && told.get(master) === outcome) return;
    told.set(master, outcome);
    switch (outcome) {
      case 'accepted':
        log.info({ master }, 'signed in');
        return;
      case 'pending':
        log.warn(
          { master },
          `the key is pending: accept it on the master with salt-key -a ${shellWord(id)} (ours: saltbus key accept ${shellWord(id)})`,
        );
        return;
      case 'unanswered':
        log.warn({ master, error }, 'the master does not answer, and is asked again');
        return;
      case 'rejected':
        log.error(
          { master },
          `the master rejects the key: see salt-key -L there, and delete it with salt-key -d ${shellWord(id)}`,
        );
        return;
      default:
        log.warn({ master, outcome }, 'the sign-in was not accepted');
    }
  });
  onDiagnostics('saltbus:minion:link', ({ master, phase, error }) => {
    if (phase === 'up') log.info({ master }, 'the master is there');
    else if (phase === 'failed') log.error({ master, error, next: error?.next }, 'the master is given up');
    else if (error !== undefined) log.warn({ master, error }, 'the master is away');
  });
}
