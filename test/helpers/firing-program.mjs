/**
 * A program that fires for the master, one event after the other, until its stdin ends: `firing-program.mjs LIBRARY CONFIG_DIR PREFIX`.
 * It prints the id of each event that was acknowledged, and only those.
 */
const [library = '', configDir = '', prefix = ''] = process.argv.slice(2);
const { connect } = await import(library);
const PIPELINE = 8;

let isStopped = false;
process.stdin.on('end', () => {
  isStopped = true;
});
process.stdin.resume();

const bus = await connect({ node: 'minion', configDir, wait: 30_000, fireTimeoutMs: 60_000 });
let next = 0;
while (!isStopped) {
  const fires = Array.from({ length: PIPELINE }, async () => {
    next += 1;
    const id = `${prefix}-${String(next).padStart(12, '0')}`;
    await bus.fireMaster('crash/test', { id }, { id });
    process.stdout.write(`${id}\n`);
  });
  await Promise.all(fires);
}
await bus.close();
