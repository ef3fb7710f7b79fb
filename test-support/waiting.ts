/** Waiting for what comes by itself, and not for ever. */

/** Milliseconds after which a test no longer believes that something will happen. */
const PATIENCE = 8_000;

/** The promise's outcome; an error that says what did not come when it takes too long. */
export async function within<Value>(
  promise: Promise<Value>,
  what: string,
  milliseconds: number = PATIENCE,
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what}: not within ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The next turn of the event loop: whatever was due in this one has happened. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Turns of the event loop, for what must not happen to have happened. */
export async function turns(count: number): Promise<void> {
  for (let index = 0; index < count; index++) await turn();
}

/** Until something is so. Nothing tells of it, but it comes with the turns of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}
