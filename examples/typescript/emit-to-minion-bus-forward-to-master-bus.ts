// Fires on the minion bus what the minion forwards to the bus of its master: one event, then a list of five.
//   npx tsx emit-to-minion-bus-forward-to-master-bus.ts [TAG]
import { connect } from 'saltbus';

const tag = process.argv[2] ?? 'mytag';
const drops = ['drap', 'drep', 'drip', 'drop', 'drup'];

await using bus = await connect({ node: 'minion' });

// One event: it arrives with the minion's verified id around it, as {id, tag, data: {...}, ts, ...}.
await bus.fireMaster(tag, { message: 'a single drop' });

// A list: five events, in order, each with its own data and nothing else.
await bus.fireMaster(drops.map((drop) => ({ tag, data: { message: `a ${drop} in the bucket` } })));
