/**
 * A sign of life.
 */
import type { LoadShape } from './fields.ts';

/** Is answered with itself. */
export interface PingLoad {
  readonly cmd: 'ping';
}

/** What `ping` may carry. */
export const pingShape: LoadShape<PingLoad> = {
  cmd: 'ping',
  fields: {},
};
