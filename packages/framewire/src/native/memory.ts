/** Memory for messages: large ones need none that is zeroed, small ones none of their own. */
import { markAsUntransferable } from 'node:worker_threads';
import { copyOf } from '../protocol/octets.ts';
import { noteAllocation } from './heap-trimming.ts';

/** Octets of any content: whoever asks for them overwrites all that is ever seen of them. */
export function allocate(size: number): Uint8Array {
  noteAllocation(size);
  return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
}

/** What V8 keeps within the array itself: its cheapest memory. */
const WITHIN = 64;

/**
 * Messages that lie side by side: an `ArrayBuffer` for each would cost more than all else that is
 * done for it. As with Node's own pool for `Buffer`s, one that is kept keeps the whole slab.
 */
class MessageSlab {
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
    noteAllocation(this.#size);
    // Zeroed: whoever forgets the `byteOffset` must not see what the process had there before.
    this.#buffer = new ArrayBuffer(this.#size);
    this.#used = 0;
    // Whoever transferred one message to a worker would take the others away with it.
    markAsUntransferable(this.#buffer);
  }
}

const small = new MessageSlab(8 * 1024, 1024);
const medium = new MessageSlab(64 * 1024, 16 * 1024);

/**
 * A message of octets that are about to change. With `alone`, in memory of its own: for those that may
 * wait, and keep more alive than they are counted for.
 */
export function copyMessage(
  octets: Uint8Array,
  start: number,
  end: number,
  alone: boolean,
): Uint8Array {
  const length = end - start;
  const isPlaced = !alone && length > WITHIN && length <= medium.longest;
  if (!isPlaced) return copyOf(octets, start, end, allocate);
  const copy = (length <= small.longest ? small : medium).place(length);
  copy.set(new Uint8Array(octets.buffer, octets.byteOffset + start, length));
  return copy;
}
