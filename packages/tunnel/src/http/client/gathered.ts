/** Octets that come in slices and are wanted as a whole: each is copied a bounded number of times. */
export class Gathered {
  #octets: Buffer = EMPTY;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was kept and these behind it; a view of them if nothing was. Valid until the next call. */
  with(octets: Buffer): Buffer {
    if (this.#length === 0) return octets;
    const length = this.#length + octets.length;
    if (length > this.#octets.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#octets.length));
      larger.set(this.#octets.subarray(0, this.#length));
      this.#octets = larger;
    }
    this.#octets.set(octets, this.#length);
    return this.#octets.subarray(0, length);
  }

  /** Keeps what `with` has returned last. */
  keep(octets: Buffer): void {
    // What is read is lent.
    if (this.#length === 0) this.#octets = Buffer.from(octets);
    this.#length = octets.length;
  }

  clear(): void {
    this.#octets = EMPTY;
    this.#length = 0;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
