/**
 * The state of one connection to a socket of a bus: a union, and a pure function from state and input to state and effects.
 */

/** Where a connection stands. `attempt` counts failures in a row. */
export type LinkState =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting'; readonly attempt: number }
  | { readonly name: 'open'; readonly attempt: number }
  | { readonly name: 'waiting'; readonly attempt: number }
  | { readonly name: 'closed' };

/** What can happen to a connection. */
export type LinkInput =
  /** somebody needs it */
  | { readonly type: 'want' }
  /** nobody needs it any more */
  | { readonly type: 'release' }
  /** the attempt succeeded */
  | { readonly type: 'opened' }
  /** the attempt failed; `final`: trying again cannot help */
  | { readonly type: 'failed'; readonly final: boolean }
  /** an open connection ended; `soon`: it had hardly begun, so this counts as one more failure */
  | { readonly type: 'lost'; readonly soon: boolean }
  /** the wait before the next attempt is over */
  | { readonly type: 'elapsed' }
  /** the owner closes for good */
  | { readonly type: 'close' };

/** What the driver is to do. */
export type LinkEffect =
  /** begin an attempt */
  | { readonly type: 'connect' }
  /** wait before attempt number `attempt` */
  | { readonly type: 'wait'; readonly attempt: number }
  /** stop the wait */
  | { readonly type: 'stop-waiting' }
  /** give up the attempt or the connection */
  | { readonly type: 'drop' }
  /** tell the owner that the connection is open */
  | { readonly type: 'tell-open' }
  /** tell the owner that the connection was lost */
  | { readonly type: 'tell-lost' }
  /** tell the owner that the attempt failed */
  | { readonly type: 'tell-failed'; readonly final: boolean };

/** A state and what follows from reaching it. */
export interface LinkStep {
  readonly state: LinkState;
  readonly effects: readonly LinkEffect[];
}

const IDLE: LinkState = { name: 'idle' };
const CLOSED: LinkState = { name: 'closed' };

function step(state: LinkState, ...effects: LinkEffect[]): LinkStep {
  return { state, effects };
}

/** The next state. An input that means nothing in a state leaves it as it is. */
export function nextLinkState(state: LinkState, input: LinkInput): LinkStep {
  switch (state.name) {
    case 'idle':
      if (input.type === 'want') return step({ name: 'connecting', attempt: 0 }, { type: 'connect' });
      if (input.type === 'close') return step(CLOSED);
      return step(state);
    case 'connecting':
      return whileConnecting(state.attempt, state, input);
    case 'open':
      if (input.type === 'lost') {
        const attempt = input.soon ? state.attempt + 1 : 0;
        return step({ name: 'waiting', attempt }, { type: 'tell-lost' }, { type: 'wait', attempt });
      }
      if (input.type === 'release') return step(IDLE, { type: 'drop' });
      if (input.type === 'close') return step(CLOSED, { type: 'drop' });
      return step(state);
    case 'waiting':
      if (input.type === 'elapsed')
        return step({ name: 'connecting', attempt: state.attempt }, { type: 'connect' });
      if (input.type === 'release') return step(IDLE, { type: 'stop-waiting' });
      if (input.type === 'close') return step(CLOSED, { type: 'stop-waiting' });
      return step(state);
    case 'closed':
      return step(state);
  }
}

function whileConnecting(attempt: number, state: LinkState, input: LinkInput): LinkStep {
  switch (input.type) {
    case 'opened':
      return step({ name: 'open', attempt }, { type: 'tell-open' });
    case 'failed': {
      if (input.final) return step(IDLE, { type: 'tell-failed', final: true });
      const next = attempt + 1;
      return step(
        { name: 'waiting', attempt: next },
        { type: 'tell-failed', final: false },
        { type: 'wait', attempt: next },
      );
    }
    case 'release':
      return step(IDLE, { type: 'drop' });
    case 'close':
      return step(CLOSED, { type: 'drop' });
    default:
      return step(state);
  }
}
