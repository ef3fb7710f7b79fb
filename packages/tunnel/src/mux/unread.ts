/**
 * Octets that nobody reads yet. A peer may send its credit octet by octet, or in messages of which a
 * stream has a few octets only: small pieces are put together, and no message is kept alive for them.
 */

/** Pieces from this size on are kept as they are, where they are most of the memory they lie in. */
const LARGE = 4 * 1024;

const MAX_BLOCK = 16 * 1024;

export class Unread {
  #pieces: Uint8Array[] = [];
  /** The memory of the last piece, with room behind it; undefined where it is the peer's message. */
  #block: Uint8Array | undefined;
  #blockEnd = 0;

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  add(octets: Uint8Array): void {
    const { length } = octets;
    if (length >= LARGE && length * 2 >= octets.buffer.byteLength) {
      this.#block = undefined;
      this.#pieces.push(octets);
      return;
    }
    let at = 0;
    if (this.#block !== undefined) {
      at = Math.min(length, this.#block.length - this.#blockEnd);
      this.#append(octets.subarray(0, at));
    }
    if (at < length) this.#begin(octets.subarray(at));
  }

  /** The first piece; what follows begins another one. */
  take(): Uint8Array | undefined {
    if (this.#pieces.length <= 1) this.#block = undefined;
    return this.#pieces.shift();
  }

  clear(): void {
    this.#pieces = [];
    this.#block = undefined;
  }

  #append(octets: Uint8Array): void {
    const block = this.#block!;
    const last = this.#pieces.at(-1)!;
    block.set(octets, this.#blockEnd);
    this.#blockEnd += octets.length;
    this.#pieces[this.#pieces.length - 1] = block.subarray(0, last.length + octets.length);
  }

  /** Each block is twice the one before, so that little is kept for little. */
  #begin(octets: Uint8Array): void {
    const twice = Math.min(MAX_BLOCK, 2 * (this.#block?.length ?? 128));
    const block = new Uint8Array(Math.max(twice, octets.length));
    block.set(octets);
    this.#block = block;
    this.#blockEnd = octets.length;
    this.#pieces.push(block.subarray(0, octets.length));
  }
}
