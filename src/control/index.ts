/** Request and answer between our own programs and daemons. */
export { ControlClient, openControl } from './client.ts';
export type { ControlClientOptions, Fire } from './client.ts';
export { ControlServer } from './server.ts';
export type { ControlCounters, ControlHandlers, ControlLimits, FireReply } from './handlers.ts';
export type {
  ControlCommand,
  ControlCommands,
  Figures,
  FireAnswer,
  FireRefusal,
  FireRequest,
  FireWait,
  SpoolItem,
  SpoolListRequest,
} from './messages.ts';
export { MOST_ITEMS } from './messages.ts';
