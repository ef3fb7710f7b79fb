/**
 * RFC 6455 §5.2 — octets of any slicing in, frames out. A frame is handed on in as many slices as it
 * arrives in, unmasked in place; nothing is copied but a header that a chunk cuts in two.
 */
import type { ProtocolErrorCode } from '../errors.ts';
import {
  checkOctet0,
  checkOctet1,
  checkPayloadLength,
  FIN,
  headerLength,
  isCompressed,
  isFinal,
  MASK,
  MAX_HEADER_LENGTH,
  opcodeOf,
  readPayloadLength,
} from './frame-header.ts';
import { readMaskingKey, type ApplyMask } from './masking.ts';
import { Opcode, type MessageType, type Role } from './opcode.ts';

/** Whom the decoder tells. Each call may lead to `stop()`. */
export interface FrameSink {
  /** Judges the order of frames (§5.4); may be asked more than once about one frame. */
  checkOrder(opcode: number): ProtocolErrorCode | undefined;
  /** Judges a length (§10.4) before any of the payload is read; may be asked more than once. */
  acceptsLength(opcode: number, payloadLength: number, compressed: boolean): boolean;
  /** A good header is complete; `compressed` when it begins a compressed message. */
  frameBegins(opcode: number, payloadLength: number, compressed: boolean): void;
  /**
   * The octets from `start` to `end` are the next of the frame's payload, unmasked; they are the
   * decoder's again after the call. `complete` with the last ones, of which there may be none.
   */
  framePayload(octets: Uint8Array, start: number, end: number, complete: boolean): void;
  violation(code: ProtocolErrorCode, detail: string): void;
  /** Whether a message of so many octets that arrives in one piece may come as `wholeMessage`. */
  takesWhole(length: number): boolean;
  /** All that the calls above come to for a good frame that begins a message and ends it. */
  wholeMessage(type: MessageType, octets: Uint8Array, start: number, end: number): void;
}

const WHOLE_TEXT = FIN | Opcode.text;
const WHOLE_BINARY = FIN | Opcode.binary;

export class FrameDecoder {
  readonly #receiver: Role;
  readonly #sink: FrameSink;
  /** Messages may be compressed. */
  readonly #compresses: boolean;
  readonly #applyMask: ApplyMask;
  /** The frame being read. */
  opcode = 0;
  final = true;
  /** Octets of its payload that have not arrived. */
  remaining = 0;
  #key = 0;
  #isStopped = false;
  #isHeld = false;
  /** The octets of a header that a chunk cut in two; made when that happens. */
  #carry: Uint8Array | undefined;
  #carried = 0;

  constructor(receiver: Role, sink: FrameSink, compresses: boolean, applyMask: ApplyMask) {
    this.#receiver = receiver;
    this.#sink = sink;
    this.#compresses = compresses;
    this.#applyMask = applyMask;
  }

  /** Part of a frame has arrived, and part of it has not. */
  get isWithinFrame(): boolean {
    return this.remaining > 0 || this.#carried > 0;
  }

  /** Nothing more is read, for good: what was received after a Close or a violation means nothing. */
  stop(): void {
    this.#isStopped = true;
    this.#carry = undefined;
  }

  /** Ends the call of `decode` that is going on, after the frame, or part of one, just handed on. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Returns how many octets were read: all of them, unless the call was held. */
  decode(chunk: Uint8Array): number {
    const end = chunk.length;
    let at = 0;
    this.#isHeld = false;
    while (at < end && !this.#isStopped && !this.#isHeld) {
      at = this.remaining > 0 ? this.#payload(chunk, at, end) : this.#header(chunk, at, end);
    }
    return this.#isStopped ? end : at;
  }

  #header(chunk: Uint8Array, at: number, end: number): number {
    if (this.#carried > 0 || end - at < 2) return this.#splitHeader(chunk, at, end);
    const next = this.#wholeMessage(chunk, at, end);
    if (next > at) return next;
    const length = headerLength(chunk[at + 1]!);
    if (end - at < length) return this.#splitHeader(chunk, at, end);
    if (this.#judge(chunk, at, length)) this.#begin(chunk, at, length);
    return at + length;
  }

  /**
   * The fast path: a message in one frame of less than 64 KiB that lies in the chunk as a whole, with
   * nothing about it that has to be judged elsewhere. Returns where it ends, or `at` where there is no
   * such message: then the frame goes the way of all others, to the same result.
   */
  #wholeMessage(chunk: Uint8Array, at: number, end: number): number {
    const octet0 = chunk[at]!;
    if (octet0 !== WHOLE_BINARY && octet0 !== WHOLE_TEXT) return at;
    const isMasked = this.#receiver === 'server';
    const length7 = isMasked ? chunk[at + 1]! - MASK : chunk[at + 1]!;
    if (length7 < 0 || length7 > 126) return at;
    const headerLength = (length7 === 126 ? 4 : 2) + (isMasked ? 4 : 0);
    const start = at + headerLength;
    if (start > end) return at;
    const length = length7 === 126 ? (chunk[at + 2]! << 8) | chunk[at + 3]! : length7;
    const stop = start + length;
    const isMinimal = length7 !== 126 || length > 125;
    if (stop > end || !isMinimal || !this.#sink.takesWhole(length)) return at;
    if (isMasked) this.#applyMask(chunk, start, stop, readMaskingKey(chunk, start - 4));
    this.#sink.wholeMessage(octet0 === WHOLE_TEXT ? 'text' : 'binary', chunk, start, stop);
    return stop;
  }

  /** One octet at a time, each judged as soon as it is there. */
  #splitHeader(chunk: Uint8Array, start: number, end: number): number {
    const carry = (this.#carry ??= new Uint8Array(MAX_HEADER_LENGTH));
    for (let at = start; at < end; at++) {
      carry[this.#carried++] = chunk[at]!;
      if (!this.#judge(carry, 0, this.#carried)) return end;
      if (this.#carried < 2 || this.#carried < headerLength(carry[1]!)) continue;
      const length = this.#carried;
      this.#carry = undefined;
      this.#carried = 0;
      this.#begin(carry, 0, length);
      return at + 1;
    }
    return end;
  }

  /** Judges the `known` octets of a header, in the order in which they arrive. */
  #judge(octets: Uint8Array, at: number, known: number): boolean {
    const octet0 = octets[at]!;
    const opcode = opcodeOf(octet0);
    const first = checkOctet0(octet0, this.#compresses) ?? this.#sink.checkOrder(opcode);
    if (first !== undefined) return this.#violate(first, `first octet ${hex(octet0)}`);
    if (known < 2) return true;
    const octet1 = octets[at + 1]!;
    const second = checkOctet1(octet1, opcode, this.#receiver);
    if (second !== undefined) return this.#violate(second, `second octet ${hex(octet1)}`);
    const keyLength = this.#receiver === 'server' ? 4 : 0;
    if (known < headerLength(octet1) - keyLength) return true;
    const length = readPayloadLength(octets, at);
    const third = checkPayloadLength(octet1, length);
    if (third !== undefined) return this.#violate(third, String(length));
    return this.#sink.acceptsLength(opcode, length, isCompressed(octet0));
  }

  #begin(octets: Uint8Array, at: number, length: number): void {
    const octet0 = octets[at]!;
    this.opcode = opcodeOf(octet0);
    this.final = isFinal(octet0);
    this.remaining = readPayloadLength(octets, at);
    if (this.#receiver === 'server') this.#key = readMaskingKey(octets, at + length - 4);
    this.#sink.frameBegins(this.opcode, this.remaining, isCompressed(octet0));
    if (this.remaining === 0 && !this.#isStopped) this.#sink.framePayload(octets, 0, 0, true);
  }

  #payload(chunk: Uint8Array, at: number, end: number): number {
    const stop = Math.min(end, at + this.remaining);
    if (this.#receiver === 'server') this.#key = this.#applyMask(chunk, at, stop, this.#key);
    this.remaining -= stop - at;
    this.#sink.framePayload(chunk, at, stop, this.remaining === 0);
    return stop;
  }

  #violate(code: ProtocolErrorCode, detail: string): false {
    this.#sink.violation(code, detail);
    return false;
  }
}

function hex(octet: number): string {
  return `0x${octet.toString(16).padStart(2, '0')}`;
}
