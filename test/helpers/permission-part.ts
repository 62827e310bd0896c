/** Connects to a socket as a user that may not, and prints the error. Root becomes nobody first. */
import { connectSocket } from '../../src/transport/connect.ts';
import { SaltbusError } from '../../src/errors.ts';

const [path = ''] = process.argv.slice(2);
if (process.getuid?.() === 0) process.seteuid?.(65534);
try {
  await connectSocket({ kind: 'unix', path });
  console.log('connected');
  process.exit(0);
} catch (error) {
  if (!(error instanceof SaltbusError)) throw error;
  console.log(JSON.stringify({ code: error.code, message: error.message, next: error.next }));
}
