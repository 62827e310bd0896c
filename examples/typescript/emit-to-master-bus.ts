// Fires an event on the event bus of this host's master.
//   npx tsx emit-to-master-bus.ts [TAG]
import { connect } from 'saltbus';

const tag = process.argv[2] ?? 'mytag';

await using bus = await connect({ node: 'master' });
await bus.fire(tag, { 'sample-msg': 'this is a test', example: 'this is the same test' });
