import type { Clock, Timer } from '../connection/clock.ts';

interface Entry {
  readonly at: number;
  readonly task: () => void;
}

/** A clock that stands still until a test advances it; the option `clock` of both roles takes it. */
export class ManualClock implements Clock {
  #now = 0;
  #entries: Entry[] = [];

  now(): number {
    return this.#now;
  }

  setTimer(delay: number, task: () => void): Timer {
    const entry = { at: this.#now + delay, task };
    this.#entries.push(entry);
    return {
      cancel: () => {
        this.#entries = this.#entries.filter((other) => other !== entry);
      },
    };
  }

  /** Timers that have not fired and were not cancelled. */
  get pending(): number {
    return this.#entries.length;
  }

  /** Fires what is due within the milliseconds, in order, also what that sets. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = this.#entries.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#entries = this.#entries.filter((other) => other !== due);
      this.#now = Math.max(this.#now, due.at);
      due.task();
    }
    this.#now = end;
  }
}
