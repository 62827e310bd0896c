/** Runs folders of tests on the Node that runs this, without building: `run-suites.ts unit integration`. */
import { closingLine, runFiles, runTogether, testFiles, total } from './run-files.ts';

const outcomes = [];
for (const name of process.argv.slice(2))
  outcomes.push(
    await (name === 'unit' ? runTogether(testFiles('test/unit'), 2) : runFiles(testFiles(`test/${name}`), 1)),
  );
const sum = total(outcomes);
console.log(closingLine(sum));
if (sum.failed > 0) process.exitCode = 1;
