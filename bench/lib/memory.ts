/**
 * What is left on the heap and outside of it once everything that nobody holds is gone; needs `--expose-gc`.
 *
 * Twice, because V8 frees array buffers beside the program after a collection: the second one waits for what the first
 * has found.
 */
export function collectedBytes(): number {
  if (globalThis.gc === undefined) throw new Error('Run it with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
