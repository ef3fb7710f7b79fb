/** The end that signals ask for: an orderly one, and after a second signal none. */
import { addAbortListener } from 'node:events';
import type { Interruption } from '../interruption.ts';

/** Resolves when the signal has aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else addAbortListener(signal, () => resolve());
  });
}

/** Resolves when the work is done, or a second signal came. */
export async function orForced(work: Promise<unknown>, { forced }: Interruption): Promise<void> {
  await Promise.race([work, aborted(forced)]);
}

/** SIGHUP, where there is something to read again; else it ends the process, as ever. */
export function onHangup(isWanted: boolean, listener: () => void): Disposable {
  if (isWanted) process.on('SIGHUP', listener);
  return {
    [Symbol.dispose]: () => {
      process.off('SIGHUP', listener);
    },
  };
}
