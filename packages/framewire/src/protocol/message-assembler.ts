/**
 * RFC 6455 §6.2 — the fragments of a message, put together in one buffer of our own.
 *
 * The buffer grows with what has arrived, never with what a header announces: at most twice the
 * octets received. Fragments of any size cost their octets and nothing else.
 */

const EMPTY = new Uint8Array(0);
const FIRST_CAPACITY = 1024;

export class MessageAssembler {
  #octets: Uint8Array = EMPTY;
  #size = 0;

  /** Octets of the message so far. */
  get size(): number {
    return this.#size;
  }

  /** Copies a slice. `expected` is the message's size once it is announced, `Infinity` before. */
  append(octets: Uint8Array, start: number, end: number, expected: number): void {
    const size = this.#size + (end - start);
    if (size > this.#octets.length) this.#grow(size, expected);
    this.#octets.set(octets.subarray(start, end), this.#size);
    this.#size = size;
  }

  /** The message, which belongs to the caller from here on; the assembler is empty again. */
  take(): Uint8Array {
    const octets = this.#octets;
    const size = this.#size;
    this.clear();
    if (size === octets.length) return octets;
    // Spare room of more than a quarter is not worth keeping alive with the message.
    return octets.length - size > size / 4 ? octets.slice(0, size) : octets.subarray(0, size);
  }

  clear(): void {
    this.#octets = EMPTY;
    this.#size = 0;
  }

  #grow(size: number, expected: number): void {
    const capacity = Math.min(Math.max(expected, size), Math.max(2 * size, FIRST_CAPACITY));
    const grown = new Uint8Array(capacity);
    grown.set(this.#octets.subarray(0, this.#size));
    this.#octets = grown;
  }
}
