// Listens on the event bus of this host's master. Optional argument: the tag to listen for.
//   npx tsx listen-to-master-bus.ts [TAG]
import { connect } from 'saltbus';

const tag = process.argv[2] ?? 'mytag';

await using bus = await connect({ node: 'master' });
await using events = bus.listen({ tag });
await events.ready; // from here on, nothing that is fired is missed
console.error(`Listening for events tagged '${tag}' on Salt Master bus.`);

for await (const event of events) {
  if (event.kind === 'event') console.log(JSON.stringify(event.data));
  else console.error(event); // a gap: events may be missing here
}
