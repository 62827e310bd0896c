/**
 * Our own directories, for a user without root (XDG base directories).
 */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { ConfigNode } from './configured.ts';

// A relative path in these variables is to be ignored, says the XDG specification.
function base(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name];
  return value !== undefined && isAbsolute(value) ? value : undefined;
}

function home(env: NodeJS.ProcessEnv): string {
  return base(env, 'HOME') ?? homedir();
}

/** Where this user's own bus keeps its sockets. */
export function userSockDir(node: ConfigNode, env: NodeJS.ProcessEnv = process.env): string {
  const runtime = base(env, 'XDG_RUNTIME_DIR');
  if (runtime !== undefined) return join(runtime, 'saltbus', node);
  return join(base(env, 'XDG_STATE_HOME') ?? join(home(env), '.local', 'state'), 'saltbus', 'run', node);
}

/** Where we keep what can be found out again. */
export function userCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  return join(base(env, 'XDG_CACHE_HOME') ?? join(home(env), '.cache'), 'saltbus');
}
