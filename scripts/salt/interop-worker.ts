/**
 * Runs the interop tests against the pair that `SALTBUS_INTEROP` names, and tells its parent what came of them.
 *
 * A process of its own for each release: node:test hands the environment of the process on to the tests, and releases are run side by side.
 */
import { fileURLToPath } from 'node:url';
import { runFiles, testFiles } from '../run-files.ts';

const named = process.argv.slice(2);
// One file at a time: they share a pair, and another release runs beside it.
const files =
  named.length > 0 ? named : testFiles(fileURLToPath(new URL('../../test/interop', import.meta.url)));
const outcome = await runFiles(files, 1);
process.send?.(outcome);
