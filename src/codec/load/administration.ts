/**
 * Clear requests of local administrators whose arguments the command itself knows: runners, wheel functions and tokens.
 */
import { optional, text } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** A runner function (`salt-run`). */
export interface RunnerLoad {
  readonly cmd: 'runner';
  readonly fun: string;
  /** A secret. */
  readonly key?: string;
  readonly user?: string;
}

/** What `runner` may carry. */
export const runnerShape: LoadShape<RunnerLoad> = {
  cmd: 'runner',
  fields: { fun: text(256), key: optional(text(256)), user: optional(text(256)) },
  hasMore: true,
};

/** A wheel function (`salt-key` through the API). */
export interface WheelLoad {
  readonly cmd: 'wheel';
  readonly fun: string;
  /** A secret. */
  readonly key?: string;
  readonly user?: string;
}

/** What `wheel` may carry. */
export const wheelShape: LoadShape<WheelLoad> = {
  cmd: 'wheel',
  fields: { fun: text(256), key: optional(text(256)), user: optional(text(256)) },
  hasMore: true,
};

/** An external login that asks for a token. */
export interface MakeTokenLoad {
  readonly cmd: 'mk_token';
  readonly eauth?: string;
}

/** What `mk_token` may carry. */
export const makeTokenShape: LoadShape<MakeTokenLoad> = {
  cmd: 'mk_token',
  fields: { eauth: optional(text(256)) },
  hasMore: true,
};

/** A token to be looked at. */
export interface GetTokenLoad {
  readonly cmd: 'get_token';
  /** A secret, and part of a path in Salt: it is held against its own rules by whoever looks it up. */
  readonly token: string;
}

/** What `get_token` may carry. */
export const getTokenShape: LoadShape<GetTokenLoad> = {
  cmd: 'get_token',
  fields: { token: text(256) },
};
