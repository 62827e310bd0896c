/**
 * The terminal of this process, as `top` uses it.
 */
import { write, writeSync } from 'node:fs';
import { emitKeypressEvents } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';
import { SaltbusError } from '../../errors.ts';
import type { Key, KeyName } from './keys.ts';

const STDOUT = 1;

/** A terminal. */
export interface TerminalDevice {
  size(): { readonly columns: number; readonly rows: number };
  /** Writes without holding up the process; `done` is called when the terminal has taken it, with whether it could. */
  write(text: string, done: (ok: boolean) => void): void;
  /** Writes before it returns, for the last words of a process. */
  writeNow(text: string): void;
  /** Keys as they are pressed, without echo; `false` gives the terminal back as it was. */
  setRaw(raw: boolean): void;
  onKey(listener: (key: Key) => void): void;
  onResize(listener: () => void): void;
  /** The terminal went away. */
  onGone(listener: () => void): void;
  /** Takes no more keys, so that the process can end. */
  close(): void;
}

const NAMES: ReadonlyMap<string, KeyName> = new Map<string, KeyName>([
  ['up', 'up'],
  ['down', 'down'],
  ['pageup', 'pageup'],
  ['pagedown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['enter', 'enter'],
  ['escape', 'escape'],
  ['backspace', 'backspace'],
]);

/** What node:readline tells of a key. */
interface Pressed {
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  readonly sequence?: string;
}

/** The key that was pressed; `suspend` for Ctrl-Z; `undefined` for one that means nothing. */
export function keyOf(text: string | undefined, pressed: Pressed): Key | 'suspend' | undefined {
  if (pressed.ctrl === true) {
    switch (pressed.name) {
      case 'c':
        return { name: 'interrupt', text: '' };
      case 'u':
        return { name: 'erase', text: '' };
      case 'h':
        return { name: 'backspace', text: '' };
      case 'z':
        return 'suspend';
      default:
        return undefined;
    }
  }
  const name = pressed.name === undefined ? undefined : NAMES.get(pressed.name);
  if (name !== undefined) return { name, text: '' };
  const typed = text ?? '';
  // eslint-disable-next-line no-control-regex -- what a terminal sends for other keys
  if (pressed.meta === true || typed === '' || /[\u0000-\u001f\u007f-\u009f]/.test(typed)) return undefined;
  return { name: 'text', text: typed };
}

/**
 * Takes the terminal of this process.
 * @param onSuspend - called at Ctrl-Z
 * @throws SaltbusError `ERR_SALTBUS_USAGE` when stdin or stdout is none, or cannot place text
 */
export function ownTerminal(onSuspend: () => void): TerminalDevice {
  const input: ReadStream = process.stdin;
  const output: WriteStream = process.stdout;
  const use =
    'Use saltbus listen, which prints lines, in a pipe, a script or on a terminal such as this one.';
  if (!input.isTTY || !output.isTTY) {
    const which = input.isTTY ? 'stdout' : 'stdin';
    throw new SaltbusError('ERR_SALTBUS_USAGE', `top needs a terminal, and ${which} is none`, { next: use });
  }
  if (process.env['TERM'] === 'dumb') {
    throw new SaltbusError('ERR_SALTBUS_USAGE', 'top places text on the screen, and TERM is dumb', {
      next: use,
    });
  }
  let gone: () => void = () => undefined;
  const onGone = (): void => {
    gone();
  };
  return {
    size: () => ({ columns: output.columns || 80, rows: output.rows || 24 }),
    write: (text, done) => {
      writeWhole(STDOUT, Buffer.from(text), done);
    },
    writeNow: (text) => {
      try {
        writeSync(STDOUT, text);
      } catch {
        // The terminal is gone, or takes nothing: there is nobody to be told.
      }
    },
    setRaw: (raw) => {
      try {
        input.setRawMode(raw);
      } catch {
        // As above.
      }
    },
    onKey: (listener) => {
      emitKeypressEvents(input);
      input.on('keypress', (text: string | undefined, pressed: Pressed) => {
        const key = keyOf(text, pressed);
        if (key === 'suspend') onSuspend();
        else if (key !== undefined) listener(key);
      });
      input.resume();
    },
    onResize: (listener) => {
      output.on('resize', listener);
    },
    onGone: (listener) => {
      gone = listener;
      input.on('end', onGone);
      input.on('error', onGone);
      output.on('error', onGone);
    },
    close: () => {
      input.removeAllListeners('keypress');
      input.pause();
      input.unref();
    },
  };
}

// node:tty writes to a terminal before it returns: one that takes nothing (a stalled connection) would stop this process, and
// with it the reading of the bus. A write of node:fs waits in a thread of its own.
function writeWhole(fd: number, bytes: Buffer, done: (ok: boolean) => void, at = 0): void {
  write(fd, bytes, at, bytes.length - at, null, (error, written) => {
    if (error?.code === 'EAGAIN') {
      setTimeout(() => {
        writeWhole(fd, bytes, done, at);
      }, 20);
    } else if (error !== null) done(false);
    else if (at + written < bytes.length) writeWhole(fd, bytes, done, at + written);
    else done(true);
  });
}
