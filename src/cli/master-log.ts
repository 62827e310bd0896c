/**
 * What a master tells, as lines of its log: what minions cause at a bounded rate, each kind by itself.
 */
import { onDiagnostics } from '../diagnostics.ts';
import { rateLimited } from '../daemon/lifecycle/log.ts';
import type { DaemonLog, LogWrite } from '../daemon/lifecycle/log.ts';

/** Logs what a master tells. */
export function logMaster(log: DaemonLog): void {
  // one line in a second for each answer: a minion that waits asks every ten seconds, and there can be thousands
  const signIns = new Map(
    ['accept', 'pending', 'refused', 'full'].map((reply) => [reply, rateLimited(log.info)]),
  );
  onDiagnostics('saltbus:master:sign-in', ({ id, reply, remote }) => {
    signIns.get(reply)?.({ minion: id, reply, remote }, 'a minion signed in, or asked to');
  });
  const declined = rateLimited(log.warn);
  onDiagnostics('saltbus:master:refused', ({ id, reason, subject }) => {
    declined({ minion: id, reason, subject }, 'what a minion asked for was not done');
  });
  const overloaded = rateLimited(log.warn);
  onDiagnostics('saltbus:master:overloaded', ({ waiting }) => {
    overloaded({ waiting }, 'too much waits: a minion was told to come again');
  });
  const problem = rateLimited(log.warn);
  onDiagnostics('saltbus:master:problem', ({ what, error }) => {
    problem({ what, error }, 'something went wrong');
  });
  // each of them: it is what an operator did
  onDiagnostics('saltbus:master:job', ({ jid, user, fun, minions }) => {
    log.info({ jid, user, fun, minions }, 'a job was published');
  });
  // each state by itself: that a key was deleted is told, even when it was accepted a moment before
  const changes = new Map<string, LogWrite>();
  onDiagnostics('saltbus:master:key-changed', ({ id, state, replaced }) => {
    let changed = changes.get(state);
    if (changed === undefined) changes.set(state, (changed = rateLimited(log.info)));
    changed({ minion: id, state, replaced }, 'a key was changed');
  });
  onDiagnostics('saltbus:store:moved-aside', ({ path, movedTo, reason }) => {
    log.error({ path, movedTo, reason }, 'a damaged file was moved aside, with the events that were in it');
  });
  onDiagnostics('saltbus:store:failed', ({ path, error }) => {
    log.error({ path, error }, 'events could not be kept, and were not accepted');
  });
  onDiagnostics('saltbus:master:key-rotated', () => {
    log.info({}, 'there is a new publish key');
  });
}
