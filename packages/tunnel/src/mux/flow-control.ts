/** yamux, "Flow Control": how much may be sent on a stream, and how much a side lets come. */
import { invalidArgument } from '../errors.ts';
import { MAX_UINT32 } from './frame.ts';

/** Both sides assume it for a stream that begins. */
export const INITIAL_WINDOW: number = 256 * 1024;

/** What a stream is kept at while its side holds more than it wants to. */
const TIGHT_WINDOW = 64 * 1024;

/**
 * Octets that the streams of a session, or of a process, may hold between them. It bounds what
 * windows may grow by; the 256 KiB that yamux gives each stream at its beginning come on top.
 */
export class Budget {
  readonly limit: number;
  readonly #parent: Budget | undefined;
  #held = 0;
  #grown = 0;

  /** `limit` in octets. What counts here counts for the parent, such as the process, as well. */
  constructor(limit: number, parent?: Budget) {
    if (!(limit >= 0)) {
      throw invalidArgument(`a budget is a number of octets, got ${limit}`);
    }
    this.limit = limit;
    this.#parent = parent;
  }

  /** Octets that have arrived and that nobody has taken. */
  get held(): number {
    return this.#held;
  }

  /** Octets by which windows have grown. */
  get grown(): number {
    return this.#grown;
  }

  /** More is held than should be: windows shrink, and credit is given back in smaller portions. */
  get isTight(): boolean {
    return this.#held > this.limit || this.#parent?.isTight === true;
  }

  /** A negative number of octets for those that were taken. */
  hold(octets: number): void {
    this.#held += octets;
    this.#parent?.hold(octets);
  }

  /** Whether a window may grow by so much; if so, it is counted. */
  grow(octets: number): boolean {
    if (this.#grown + octets > this.limit || this.#parent?.grow(octets) === false) return false;
    this.#grown += octets;
    return true;
  }

  shrink(octets: number): void {
    this.#grown -= octets;
    this.#parent?.shrink(octets);
  }
}

/** What this side may send. */
export class SendWindow {
  #credit = INITIAL_WINDOW;

  get credit(): number {
    return this.#credit;
  }

  /** False for more than a window can be. */
  add(octets: number): boolean {
    if (this.#credit + octets > MAX_UINT32) return false;
    this.#credit += octets;
    return true;
  }

  spend(octets: number): void {
    this.#credit -= octets;
  }
}

export interface WindowSizes {
  /** Octets, 256 KiB at least. */
  readonly initial: number;
  readonly most: number;
}

/** What the other side may send, and what of it is here. */
export class ReceiveWindow {
  readonly #sizes: WindowSizes;
  readonly #budget: Budget;
  #size: number;
  /** What the other side may send still. */
  #credit = INITIAL_WINDOW;
  /** What has been announced or has come, and was not taken. */
  #held = 0;
  /** Milliseconds: when credit was given back last. */
  #givenAt: number;

  constructor(sizes: WindowSizes, budget: Budget, now: number) {
    this.#sizes = sizes;
    this.#budget = budget;
    this.#size = INITIAL_WINDOW;
    this.#givenAt = now;
  }

  get size(): number {
    return this.#size;
  }

  /** What the window begins with beyond what both sides assume, to be told with SYN or ACK. */
  open(): number {
    const more = this.#grow(this.#sizes.initial);
    this.#credit += more;
    return more;
  }

  /** Octets are announced. False when they are more than the other side may send. */
  accept(octets: number): boolean {
    if (octets > this.#credit) return false;
    this.#credit -= octets;
    this.#held += octets;
    this.#budget.hold(octets);
    return true;
  }

  /**
   * Octets were taken: how much credit to give back, 0 for none yet. Half a window at a time, as
   * frames of a few octets would cost more than they are worth. `roundTrip` in milliseconds, undefined
   * where it is not known.
   */
  take(octets: number, now: number, roundTrip: number | undefined): number {
    this.#held -= octets;
    this.#budget.hold(-octets);
    const isTight = this.#budget.isTight;
    const size = isTight ? TIGHT_WINDOW : this.#size;
    if (size - this.#credit - this.#held < size / 2) return 0;
    this.#adjust(isTight, now, roundTrip);
    this.#givenAt = now;
    const given = (isTight ? TIGHT_WINDOW : this.#size) - this.#credit - this.#held;
    this.#credit += given;
    return given;
  }

  /** The stream is gone: what it held is free. */
  release(): void {
    this.#budget.hold(-this.#held);
    this.#held = 0;
    this.#shrink();
  }

  /** Half a window in less than two round trips: the sender waits for us and not for its network. */
  #adjust(isTight: boolean, now: number, roundTrip: number | undefined): void {
    if (isTight) this.#shrink();
    else if (roundTrip !== undefined && now - this.#givenAt < 2 * roundTrip) {
      this.#grow(Math.min(this.#size * 2, this.#sizes.most));
    }
  }

  #grow(size: number): number {
    const more = size - this.#size;
    if (more <= 0 || !this.#budget.grow(more)) return 0;
    this.#size = size;
    return more;
  }

  #shrink(): void {
    this.#budget.shrink(this.#size - INITIAL_WINDOW);
    this.#size = INITIAL_WINDOW;
  }
}
