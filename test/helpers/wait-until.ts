/** Waits until a condition holds, looking every few milliseconds; the time limit of the test ends it otherwise. */
export async function waitUntil(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
