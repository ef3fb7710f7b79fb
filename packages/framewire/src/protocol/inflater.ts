/** RFC 7692 §7.2.2 — what the machine needs of an extension that compresses messages. */

/**
 * - `piece`: the next octets of the message are in `octets`, and there may be more.
 * - `done`: so are these, and with them all that was put in has been inflated.
 * - `waiting`: it takes time; whoever waits is told when `inflate` can go on.
 * - `corrupt`: what was put in is not compressed data, or not the whole of it.
 */
export type InflateStep = 'piece' | 'done' | 'waiting' | 'corrupt';

/** Inflates the messages of one direction of one connection, piece by piece. */
export interface Inflater {
  /** The octets of the last piece, from 0 to `length`; lent until the next call. */
  readonly octets: Uint8Array;
  readonly length: number;
  /**
   * Takes the next octets of a message, `final` with its last. They stay lent until `inflate` says
   * that it is done, or until `keep`.
   */
  put(octets: Uint8Array, start: number, end: number, final: boolean): void;
  inflate(): InflateStep;
  /** The octets put in are about to change: what has not been read is copied. */
  keep(): void;
  /** The message is over. Whether there is a context to be kept for the next one. */
  endMessage(): boolean;
  /** The connection is over, perhaps within a message. */
  close(): void;
}

/** Told when an inflater that said `waiting` can go on. */
export interface InflateWaiter {
  onInflated(): void;
}

/** Where inflaters come from: nothing is made for a connection before its first compressed message. */
export interface InflaterSource {
  createInflater(waiter: InflateWaiter | undefined): Inflater;
}
