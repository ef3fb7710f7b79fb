/** RFC 6455 §5.2 — reading frames that others exchange: never an answer, never a refusal. */

export interface FrameSink {
  /** A frame begins; `length` is that of its payload. */
  onHeader(octet0: number, length: number): void;
  /** How many more octets of this payload are of interest: what is more costs nothing. */
  readonly wanted: number;
  /** Unmasked, in parts; not to be kept. */
  onPayload(octets: Uint8Array): void;
  onEnd(): void;
}

const LONGEST_HEADER = 14;

/** Nothing is collected but a header. What is no frame ends the reading. */
export class FrameScanner {
  readonly #sink: FrameSink;
  readonly #header = new Uint8Array(LONGEST_HEADER);
  #headerHas = 0;
  /** Octets of the payload that are still to come; undefined within a header. */
  #rest: number | undefined;
  #length = 0;
  #mask: Uint8Array | undefined;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  add(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#rest === undefined) {
        this.#header[this.#headerHas] = chunk[at]!;
        this.#headerHas++;
        at++;
        if (this.#headerHas >= 2 && this.#headerHas === this.#headerLength()) this.#begin();
      } else {
        const end = Math.min(chunk.length, at + this.#rest);
        this.#pass(chunk.subarray(at, end));
        at = end;
      }
    }
  }

  #headerLength(): number {
    const octet1 = this.#header[1]!;
    const length7 = octet1 & 0x7f;
    const extended = length7 < 126 ? 0 : length7 === 126 ? 2 : 8;
    return 2 + extended + (octet1 >= 0x80 ? 4 : 0);
  }

  #begin(): void {
    const view = new DataView(this.#header.buffer);
    const octet1 = this.#header[1]!;
    const length7 = octet1 & 0x7f;
    this.#length = length7;
    if (length7 === 126) this.#length = view.getUint16(2);
    if (length7 === 127) this.#length = view.getUint32(2) * 2 ** 32 + view.getUint32(6);
    const end = this.#headerHas;
    this.#mask = octet1 >= 0x80 ? this.#header.slice(end - 4, end) : undefined;
    this.#headerHas = 0;
    this.#rest = this.#length;
    this.#sink.onHeader(this.#header[0]!, this.#length);
    if (this.#length === 0) this.#finish();
  }

  #pass(octets: Uint8Array): void {
    const done = this.#length - this.#rest!;
    const wanted = octets.subarray(0, this.#sink.wanted);
    if (wanted.length > 0) this.#sink.onPayload(unmask(wanted, this.#mask, done));
    this.#rest = this.#rest! - octets.length;
    if (this.#rest === 0) this.#finish();
  }

  #finish(): void {
    this.#rest = undefined;
    this.#sink.onEnd();
  }
}

/** §5.3 */
function unmask(octets: Uint8Array, mask: Uint8Array | undefined, at: number): Uint8Array {
  if (mask === undefined) return octets;
  const plain = new Uint8Array(octets.length);
  for (let index = 0; index < plain.length; index++) {
    plain[index] = octets[index]! ^ mask[(at + index) & 3]!;
  }
  return plain;
}
