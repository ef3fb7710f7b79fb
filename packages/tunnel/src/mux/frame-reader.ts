/** Octets in any slicing, as frames. Payloads are passed on as they come and never collected. */
import { FrameType, faultOf, HEADER_SIZE, readUint32 } from './frame.ts';

export interface FrameSink {
  /** A header. Of a data frame `length` octets follow. False: nothing more is wanted, ever. */
  onFrame(type: number, flags: number, streamId: number, length: number): boolean;
  /** Octets of the data frame that was begun, a view of what was pushed. False as above. */
  onPayload(octets: Uint8Array, isLast: boolean): boolean;
  /** What came is no frame. Nothing follows. */
  onFault(reason: string): void;
}

export class FrameReader {
  readonly #sink: FrameSink;
  /** The beginning of a header that was cut. */
  readonly #header = new Uint8Array(HEADER_SIZE);
  #headerOctets = 0;
  /** Octets of the payload that have not come. */
  #missing = 0;
  #isStopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  push(octets: Uint8Array): void {
    let at = 0;
    while (at < octets.length && !this.#isStopped) {
      if (this.#missing > 0) at = this.#passOn(octets, at);
      else if (this.#headerOctets === 0 && octets.length - at >= HEADER_SIZE) {
        this.#begin(octets, at);
        at += HEADER_SIZE;
      } else at = this.#collect(octets, at);
    }
  }

  #passOn(octets: Uint8Array, at: number): number {
    const end = Math.min(octets.length, at + this.#missing);
    this.#missing -= end - at;
    const part = at === 0 && end === octets.length ? octets : octets.subarray(at, end);
    if (!this.#sink.onPayload(part, this.#missing === 0)) this.#isStopped = true;
    return end;
  }

  #collect(octets: Uint8Array, at: number): number {
    const end = Math.min(octets.length, at + HEADER_SIZE - this.#headerOctets);
    this.#header.set(octets.subarray(at, end), this.#headerOctets);
    this.#headerOctets += end - at;
    if (this.#headerOctets === HEADER_SIZE) {
      this.#headerOctets = 0;
      this.#begin(this.#header, 0);
    }
    return end;
  }

  #begin(octets: Uint8Array, at: number): void {
    const type = octets[at + 1]!;
    const flags = (octets[at + 2]! << 8) | octets[at + 3]!;
    const streamId = readUint32(octets, at + 4);
    const length = readUint32(octets, at + 8);
    const fault = faultOf(octets[at]!, type, flags, streamId, length);
    if (fault !== undefined) {
      this.#isStopped = true;
      this.#sink.onFault(fault);
      return;
    }
    if (type === FrameType.data) this.#missing = length;
    if (!this.#sink.onFrame(type, flags, streamId, length)) this.#isStopped = true;
  }
}
