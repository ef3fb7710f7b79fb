/** Memory for messages: none that is zeroed before it is filled, and little of its own for a small one. */
import { markAsUntransferable } from 'node:worker_threads';
import { copyOf } from '../protocol/octets.ts';

/** Below, Node's own memory for small arrays is as fast, and zeroing costs nothing. */
const PAYS_FROM = 2048;

/** Octets of any content: whoever asks for them overwrites all that is ever seen of them. */
export function allocate(size: number): Uint8Array {
  return size < PAYS_FROM
    ? new Uint8Array(size)
    : new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
}

/** What V8 keeps within the array itself: its cheapest memory. */
const WITHIN = 64;

/**
 * Messages that lie side by side: an `ArrayBuffer` for each would cost more than all else that is
 * done for it. As with Node's own pool for `Buffer`s, one that is kept keeps the whole slab.
 */
class Slab {
  /** Octets of a message, at most. */
  readonly longest: number;
  readonly #size: number;
  #buffer: ArrayBuffer | undefined;
  #used = 0;

  constructor(size: number, longest: number) {
    this.#size = size;
    this.longest = longest;
  }

  place(length: number): Uint8Array {
    if (this.#buffer === undefined || this.#used + length > this.#size) this.#renew();
    const place = new Uint8Array(this.#buffer!, this.#used, length);
    // Where every kind of typed array may begin.
    this.#used += (length + 7) & ~7;
    return place;
  }

  #renew(): void {
    this.#buffer = Buffer.allocUnsafeSlow(this.#size).buffer;
    this.#used = 0;
    // Whoever transferred one message to a worker would take the others away with it.
    markAsUntransferable(this.#buffer);
  }
}

const small = new Slab(8 * 1024, 1024);
const medium = new Slab(64 * 1024, 16 * 1024);

/** A message of its own, of octets that are about to change. */
export function copyMessage(octets: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length <= WITHIN || length > medium.longest) return copyOf(octets, start, end, allocate);
  const copy = (length <= small.longest ? small : medium).place(length);
  copy.set(new Uint8Array(octets.buffer, octets.byteOffset + start, length));
  return copy;
}
