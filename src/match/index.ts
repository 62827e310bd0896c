/**
 * Which tags a pattern matches.
 */
export { compileFilter } from './filter.ts';
export type { FilterOptions, FilterPattern } from './filter.ts';
export { compileGlob } from './glob.ts';
export { compileMatch, guessMode } from './tag-match.ts';
export type { MatchMode, TagMatch } from './tag-match.ts';
