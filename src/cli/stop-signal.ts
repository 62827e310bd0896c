/**
 * Calls back at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process as the system would.
 */
export function onStopSignal(stop: () => void): void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const received = (): void => {
    for (const signal of signals) process.off(signal, received);
    stop();
  };
  for (const signal of signals) process.on(signal, received);
}
