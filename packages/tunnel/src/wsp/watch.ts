/** One deadline at a time for what must go on: moved by every sign of progress. */
import type { Clock, Timer } from 'framewire';
import type { TunnelError } from '../errors.ts';

export class Watch {
  readonly #clock: Clock;
  readonly #onExpired: (error: TunnelError) => void;
  #timer: Timer | undefined;
  #delay = Infinity;
  #since = 0;
  #error: (() => TunnelError) | undefined;

  constructor(clock: Clock, onExpired: (error: TunnelError) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  /** Something has to happen within so many milliseconds; `Infinity` waits for ever. */
  expect(delay: number, error: () => TunnelError): void {
    this.stop();
    this.#delay = delay;
    this.#error = error;
    this.touch();
    if (delay !== Infinity) this.#arm(delay);
  }

  /** It did, and has to again. Cheap: the timer finds out when it fires. */
  touch(): void {
    this.#since = this.#clock.now();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(delay: number): void {
    this.#timer = this.#clock.setTimer(delay, () => {
      this.#timer = undefined;
      const left = this.#since + this.#delay - this.#clock.now();
      if (left > 0) this.#arm(left);
      else if (this.#error !== undefined) this.#onExpired(this.#error());
    });
  }
}
