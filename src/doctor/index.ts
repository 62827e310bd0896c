/** Findings about the buses of a host. */
export { examine } from './examine.ts';
export type { Finding, Level, Report } from './finding.ts';
