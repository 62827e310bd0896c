/**
 * The state of one ZMTP connection, whichever end opened it: a union, and a pure function from state and input to state
 * and effects.
 */

/** Where a connection stands. */
export type ConnectionState =
  /** our greeting is sent, the peer's has not come */
  | { readonly name: 'greeting' }
  /** our READY is sent, the peer's has not come */
  | { readonly name: 'handshake' }
  /** messages may pass */
  | { readonly name: 'ready' }
  /** we ended it, and what was written is still being taken */
  | { readonly name: 'ending' }
  | { readonly name: 'closed' };

/** What can happen to a connection. */
export type ConnectionInput =
  | 'greeting'
  /** a READY of a kind of socket that ours may talk to */
  | 'ready'
  /** a READY of another kind */
  | 'unfit'
  /** a frame of a message */
  | 'frame'
  | 'ping'
  | 'pong'
  /** SUBSCRIBE or CANCEL */
  | 'subscription'
  /** ERROR: the peer gives the connection up */
  | 'peer-error'
  /** a command that ZMTP 3.1 does not have */
  | 'other'
  /** the bytes are no ZMTP, or over a limit */
  | 'fault'
  /** the handshake takes too long, the peer is silent, or it does not take what is written */
  | 'overdue'
  /** the stream ended or broke */
  | 'ended'
  /** the owner ends it after what was written */
  | 'close'
  /** the owner ends it now */
  | 'destroy';

/** What the driver is to do. */
export type ConnectionEffect =
  | 'send-ready'
  | 'send-pong'
  | 'tell-ready'
  /** hand the frame or the subscription to the owner */
  | 'deliver'
  | 'end'
  | 'destroy'
  | 'tell-closed'
  /** the peer broke a rule of the protocol: name it as the reason */
  | 'blame';

/** A state and what follows from reaching it. */
export interface ConnectionStep {
  readonly state: ConnectionState;
  readonly effects: readonly ConnectionEffect[];
}

/** The first state. */
export const GREETING: ConnectionState = { name: 'greeting' };
/** The state in which messages pass. */
export const READY: ConnectionState = { name: 'ready' };

const HANDSHAKE: ConnectionState = { name: 'handshake' };
const ENDING: ConnectionState = { name: 'ending' };
const CLOSED: ConnectionState = { name: 'closed' };

function step(state: ConnectionState, ...effects: ConnectionEffect[]): ConnectionStep {
  return { state, effects };
}

/** The next state. An input that means nothing in a state leaves it as it is. */
export function nextConnectionState(state: ConnectionState, input: ConnectionInput): ConnectionStep {
  if (state.name === 'closed') return step(state);
  if (input === 'destroy' || input === 'ended' || input === 'overdue' || input === 'fault')
    return step(CLOSED, 'destroy', 'tell-closed');
  if (state.name === 'ending') return step(state);
  if (input === 'peer-error') return step(CLOSED, 'blame', 'destroy', 'tell-closed');
  switch (state.name) {
    case 'greeting':
      if (input === 'greeting') return step(HANDSHAKE, 'send-ready');
      // Nobody was told of this connection, and nothing of the owner's was written.
      if (input === 'close') return step(CLOSED, 'destroy', 'tell-closed');
      return step(state);
    case 'handshake':
      return duringHandshake(state, input);
    case 'ready':
      if (input === 'frame' || input === 'subscription') return step(state, 'deliver');
      if (input === 'ping') return step(state, 'send-pong');
      if (input === 'ready' || input === 'unfit') return step(CLOSED, 'blame', 'destroy', 'tell-closed');
      if (input === 'close') return step(ENDING, 'end');
      return step(state);
  }
}

function duringHandshake(state: ConnectionState, input: ConnectionInput): ConnectionStep {
  switch (input) {
    case 'ready':
      return step(READY, 'tell-ready');
    case 'unfit':
    case 'frame':
    case 'ping':
    case 'pong':
    case 'subscription':
    case 'other':
      return step(CLOSED, 'blame', 'destroy', 'tell-closed');
    case 'close':
      return step(CLOSED, 'destroy', 'tell-closed');
    default:
      return step(state);
  }
}
