/** Time, behind one interface, so that tests can turn it by hand. */
export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Calls `task` once, after `delay` milliseconds. Does not keep the process alive. */
  setTimer(delay: number, task: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(delay, task) {
    // Beyond this Node would fire at once.
    const timeout = setTimeout(task, Math.min(delay, 2 ** 31 - 1)).unref();
    return { cancel: () => clearTimeout(timeout) };
  },
};
