/** saltbus: listen to and fire events on the Salt event bus. */
export { connect } from './client/connect.ts';
export type { ConnectOptions } from './client/connect.ts';
export { DirectConnection, connectDirect } from './client/direct.ts';
export type { DirectAnswer, DirectFireOptions, DirectOptions, MasterFailure } from './client/direct.ts';
export { connectMaster } from './client/run/connect-master.ts';
export type { MasterOptions } from './client/run/connect-master.ts';
export { MasterClient } from './client/run/master-client.ts';
export type { PublishOptions, RunOptions, RunTarget } from './client/run/run-options.ts';
export { JobRun } from './client/run/job-run.ts';
export type { JobSummary } from './client/run/job-run.ts';
export { JobReturn } from './client/run/job-return.ts';
export { BatchRun } from './client/run/batch-run.ts';
export type { BatchOptions, BatchSummary } from './client/run/batch-run.ts';
export type { PublishedJob } from './client/run/publish-request.ts';
export type { BusSelector } from './client/locate.ts';
export { Bus } from './bus/bus.ts';
export type { BusCounters, FireData, FireOptions, ListenOptions, Node } from './bus/bus.ts';
export type { ConfirmOptions, ConfirmedPath, FireMasterOutcome } from './bus/confirmed.ts';
export type { FireMasterOptions, MasterEvent } from './bus/fire-master.ts';
export type { BusItem, Gap, GapReason } from './bus/queue.ts';
export { Subscription } from './bus/subscription.ts';
export type { SubscriptionCounters } from './bus/subscription.ts';
export type { DialectChoice } from './dialect/choice.ts';
export { deniedBy, reservedPrefix } from './dialect/tag-rules.ts';
export type { ReservedPrefix } from './dialect/tag-rules.ts';
export { SaltEvent } from './event.ts';
export type { BadEvent, EventData } from './event.ts';
export {
  beaconTag,
  checkTag,
  jobNewTag,
  jobReturnTag,
  minionStartTag,
  parseTag,
  syndicTag,
  tagify,
} from './tag.ts';
export type { BatchPhase, MinionCommand, ParsedTag } from './tag.ts';
export { narrow } from './known-events/index.ts';
export type * from './known-events/index.ts';
export { compileFilter, compileMatch, guessMode } from './match/index.ts';
export type { FilterOptions, FilterPattern, MatchMode, TagMatch } from './match/index.ts';
export { ERRORS, SaltbusError } from './errors.ts';
export type { ErrorCode, ErrorEntry } from './errors.ts';
export { onDiagnostics } from './diagnostics.ts';
export type { DiagnosticsName, DiagnosticsPayloads } from './diagnostics.ts';
export { ExactFloat, Ext, RawText, SaltDateTime } from './codec/msgpack/values.ts';
export type { ExactValue, PlainValue } from './codec/msgpack/values.ts';
