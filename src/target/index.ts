/**
 * Who a job is for.
 */
export type { FactMap, MinionFacts } from './fact-map.ts';
export { TARGET_LIMITS } from './limits.ts';
export type { Nodegroups } from './nodegroup.ts';
export { pythonText } from './python-text.ts';
export { resolveTarget } from './resolve.ts';
export type { ResolvedTarget } from './resolve.ts';
export type { Answer } from './subdict.ts';
export { compileReceivedTarget, compileTarget } from './target.ts';
export type { Target, TargetOptions, TargetSpec, TargetType } from './target.ts';
