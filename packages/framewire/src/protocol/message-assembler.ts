/**
 * RFC 6455 §6.2 — the fragments of a message, put together in one buffer of our own.
 *
 * The buffer grows with what has arrived, and not with what a header announces: to at most 32 times
 * the octets received where more is announced, and else to twice as many. Memory that is not filled is
 * address space only; each growing copies what there is. Fragments cost their octets and nothing else.
 */

import { allocateZeroed, copyOf, type Allocate } from './octets.ts';

const EMPTY = new Uint8Array(0);
const FIRST_CAPACITY = 1024;
/** A mebibyte is held at once after one read of 64 KiB, of which the header is a part. */
const GROWTH_ANNOUNCED = 32;
const GROWTH = 2;

export class MessageAssembler {
  readonly #allocate: Allocate;
  #octets: Uint8Array = EMPTY;
  #size = 0;

  constructor(allocate: Allocate = allocateZeroed) {
    this.#allocate = allocate;
  }

  /** Octets of the message so far. */
  get size(): number {
    return this.#size;
  }

  /** Copies a slice. `expected` is the message's size once it is announced, `Infinity` before. */
  append(octets: Uint8Array, start: number, end: number, expected: number): void {
    const size = this.#size + (end - start);
    if (size > this.#octets.length) this.#grow(size, expected);
    if (!this.#liesNext(octets, start)) this.#octets.set(octets.subarray(start, end), this.#size);
    this.#size = size;
  }

  /** Memory for the next octets, `most` of them, where they need not be copied; perhaps empty. */
  room(most: number): Uint8Array {
    const end = Math.min(this.#octets.length, this.#size + most);
    const { buffer, byteOffset } = this.#octets;
    return new Uint8Array(buffer, byteOffset + this.#size, end - this.#size);
  }

  #liesNext(octets: Uint8Array, start: number): boolean {
    const place = this.#octets.byteOffset + this.#size;
    return octets.buffer === this.#octets.buffer && octets.byteOffset + start === place;
  }

  /** The message, which belongs to the caller from here on; the assembler is empty again. */
  take(): Uint8Array {
    const octets = this.#octets;
    const size = this.#size;
    this.clear();
    // What lies behind the message is nobody's business.
    return size === octets.length ? octets : copyOf(octets, 0, size, this.#allocate);
  }

  clear(): void {
    this.#octets = EMPTY;
    this.#size = 0;
  }

  #grow(size: number, expected: number): void {
    const growth = expected === Infinity ? GROWTH : GROWTH_ANNOUNCED;
    const capacity = Math.min(Math.max(expected, size), Math.max(growth * size, FIRST_CAPACITY));
    const grown = this.#allocate(capacity);
    grown.set(this.#octets.subarray(0, this.#size));
    this.#octets = grown;
  }
}
