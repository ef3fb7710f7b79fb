/** RFC 6455 §5.6 and §6.1 — payloads in, frames out, straight into the output. */
import { firstOctet, headerLengthFor, writeHeader } from './frame-header.ts';
import {
  applyMask,
  maskInto,
  writeMaskingKey,
  type ApplyMask,
  type MaskingKeys,
} from './masking.ts';
import type { ProtocolNatives } from './natives.ts';
import { Opcode } from './opcode.ts';
import { MAX_COPIED, type Output } from './output.ts';

/** Writes text as UTF-8 into `target` at `at`, where it is known to fit; returns the octets written. */
export type WriteText = (text: string, target: Uint8Array, at: number) => number;

/** Octets that one loop copies and masks faster than two calls do. */
const FEW = 32;

/** One code unit of a string takes three octets of UTF-8 at most. */
const MAX_OCTETS_PER_UNIT = 3;

export class FrameEncoder {
  readonly #output: Output;
  /** A client masks its frames, a server does not (§5.1). */
  readonly #keys: MaskingKeys | undefined;
  readonly #writeText: WriteText;
  readonly #applyMask: ApplyMask;

  constructor(output: Output, keys: MaskingKeys | undefined, natives: ProtocolNatives = {}) {
    this.#output = output;
    this.#keys = keys;
    this.#writeText = natives.writeText ?? encodeInto;
    this.#applyMask = natives.applyMask ?? applyMask;
  }

  /** `compressed` with the first frame of a compressed message. */
  encode(opcode: number, final: boolean, payload: Uint8Array, compressed: boolean = false): void {
    const octet0 = firstOctet(opcode, final, compressed);
    if (this.#keys !== undefined) {
      this.#encodeMasked(octet0, payload, this.#keys.next());
      return;
    }
    const length = payload.length;
    const headerLength = headerLengthFor(length, 0);
    const copied = length <= MAX_COPIED ? length : 0;
    const at = this.#output.reserve(headerLength + copied);
    const target = this.#output.octets;
    writeHeader(target, at, octet0, length, 0);
    if (copied === length) target.set(payload, at + headerLength);
    else this.#output.append(payload);
  }

  /** A frame that was encoded before: unmasked, so for a server only. */
  append(frame: Uint8Array): void {
    if (frame.length > MAX_COPIED) this.#output.append(frame);
    else this.#output.share(frame);
  }

  /** Text goes into the output without a buffer in between. */
  encodeText(text: string): void {
    const most = text.length * MAX_OCTETS_PER_UNIT;
    if (most > MAX_COPIED) {
      this.encode(Opcode.text, true, new TextEncoder().encode(text));
      return;
    }
    const masked = this.#keys === undefined ? 0 : 1;
    // The length in octets is known after writing; for ASCII, the header guessed here fits it.
    const guessed = headerLengthFor(text.length, masked);
    const reserved = headerLengthFor(most, masked) + most;
    const at = this.#output.reserve(reserved);
    const target = this.#output.octets;
    const length = this.#writeText(text, target, at + guessed);
    const headerLength = headerLengthFor(length, masked);
    if (headerLength !== guessed) {
      target.copyWithin(at + headerLength, at + guessed, at + guessed + length);
    }
    writeHeader(target, at, firstOctet(Opcode.text, true, false), length, masked);
    if (this.#keys !== undefined) {
      const key = this.#keys.next();
      const from = at + headerLength;
      writeMaskingKey(target, from - 4, key);
      this.#applyMask(target, from, from + length, key);
    }
    this.#output.unreserve(reserved - headerLength - length);
  }

  /** §5.3: masks a copy, piece by piece, since the caller's octets are not ours to change. */
  #encodeMasked(octet0: number, payload: Uint8Array, key: number): void {
    const length = payload.length;
    const headerLength = headerLengthFor(length, 1);
    let end = Math.min(length, MAX_COPIED);
    const at = this.#output.reserve(headerLength + end);
    writeHeader(this.#output.octets, at, octet0, length, 1);
    writeMaskingKey(this.#output.octets, at + headerLength - 4, key);
    if (length <= FEW) {
      maskInto(this.#output.octets, at + headerLength, payload, key);
      return;
    }
    let rotated = this.#mask(payload, 0, end, at + headerLength, key);
    while (end < length) {
      const start = end;
      end = Math.min(length, start + MAX_COPIED);
      rotated = this.#mask(payload, start, end, this.#output.reserve(end - start), rotated);
    }
  }

  #mask(payload: Uint8Array, start: number, end: number, at: number, key: number): number {
    const target = this.#output.octets;
    const whole = start === 0 && end === payload.length;
    target.set(whole ? payload : payload.subarray(start, end), at);
    return this.#applyMask(target, at, at + end - start, key);
  }
}

function encodeInto(text: string, target: Uint8Array, at: number): number {
  return new TextEncoder().encodeInto(text, target.subarray(at)).written;
}
