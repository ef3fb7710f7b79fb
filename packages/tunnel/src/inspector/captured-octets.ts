/** The beginning of a body, copied, and how long the whole of it was. */
export class CapturedOctets {
  readonly #most: number;
  #chunks: Uint8Array[] = [];
  #kept = 0;
  #length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Octets that came, kept or not. */
  get length(): number {
    return this.#length;
  }

  get kept(): number {
    return this.#kept;
  }

  get isWhole(): boolean {
    return this.#kept === this.#length;
  }

  /** How many of them are kept. */
  add(chunk: Uint8Array): number {
    this.#length += chunk.length;
    const taken = Math.min(chunk.length, this.#most - this.#kept);
    if (taken > 0) this.#chunks.push(Uint8Array.prototype.slice.call(chunk, 0, taken));
    this.#kept += taken;
    return taken;
  }

  octets(): Uint8Array {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? new Uint8Array();
  }
}
