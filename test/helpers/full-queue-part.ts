/** Listens with a queue of one on the path given, and takes connections only after a line on stdin. */
import { createServer } from 'node:net';
import { readSync } from 'node:fs';

let taken = 0;
const server = createServer((socket) => {
  taken += 1;
  socket.end(String(taken));
});
server.listen({ path: process.argv[2] ?? '', backlog: 1 }, () => {
  process.stdout.write('up\n', () => {
    // the loop stands still meanwhile, as that of a daemon that is busy
    readSync(0, Buffer.alloc(1));
  });
});
