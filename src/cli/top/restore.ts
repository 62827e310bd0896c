/**
 * Gives the terminal back however the process stops: by an error, by a signal, or for a while.
 */
import type { TopView } from './driver.ts';

// After this long a process that was to be stopped was not: nobody is there who would wake it.
const NOT_STOPPED_MS = 100;

/** What was put in place. */
export interface Restore {
  /** Stops the process as Ctrl-Z does, with the terminal given back until it goes on. */
  readonly suspend: () => void;
  /** Takes everything away again. */
  readonly done: () => void;
}

/** Puts it in place. SIGINT, SIGTERM and SIGHUP end the view in an orderly way and are not looked after here. */
export function restoreOnEveryExit(view: TopView): Restore {
  const leave = (): void => {
    view.leave();
  };
  const goOn = (): void => {
    process.on('SIGTSTP', suspend);
    view.enter();
  };
  let isSuspended = false;
  const onContinue = (): void => {
    if (!isSuspended) {
      // Stopped by somebody else (SIGSTOP): the shell may have written on the screen.
      view.leave();
      view.enter();
      return;
    }
    isSuspended = false;
    goOn();
  };
  function suspend(): void {
    if (isSuspended) return;
    isSuspended = true;
    void view.hold().then(stopHere);
  }
  function stopHere(): void {
    view.leave();
    // Without a listener the signal does what it does to any program; the system leaves it out where no shell could
    // wake the process again.
    process.off('SIGTSTP', suspend);
    process.kill(process.pid, 'SIGTSTP');
    setTimeout(() => {
      if (isSuspended) onContinue();
    }, NOT_STOPPED_MS);
  }
  const onQuit = (): void => {
    view.leave();
    process.off('SIGQUIT', onQuit);
    process.kill(process.pid, 'SIGQUIT');
  };
  process.on('exit', leave);
  process.on('uncaughtExceptionMonitor', leave);
  process.on('SIGTSTP', suspend);
  process.on('SIGCONT', onContinue);
  process.on('SIGQUIT', onQuit);
  return {
    suspend,
    done: () => {
      process.off('exit', leave);
      process.off('uncaughtExceptionMonitor', leave);
      process.off('SIGTSTP', suspend);
      process.off('SIGCONT', onContinue);
      process.off('SIGQUIT', onQuit);
    },
  };
}
