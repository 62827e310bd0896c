// Fires an event on the event bus of this host's minion.
//   npx tsx emit-to-minion-bus.ts [TAG]
import { connect } from 'saltbus';

const tag = process.argv[2] ?? 'mytag';

await using bus = await connect({ node: 'minion' });
await bus.fire(tag, { tag, data: { message: 'a drop in the bucket' } });
