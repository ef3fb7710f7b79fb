/** Time, behind one interface, so that tests can turn it by hand. */
export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Calls `task` once, after `delay` milliseconds. Does not keep the process alive. */
  setTimer(delay: number, task: () => void): Timer;
}

export interface Timer {
  cancel(): void;
  /** Keeps the process alive until it fires or is cancelled. A clock that cannot may leave it out. */
  ref?(): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer: (delay, task) => new SystemTimer(delay, task),
};

/** Beyond this Node would fire at once. */
const MAX_DELAY = 2 ** 31 - 1;

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout;

  constructor(delay: number, task: () => void) {
    this.#timeout = setTimeout(task, Math.min(delay, MAX_DELAY)).unref();
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }

  ref(): void {
    this.#timeout.ref();
  }
}
