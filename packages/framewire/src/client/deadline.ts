/** One deadline for all phases of an opening handshake, whatever they wait for. */
import { addAbortListener } from 'node:events';
import type { Clock, Timer } from '../connection/clock.ts';
import { TimeoutError } from '../errors.ts';

type Task = (reason: unknown) => void;

/** Plain calls; the signal is made for those only who cannot do with less. */
export class Deadline {
  readonly #timer: Timer;
  readonly #listener: Disposable | undefined;
  readonly #tasks = new Set<Task>();
  #controller: AbortController | undefined;
  #expired: { readonly reason: unknown } | undefined;

  /** Milliseconds until it expires with a `TimeoutError`; `outer` makes it expire earlier. */
  constructor(clock: Clock, timeout: number, outer: AbortSignal | undefined) {
    this.#timer = clock.setTimer(timeout, () => {
      this.#expire(new TimeoutError('ERR_WS_OPENING_TIMEOUT', timeout));
    });
    if (outer !== undefined) {
      this.#listener = addAbortListener(outer, () => this.#expire(outer.reason));
    }
  }

  /** It has expired, and with this reason. */
  hasExpiredWith(reason: unknown): boolean {
    return this.#expired !== undefined && this.#expired.reason === reason;
  }

  /** It has expired by itself, not because somebody gave up. */
  get isTimeout(): boolean {
    return this.#expired?.reason instanceof TimeoutError;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#expired !== undefined) this.#controller.abort(this.#expired.reason);
    }
    return this.#controller.signal;
  }

  /** Calls the task when it expires, or at once if it has. */
  onExpire(task: Task): Disposable {
    if (this.#expired === undefined) this.#tasks.add(task);
    else task(this.#expired.reason);
    return { [Symbol.dispose]: () => void this.#tasks.delete(task) };
  }

  /** Leaves nothing behind; it never expires from here on. */
  end(): void {
    this.#timer.cancel();
    this.#listener?.[Symbol.dispose]();
  }

  #expire(reason: unknown): void {
    if (this.#expired !== undefined) return;
    this.#expired = { reason };
    for (const task of [...this.#tasks]) task(reason);
    this.#controller?.abort(reason);
  }
}

/**
 * The promise's outcome, or the deadline's reason, whichever is first. What comes too late goes to
 * `late`, if it is a value, and to nobody if it is an error.
 */
export function unlessExpired<Value>(
  promise: Promise<Value>,
  deadline: Deadline,
  late?: (value: Value) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const expiry = deadline.onExpire((reason) => {
      isLate = true;
      reject(reason);
    });
    promise.then(
      (value) => {
        expiry[Symbol.dispose]();
        if (isLate) late?.(value);
        else resolve(value);
      },
      (error: unknown) => {
        expiry[Symbol.dispose]();
        reject(error);
      },
    );
  });
}
