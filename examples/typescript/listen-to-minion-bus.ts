// Listens on the event bus of this host's minion. Optional argument: the tag to listen for.
//   npx tsx listen-to-minion-bus.ts [TAG]
import { connect } from 'saltbus';

const tag = process.argv[2] ?? 'mytag';

await using bus = await connect({ node: 'minion' });
await using events = bus.listen({ tag });
await events.ready; // from here on, nothing that is fired is missed
console.error(`Listening for events tagged '${tag}' on Salt Minion bus.`);

for await (const event of events) {
  if (event.kind === 'event') console.log(JSON.stringify(event.data));
  else console.error(event); // a gap: events may be missing here
}
