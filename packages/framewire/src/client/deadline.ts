/** One deadline and one signal for all phases of an opening handshake, whatever they wait for. */
import { addAbortListener } from 'node:events';
import type { Clock, Timer } from '../connection/clock.ts';
import { TimeoutError } from '../errors.ts';

export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: Timer;
  readonly #listener: Disposable | undefined;

  /** Milliseconds until the signal aborts with a `TimeoutError`; `outer` aborts it earlier. */
  constructor(clock: Clock, timeout: number, outer: AbortSignal | undefined) {
    this.#timer = clock.setTimer(timeout, () => {
      this.#controller.abort(new TimeoutError('ERR_WS_OPENING_TIMEOUT', timeout));
    });
    if (outer === undefined) return;
    this.#listener = addAbortListener(outer, () => this.#controller.abort(outer.reason));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Leaves nothing behind; the signal never aborts from here on. */
  end(): void {
    this.#timer.cancel();
    this.#listener?.[Symbol.dispose]();
  }
}

/**
 * The promise's outcome, or the signal's reason, whichever is first. What comes too late goes to
 * `late`, if it is a value, and to nobody if it is an error.
 */
export function unlessAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal,
  late?: (value: Value) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const listener = addAbortListener(signal, () => {
      reject(signal.reason);
      if (late !== undefined) promise.then(late, () => {});
    });
    promise.then(resolve, reject).finally(() => listener[Symbol.dispose]());
  });
}
