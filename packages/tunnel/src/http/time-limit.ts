/** A time limit that is set anew with every chunk, and costs a timer only now and then. */
import type { Clock, Timer } from 'framewire';

export class TimeLimit {
  readonly #clock: Clock;
  readonly #task: () => void;
  #limit = Infinity;
  #deadline = Infinity;
  #timer: Timer | undefined;
  #firesAt = Infinity;

  /** Calls `task` once the time that was set last is over. */
  constructor(clock: Clock, task: () => void) {
    this.#clock = clock;
    this.#task = task;
  }

  /** Milliseconds from now on; `Infinity` waits for ever. */
  set(limit: number): void {
    this.#limit = limit;
    this.restart();
  }

  /** The same time again. The timer that is there looks at the deadline when it fires. */
  restart(): void {
    if (this.#limit === Infinity) {
      this.#deadline = Infinity;
      return;
    }
    this.#deadline = this.#clock.now() + this.#limit;
    if (this.#timer === undefined || this.#firesAt > this.#deadline) this.#arm(this.#limit);
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#deadline = Infinity;
  }

  #arm(delay: number): void {
    this.#timer?.cancel();
    this.#firesAt = this.#deadline;
    this.#timer = this.#clock.setTimer(delay, () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    if (this.#deadline === Infinity) return;
    const rest = this.#deadline - this.#clock.now();
    // Timers of Node fire up to a millisecond early.
    if (rest >= 1) this.#arm(rest);
    else this.#task();
  }
}
