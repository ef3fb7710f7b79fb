/** Work that takes long is done in slices: between them, timers, sockets and other work get their turn. */

/** Slices, of all connections together, in one turn of the event loop. */
const SLICES_PER_TURN = 4;

let waiting: (() => void)[] = [];

/** Resolves when it is the caller's turn for a slice: in the order of the calls. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(serve);
  });
}

function serve(): void {
  const served = waiting.slice(0, SLICES_PER_TURN);
  waiting = waiting.slice(SLICES_PER_TURN);
  for (const resolve of served) resolve();
  if (waiting.length > 0) setImmediate(serve);
}
