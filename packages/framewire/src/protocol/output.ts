/** Where encoded frames go: octets that belong to the output, in the order they are to be sent. */
export interface Output {
  /** The buffer of the last reservation; another one after the next. */
  readonly octets: Uint8Array;
  /** Makes room for `size` octets, `MAX_RESERVATION` at most; returns where in `octets` it begins. */
  reserve(size: number): number;
  /** Gives back the last octets of the last reservation. */
  unreserve(size: number): void;
  /** Appends octets without copying them: they must not change until they are written. */
  append(octets: Uint8Array): void;
  /** Appends `MAX_RESERVATION` octets at most that never change: copying them is left to the output. */
  share(octets: Uint8Array): void;
}

/** Payloads up to this many octets are copied into the output, larger ones are appended as they are. */
export const MAX_COPIED: number = 64 * 1024;

/** The most that is reserved at once: a copied payload and its header. */
export const MAX_RESERVATION: number = MAX_COPIED + 14;

const CAPACITY = 2 * MAX_RESERVATION;

/** An output in memory, for whoever drives the protocol without the library's connections. */
export class OutputBuffer implements Output {
  #octets = new Uint8Array(CAPACITY);
  #start = 0;
  #end = 0;
  #parts: Uint8Array[] = [];

  get octets(): Uint8Array {
    return this.#octets;
  }

  reserve(size: number): number {
    if (this.#end + size > this.#octets.length) {
      this.#cut();
      this.#octets = new Uint8Array(CAPACITY);
      this.#start = 0;
      this.#end = 0;
    }
    const at = this.#end;
    this.#end += size;
    return at;
  }

  unreserve(size: number): void {
    this.#end -= size;
  }

  append(octets: Uint8Array): void {
    this.#cut();
    this.#parts.push(octets);
  }

  share(octets: Uint8Array): void {
    const at = this.reserve(octets.length);
    this.#octets.set(octets, at);
  }

  /** The octets since the last call, to be written in this order. */
  take(): Uint8Array[] {
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  #cut(): void {
    if (this.#end > this.#start) this.#parts.push(this.#octets.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}
