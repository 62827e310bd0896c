/**
 * What keys do. Pure, as the model is.
 */
import { SaltbusError } from '../../errors.ts';
import { compileMatch, guessMode } from '../../match/index.ts';
import { selectedIndex, visibleEntries, withFilter } from './model.ts';
import type { TopState } from './model.ts';

/** A key that was pressed. */
export interface Key {
  /** `up`, `down`, `pageup`, `pagedown`, `home`, `end`, `enter`, `escape`, `backspace`, `text`, `interrupt`, `erase`. */
  readonly name: KeyName;
  /** The characters of `text`. */
  readonly text: string;
}

/** Keys that mean something. */
export type KeyName =
  | 'up'
  | 'down'
  | 'pageup'
  | 'pagedown'
  | 'home'
  | 'end'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'erase'
  | 'interrupt'
  | 'text';

const LONGEST_FILTER = 200;

/** What is on the screen, as far as keys depend on it. */
export interface OnScreen {
  /** Rows of the list, or of the detail. */
  readonly page: number;
  /** How far the detail can be scrolled. */
  readonly maxScroll: number;
  readonly ratesShown: boolean;
}

/** The state after a key. */
export function onKey(state: TopState, key: Key, screen: OnScreen): TopState {
  if (key.name === 'interrupt') return { ...state, quit: true };
  if (state.box !== undefined) return inBox(state, state.box.text, key);
  if (state.detail !== undefined) return inDetail(state, state.detail, key, screen);
  return inList(state, key, screen);
}

function inBox(state: TopState, text: string, key: Key): TopState {
  const edited = (next: string): TopState => ({ ...state, box: { text: next, error: undefined } });
  switch (key.name) {
    case 'text':
      return edited((text + key.text).slice(0, LONGEST_FILTER));
    case 'backspace':
      return edited(text.replace(/.$/su, ''));
    case 'erase':
      return edited('');
    case 'escape':
      return { ...state, box: undefined };
    case 'enter':
      return applyFilter(state, text.trim());
    default:
      return state;
  }
}

function applyFilter(state: TopState, text: string): TopState {
  const closed = { ...state, box: undefined };
  if (text === '') return withFilter(closed, undefined);
  try {
    return withFilter(closed, compileMatch(text, guessMode(text)));
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    return { ...state, box: { text, error: error.message } };
  }
}

function inDetail(
  state: TopState,
  detail: NonNullable<TopState['detail']>,
  key: Key,
  { page, maxScroll }: OnScreen,
): TopState {
  const scrolled = (scroll: number): TopState => ({
    ...state,
    detail: { ...detail, scroll: Math.max(0, Math.min(scroll, maxScroll)) },
  });
  switch (moveOf(key)) {
    case 'up':
      return scrolled(detail.scroll - 1);
    case 'down':
      return scrolled(detail.scroll + 1);
    case 'pageup':
      return scrolled(detail.scroll - page);
    case 'pagedown':
      return scrolled(detail.scroll + page);
    case 'home':
      return scrolled(0);
    case 'end':
      return scrolled(maxScroll);
    case undefined:
      break;
  }
  if (key.name === 'escape' || key.name === 'enter' || (key.name === 'text' && key.text === 'q')) {
    return { ...state, detail: undefined };
  }
  return key.name === 'text' && key.text === ' ' ? togglePause(state) : state;
}

type Move = 'up' | 'down' | 'pageup' | 'pagedown' | 'home' | 'end';

const LETTERS: ReadonlyMap<string, Move> = new Map([
  ['k', 'up'],
  ['j', 'down'],
  ['g', 'home'],
  ['G', 'end'],
]);

function moveOf(key: Key): Move | undefined {
  switch (key.name) {
    case 'up':
    case 'down':
    case 'pageup':
    case 'pagedown':
    case 'home':
    case 'end':
      return key.name;
    case 'text':
      return LETTERS.get(key.text);
    default:
      return undefined;
  }
}

function inList(state: TopState, key: Key, screen: OnScreen): TopState {
  const move = moveOf(key);
  if (move !== undefined) return moved(state, move, screen.page);
  switch (key.name) {
    case 'enter':
      return openDetail(state);
    case 'escape':
      return { ...state, selected: undefined };
    case 'text':
      return onLetter(state, key.text, screen);
    default:
      return state;
  }
}

function onLetter(state: TopState, letter: string, screen: OnScreen): TopState {
  switch (letter) {
    case ' ':
      return togglePause(state);
    case '/':
      return { ...state, box: { text: state.filter?.pattern ?? '', error: undefined } };
    case 'r':
      return { ...state, showRates: !screen.ratesShown };
    case 'q':
      return { ...state, quit: true };
    default:
      return state;
  }
}

function togglePause(state: TopState): TopState {
  if (state.frozen === undefined) return { ...state, frozen: state.list };
  return { ...state, frozen: undefined };
}

function moved(state: TopState, move: Move, page: number): TopState {
  const entries = visibleEntries(state);
  const last = entries.length - 1;
  const at = selectedIndex(entries, state.selected);
  const steps: Readonly<Record<Move, number>> = {
    up: at - 1,
    down: at + 1,
    pageup: at - page,
    pagedown: at + page,
    home: 0,
    end: last,
  };
  const next = Math.max(0, steps[move]);
  // At the newest, the view follows again.
  if (next >= last) return { ...state, selected: undefined };
  return { ...state, selected: entries[next]?.seq };
}

function openDetail(state: TopState): TopState {
  const entries = visibleEntries(state);
  const entry = entries[selectedIndex(entries, state.selected)];
  return entry === undefined ? state : { ...state, detail: { entry, scroll: 0 } };
}
