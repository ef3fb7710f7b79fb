/**
 * RFC 6455 §6.2 — frames in, messages out: the order of fragments, their sum, their UTF-8, and the
 * control frames in between. All rules about what a peer sends are judged here and in the decoder,
 * whether or not a message was compressed.
 */
import { LimitError, ProtocolError, type CloseFrame, type ProtocolErrorCode } from '../errors.ts';
import { decodeClose } from './control-frames.ts';
import type { ProtocolSink } from './events.ts';
import { Fragmentation } from './fragmentation.ts';
import { FrameDecoder, type FrameSink } from './frame-decoder.ts';
import { MAX_CONTROL_PAYLOAD } from './frame-header.ts';
import type { Inflater, InflaterSource, InflateWaiter } from './inflater.ts';
import { mostCompressedOctets, type Limits } from './limits.ts';
import { applyMask } from './masking.ts';
import { MessageAssembler } from './message-assembler.ts';
import type { ProtocolNatives } from './natives.ts';
import { isControl, Opcode, type MessageType, type Role } from './opcode.ts';
import { Utf8Validator } from './utf8.ts';

/** What receiving obliges this side to do. */
export interface Obligations {
  owePong(octets: Uint8Array, start: number, end: number): void;
  oweClose(frame: CloseFrame): void;
  failReceiving(error: ProtocolError | LimitError): void;
}

export interface ReceiverInit {
  readonly role: Role;
  readonly limits: Limits;
  readonly sink: ProtocolSink;
  readonly obligations: Obligations;
  readonly natives: ProtocolNatives;
  /** Where both sides have agreed on permessage-deflate. */
  readonly inflating: Inflating | undefined;
}

interface Inflating {
  readonly inflaters: InflaterSource;
  readonly inflateWaiter: InflateWaiter | undefined;
}

/** For fewer octets it is not worth it to spare the copying; more are not in the cache any more when looked at. */
const LEAST_ROOM = 16 * 1024;
const MOST_ROOM = 256 * 1024;

/** Octets that are inflated in one call of `receive`; then others get their turn. */
const MAX_INFLATED = 256 * 1024;

export class Receiver implements FrameSink, InflateWaiter {
  readonly #limits: Limits;
  readonly #sink: ProtocolSink;
  readonly #obligations: Obligations;
  readonly #natives: ProtocolNatives;
  readonly #inflating: Inflating | undefined;
  readonly #decoder: FrameDecoder;
  readonly #fragmentation = new Fragmentation();
  #utf8: Utf8Validator | undefined;
  /** Made for the first message that does not arrive in one piece. */
  #assembler: MessageAssembler | undefined;
  /** The payload of a control frame that a chunk cut in two. */
  #control: MessageAssembler | undefined;
  /** Made for the first compressed message; kept while it has a context to be kept. */
  #inflater: Inflater | undefined;
  /** See `Protocol.inflating`. */
  inflating: 'no' | 'ready' | 'waiting' = 'no';
  /** What is being inflated ends its message. */
  #inflatesLast = false;
  /** Octets that compressed messages have come to so far. */
  octetsInflated = 0;
  /** … at which the call of `receive` that is going on ends. */
  #inflatesUntil = 0;
  #isHeld = false;
  /** Messages that begin are handed on part by part; `maxMessageSize` does not bind them. */
  streaming = false;
  /** The message begun is handed on part by part: that stays so to its end. */
  #messageStreams = false;
  /** This side has sent Close: data is of no use any more (§7.1.2 waits for the peer's Close only). */
  discardsData = false;
  /** Frames that were completed, modulo 2^31: a sign of life. */
  framesReceived = 0;

  constructor({ role, limits, sink, obligations, natives, inflating }: ReceiverInit) {
    this.#limits = limits;
    this.#sink = sink;
    this.#obligations = obligations;
    this.#natives = natives;
    this.#inflating = inflating;
    const compresses = inflating !== undefined;
    this.#decoder = new FrameDecoder(role, this, compresses, natives.applyMask ?? applyMask);
  }

  /** Between messages, with nothing to be kept in mind for those to come. */
  get isAtRest(): boolean {
    const isBetween = this.#fragmentation.type === undefined && !this.#decoder.isWithinFrame;
    const asAlways = !this.streaming && !this.discardsData && this.#inflater === undefined;
    return isBetween && asAlways && this.inflating === 'no';
  }

  receive(chunk: Uint8Array): number {
    this.#isHeld = false;
    this.#inflatesUntil = this.octetsInflated + MAX_INFLATED;
    if (this.inflating !== 'no') this.#inflateOn();
    if (this.inflating !== 'no' || this.#isHeld || this.#hasInflatedEnough) return 0;
    return this.#decoder.decode(chunk);
  }

  onInflated(): void {
    if (this.inflating !== 'waiting') return;
    this.inflating = 'ready';
    this.#inflating?.inflateWaiter?.onInflated();
  }

  hold(): void {
    this.#isHeld = true;
    this.#decoder.hold();
  }

  stop(): void {
    this.#decoder.stop();
    this.#closeInflater();
    this.#assembler = undefined;
    this.#control = undefined;
  }

  /** See `Protocol.room`. */
  get room(): Uint8Array | undefined {
    const { remaining } = this.#decoder;
    if (remaining < LEAST_ROOM || this.#assembler === undefined) return undefined;
    if (this.#fragmentation.isCompressed || this.#isUnbound) return undefined;
    const room = this.#assembler.room(Math.min(remaining, MOST_ROOM));
    return room.length < LEAST_ROOM ? undefined : room;
  }

  /** Where the octets broke off, for the error that says so. */
  get position(): string {
    if (this.#decoder.isWithinFrame) return 'within a frame';
    return this.#fragmentation.type === undefined ? 'between messages' : 'within a message';
  }

  checkOrder(opcode: number): ProtocolErrorCode | undefined {
    return this.#fragmentation.check(opcode);
  }

  /** §10.4: the sum of the fragments is bounded, and judged by what a header announces. */
  acceptsLength(opcode: number, payloadLength: number, compressed: boolean): boolean {
    if (isControl(opcode)) return true;
    const { maxMessageSize } = this.#limits;
    const continues = opcode === Opcode.continuation;
    // A compressed message is judged by its own size while it is inflated, and here by its sanity.
    const isCompressed = continues ? this.#fragmentation.isCompressed : compressed;
    const most = isCompressed ? mostCompressedOctets(maxMessageSize) : maxMessageSize;
    const before = isCompressed ? 0 : (this.#assembler?.size ?? 0);
    const size = before + payloadLength;
    if (size <= (this.#isUnbound ? Number.MAX_SAFE_INTEGER : most)) return true;
    this.#tooBig(size);
    return false;
  }

  /** What is not put together may be of any size. */
  get #isUnbound(): boolean {
    return this.streaming || this.#messageStreams || this.discardsData;
  }

  #tooBig(size: number): void {
    const { maxMessageSize } = this.#limits;
    const code = 'ERR_WS_MESSAGE_TOO_BIG';
    this.#obligations.failReceiving(new LimitError(code, 'maxMessageSize', maxMessageSize, size));
  }

  frameBegins(opcode: number, payloadLength: number, compressed: boolean): void {
    if (isControl(opcode)) return;
    // Whoever was let pass without a bound on its size must not be assembled.
    if (opcode !== Opcode.continuation || this.streaming) this.#messageStreams = this.streaming;
    const error = this.#fragmentation.begin(opcode, payloadLength, compressed, this.#limits);
    if (error !== undefined) this.#obligations.failReceiving(error);
  }

  framePayload(octets: Uint8Array, start: number, end: number, complete: boolean): void {
    const { opcode, final } = this.#decoder;
    if (complete) this.framesReceived = (this.framesReceived + 1) & 0x7fffffff;
    if (isControl(opcode)) this.#controlPayload(opcode, octets, start, end, complete);
    else if (this.#fragmentation.isCompressed) this.#inflate(octets, start, end, complete && final);
    else this.#dataPayload(octets, start, end, complete && final);
  }

  takesWhole(length: number): boolean {
    return (
      length <= this.#limits.maxMessageSize &&
      this.#fragmentation.type === undefined &&
      !this.streaming &&
      !this.discardsData
    );
  }

  wholeMessage(type: MessageType, octets: Uint8Array, start: number, end: number): void {
    this.framesReceived = (this.framesReceived + 1) & 0x7fffffff;
    if (type === 'text' && !this.#isText(octets, start, end, true)) {
      this.violation('ERR_WS_INVALID_UTF8', 'in a text message');
      return;
    }
    this.#sink.onMessage(type, octets, start, end, true);
  }

  violation(code: ProtocolErrorCode, detail: string): void {
    this.#obligations.failReceiving(new ProtocolError(code, detail));
  }

  /** RFC 7692 §7.2.2. */
  #inflate(octets: Uint8Array, start: number, end: number, final: boolean): void {
    if (this.discardsData) {
      if (final) this.#fragmentation.end();
      return;
    }
    this.#inflater ??= this.#inflating!.inflaters.createInflater(this);
    this.#inflater.put(octets, start, end, final);
    this.#inflatesLast = final;
    this.#inflateOn();
    if (this.inflating !== 'no') this.#inflater.keep();
    else if (!this.#hasInflatedEnough) return;
    this.#decoder.hold();
  }

  /** Of one message or of many: now it is the turn of others. */
  get #hasInflatedEnough(): boolean {
    return this.octetsInflated >= this.#inflatesUntil;
  }

  #inflateOn(): void {
    const inflater = this.#inflater!;
    this.inflating = 'ready';
    while (this.inflating === 'ready') {
      if (this.discardsData) {
        this.#closeInflater();
        if (this.#inflatesLast) this.#fragmentation.end();
        return;
      }
      const step = inflater.inflate();
      if (step === 'waiting') {
        this.inflating = 'waiting';
        return;
      }
      if (step === 'corrupt') {
        this.violation('ERR_WS_INFLATE', 'in a compressed message');
        return;
      }
      if (step === 'done') this.inflating = 'no';
      this.#inflated(inflater, step === 'done' && this.#inflatesLast);
      if (this.#isHeld || this.#hasInflatedEnough) return;
    }
  }

  #inflated(inflater: Inflater, final: boolean): void {
    const { octets, length } = inflater;
    this.octetsInflated += length;
    const size = (this.#assembler?.size ?? 0) + length;
    if (size > this.#limits.maxMessageSize && !this.#isUnbound) {
      this.#tooBig(size);
      return;
    }
    // Before the message is handed on: that may lead anywhere, the end of the connection included.
    if (final && !inflater.endMessage()) this.#inflater = undefined;
    if (length > 0 || final) this.#dataPayload(octets, 0, length, final);
  }

  #closeInflater(): void {
    this.#inflater?.close();
    this.#inflater = undefined;
    this.inflating = 'no';
  }

  #dataPayload(octets: Uint8Array, start: number, end: number, final: boolean): void {
    // `begin` has set the type before any payload.
    const type = this.#fragmentation.type!;
    if (final) this.#fragmentation.end();
    if (this.discardsData) return;
    if (type === 'text' && !this.#isText(octets, start, end, final)) {
      this.violation('ERR_WS_INVALID_UTF8', 'in a text message');
      return;
    }
    if (this.streaming || this.#messageStreams) this.#stream(type, octets, start, end, final);
    else this.#assemble(type, octets, start, end, final);
  }

  #isText(octets: Uint8Array, start: number, end: number, final: boolean): boolean {
    const utf8 = (this.#utf8 ??= new Utf8Validator(this.#natives.isUtf8));
    if (!utf8.accept(octets, start, end)) return false;
    return !final || utf8.isComplete;
  }

  #assemble(
    type: MessageType,
    octets: Uint8Array,
    start: number,
    end: number,
    final: boolean,
  ): void {
    const pending = this.#assembler !== undefined && this.#assembler.size > 0;
    if (final && !pending) {
      this.#sink.onMessage(type, octets, start, end, true);
      return;
    }
    const assembler = (this.#assembler ??= new MessageAssembler(this.#natives.allocate));
    // Only the last frame tells where the message ends; before, room is made for more to come.
    const isKnown = this.#decoder.final && !this.#fragmentation.isCompressed;
    const expected = isKnown ? assembler.size + (end - start) + this.#decoder.remaining : Infinity;
    assembler.append(octets, start, end, expected);
    if (!final) return;
    const message = assembler.take();
    this.#assembler = undefined;
    this.#sink.onMessage(type, message, 0, message.length, false);
  }

  #stream(type: MessageType, octets: Uint8Array, start: number, end: number, final: boolean): void {
    this.#messageStreams = !final;
    // What was put together before streaming was switched on comes first.
    if (this.#assembler !== undefined) {
      const before = this.#assembler.take();
      this.#assembler = undefined;
      this.#sink.onFragment(type, before, 0, before.length, false);
    }
    if (end > start || final) this.#sink.onFragment(type, octets, start, end, final);
  }

  #controlPayload(
    opcode: number,
    octets: Uint8Array,
    start: number,
    end: number,
    complete: boolean,
  ): void {
    if (complete && this.#control === undefined) {
      this.#controlFrame(opcode, octets, start, end);
      return;
    }
    this.#control ??= new MessageAssembler();
    this.#control.append(octets, start, end, MAX_CONTROL_PAYLOAD);
    if (!complete) return;
    const payload = this.#control.take();
    this.#control = undefined;
    this.#controlFrame(opcode, payload, 0, payload.length);
  }

  #controlFrame(opcode: number, octets: Uint8Array, start: number, end: number): void {
    if (opcode === Opcode.ping) {
      this.#obligations.owePong(octets, start, end);
      this.#sink.onPing(octets, start, end);
      return;
    }
    if (opcode === Opcode.pong) {
      this.#sink.onPong(octets, start, end);
      return;
    }
    const frame = decodeClose(octets, start, end);
    if (frame instanceof ProtocolError) this.#obligations.failReceiving(frame);
    else this.#obligations.oweClose(frame);
  }
}
