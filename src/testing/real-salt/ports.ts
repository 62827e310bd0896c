/** Free loopback ports for a daemon that cannot be told to choose its own. */
export { freePort } from '../../transport/free-port.ts';
