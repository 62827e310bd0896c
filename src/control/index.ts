/** Request and answer between our own programs and daemons. */
export { openControl } from './client.ts';
export type { ControlClient, ControlClientOptions } from './client.ts';
export { ControlServer } from './server.ts';
export type { ControlHandlers, FireReply } from './handlers.ts';
export type { Figures, FireAnswer, FireRequest, SpoolItem } from './messages.ts';
export { MOST_ITEMS } from './messages.ts';
