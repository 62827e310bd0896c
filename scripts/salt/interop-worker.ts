/**
 * Runs the interop tests against the pair that `SALTBUS_INTEROP` names, and tells its parent what came of them.
 *
 * A process of its own for each release: node:test hands the environment of the process on to the tests, and releases are run side by side.
 */
import { runFiles } from '../run-files.ts';

// One file at a time: they share a pair, and another release runs beside it.
const outcome = await runFiles(process.argv.slice(2), 1);
process.send?.(outcome);
