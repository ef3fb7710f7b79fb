/**
 * RFC 6455 §5–§8 as one machine for either role: octets in, events out; messages in, octets out. It
 * has no socket, no clock and no randomness of its own; what it needs of the world it is given.
 */
import {
  ConnectionClosedError,
  misuse,
  ProtocolError,
  reasonFor,
  type CloseFrame,
  type CloseInfo,
  type LimitError,
} from '../errors.ts';
import { CloseCode, isCloseCodeOnWire } from './close-code.ts';
import { Closing, endsTransportFirst, type ClosingState } from './closing.ts';
import { assertClose, assertControlPayload, encodeClose } from './control-frames.ts';
import type { ProtocolSink } from './events.ts';
import { FrameEncoder } from './frame-encoder.ts';
import type { InflaterSource, InflateWaiter } from './inflater.ts';
import type { Limits } from './limits.ts';
import type { MaskingKeys } from './masking.ts';
import type { ProtocolNatives } from './natives.ts';
import { copyOf } from './octets.ts';
import { Opcode, type MessageType, type Role } from './opcode.ts';
import type { Output } from './output.ts';
import type { PreparedMessage } from './prepared-message.ts';
import { Receiver } from './receiver.ts';

export interface ProtocolOptions {
  readonly role: Role;
  readonly limits: Limits;
  readonly sink: ProtocolSink;
  readonly output: Output;
  /** Where a client's masking keys come from (§5.3); a server has none. */
  readonly maskingKeys?: MaskingKeys | undefined;
  /** What inflates compressed messages (RFC 7692), where both sides have agreed on that. */
  readonly inflaters?: InflaterSource | undefined;
  /** Told when `receive` can go on after `inflating` held it up; needed beside `inflaters`. */
  readonly inflateWaiter?: InflateWaiter | undefined;
  /** Default: none, and so nothing but JavaScript. */
  readonly natives?: ProtocolNatives | undefined;
}

/** The state of all that are open; never changed. */
const OPEN = new Closing();

const NO_NATIVES: ProtocolNatives = {};

export class Protocol {
  readonly role: Role;
  readonly #sink: ProtocolSink;
  readonly #receiver: Receiver;
  readonly #encoder: FrameEncoder;
  #closing: Closing = OPEN;
  /** A message of which fragments were sent, but not the last. */
  #sendsFragments = false;
  #holdsPongs = false;
  #owedPong: Uint8Array | undefined;

  constructor(options: ProtocolOptions) {
    const { role, limits, sink, output, maskingKeys, natives = NO_NATIVES } = options;
    const { inflaters, inflateWaiter } = options;
    if ((role === 'client') !== (maskingKeys !== undefined)) {
      throw misuse('ERR_WS_INVALID_ARGUMENT', 'a client, and only a client, has masking keys');
    }
    this.role = role;
    this.#sink = sink;
    const inflating = inflaters === undefined ? undefined : { inflaters, inflateWaiter };
    this.#receiver = new Receiver({ role, limits, sink, obligations: this, natives, inflating });
    this.#encoder = new FrameEncoder(output, maskingKeys, natives);
  }

  get state(): ClosingState {
    return this.#closing.state;
  }

  /** Data can be sent: no Close was sent or received, and nothing failed. */
  get isOpen(): boolean {
    return this.#closing.isOpen;
  }

  /**
   * Open, with nothing begun in either direction: another machine of the same options could go on from
   * here, but for the counts.
   */
  get isAtRest(): boolean {
    const owes = this.#holdsPongs || this.#owedPong !== undefined;
    return this.isOpen && !owes && !this.#sendsFragments && this.#receiver.isAtRest;
  }

  /** The error that made the connection fail. */
  get error(): Error | undefined {
    return this.#closing.error;
  }

  /** Frames received, modulo 2^31: differs after any sign of life. */
  get framesReceived(): number {
    return this.#receiver.framesReceived;
  }

  /**
   * Memory for what is sure to follow of a large message: octets that are read into it, from its start,
   * and given to `receive` as they lie there are not copied. Valid until the next call of anything;
   * undefined where octets are to be read elsewhere.
   */
  get room(): Uint8Array | undefined {
    return this.#receiver.room;
  }

  /**
   * §7.1.1: nothing is left to say, and it is for this side to end the transport: for a server after
   * both Closes, for either side after a failure.
   */
  get shouldEndTransport(): boolean {
    if (this.#closing.state !== 'closed') return false;
    return this.#closing.error !== undefined || endsTransportFirst(this.role);
  }

  /** How the connection ended, or would if it ended now. */
  get closeInfo(): CloseInfo {
    return this.#closing.info(this.role);
  }

  /** Messages are handed to `onFragment` as they arrive instead of whole to `onMessage`. */
  get streaming(): boolean {
    return this.#receiver.streaming;
  }

  set streaming(on: boolean) {
    this.#receiver.streaming = on;
  }

  /**
   * Octets from the peer, sliced in any way; they are unmasked in place. Never throws for what the
   * peer sent. After a violation or a Close the rest, and all that follows, is ignored. Returns how
   * many octets were read: all of them, unless `hold` was called meanwhile or `inflating` says why not.
   */
  receive(chunk: Uint8Array): number {
    return this.#receiver.receive(chunk);
  }

  /**
   * Part of a compressed message was read and not inflated yet, because that takes long: `ready` goes
   * on with the next call of `receive`, also one without octets; `waiting` once `InflateWaiter` was told.
   */
  get inflating(): 'no' | 'ready' | 'waiting' {
    return this.#receiver.inflating;
  }

  /** Octets that compressed messages have come to so far. */
  get octetsInflated(): number {
    return this.#receiver.octetsInflated;
  }

  /** Called by a sink that wants no more for now: the call of `receive` that is going on ends. */
  hold(): void {
    this.#receiver.hold();
  }

  /** The transport has ended, with the network's error if there was one. */
  receiveEnd(cause?: Error): void {
    const complete = this.#closing.state === 'closed';
    const options = cause === undefined ? undefined : { cause };
    const error = complete
      ? undefined
      : new ProtocolError('ERR_WS_TRUNCATED', this.#receiver.position, options);
    this.#receiver.stop();
    this.#ending.transportEnd(error);
  }

  sendText(text: string): void {
    this.#assertCanSendMessage();
    this.#encoder.encodeText(text);
  }

  /**
   * Sends a message of octets, `compressed` when that is what they are (RFC 7692 §7.2.1). As text they
   * must be valid UTF-8, which is not checked here.
   */
  sendOctets(type: MessageType, octets: Uint8Array, compressed: boolean = false): void {
    this.#assertCanSendMessage();
    this.#encoder.encode(Opcode[type], true, octets, compressed);
  }

  /** Sends a message that was encoded once for many connections. */
  sendPrepared(message: PreparedMessage): void {
    this.#assertCanSendMessage();
    if (this.role === 'server') this.#encoder.append(message.frame);
    else this.#encoder.encode(Opcode[message.type], true, message.payload, message.compressed);
  }

  /**
   * Sends a part of a message (§5.4). Until the final one, control frames are all that may come
   * between. Where a part of a text ends within a code point, the next must continue it. What the first
   * one says of compression holds for all.
   */
  sendFragment(
    type: MessageType,
    octets: Uint8Array,
    final: boolean,
    compressed: boolean = false,
  ): void {
    this.#assertOpen();
    const begins = !this.#sendsFragments;
    this.#sendsFragments = !final;
    const opcode = begins ? Opcode[type] : Opcode.continuation;
    this.#encoder.encode(opcode, final, octets, begins && compressed);
  }

  /** A `RangeError` for a payload of more than 125 octets (§5.5). */
  sendPing(payload: Uint8Array): void {
    this.#sendControl(Opcode.ping, payload);
  }

  /** An unsolicited Pong (§5.5.3); those that answer a Ping are sent without being asked for. */
  sendPong(payload: Uint8Array): void {
    this.#sendControl(Opcode.pong, payload);
  }

  /**
   * Begins the closing handshake (§7.1.2); a Close was sent already: nothing happens. Without a code
   * the Close has none, which the peer sees as 1005. A `RangeError` for a code or reason that cannot
   * be sent.
   */
  sendClose(code: number | undefined, reason: string = ''): void {
    if (code === undefined && reason !== '') {
      throw misuse('ERR_WS_INVALID_ARGUMENT', 'a close reason needs a close code');
    }
    if (code !== undefined) assertClose(code, reason, this.role);
    if (this.#closing.isOpen) this.#sendClose({ code: code ?? CloseCode.noStatusReceived, reason });
  }

  /**
   * §7.1.7 *Fail the WebSocket Connection*: sends a Close with the code if one still can be sent,
   * and stops receiving for good. Happens once.
   */
  fail(error: Error, closeCode: number): void {
    if (this.#closing.state === 'closed') return;
    this.#receiver.stop();
    const close =
      this.#closing.isOpen && isCloseCodeOnWire(closeCode)
        ? { code: closeCode, reason: reasonFor(error) }
        : undefined;
    if (close !== undefined) this.#encoder.encode(Opcode.close, true, encodeClose(close));
    this.#ending.fail(error, close);
    this.#sink.onFailure?.(error);
  }

  /**
   * While pongs are held, only the most recent Ping is remembered (§5.5.3 allows it): for a peer that
   * sends Pings and does not read the answers.
   */
  holdPongs(): void {
    this.#holdsPongs = true;
  }

  releasePongs(): void {
    this.#holdsPongs = false;
    const payload = this.#owedPong;
    this.#owedPong = undefined;
    if (payload !== undefined) this.owePong(payload, 0, payload.length);
  }

  /** @internal §5.5.2: a Ping is answered, as soon as is practical, until a Close was received. */
  owePong(octets: Uint8Array, start: number, end: number): void {
    const { state } = this.#closing;
    if (state !== 'open' && state !== 'closeSent') return;
    if (this.#holdsPongs) this.#owedPong = copyOf(octets, start, end);
    else this.#encoder.encode(Opcode.pong, true, octets.subarray(start, end));
  }

  /** @internal §5.5.1: a Close is answered with its code, and nothing is received after it. */
  oweClose(frame: CloseFrame): void {
    const answers = this.#closing.isOpen;
    this.#receiver.stop();
    this.#ending.receive(frame);
    if (answers) this.#sendClose({ code: frame.code, reason: '' });
    this.#sink.onClose?.(frame);
  }

  /** @internal */
  failReceiving(error: ProtocolError | LimitError): void {
    this.fail(error, error.closeCode);
  }

  #sendControl(opcode: number, payload: Uint8Array): void {
    assertControlPayload(payload.length);
    this.#assertOpen();
    this.#encoder.encode(opcode, true, payload);
  }

  #sendClose(frame: CloseFrame): void {
    this.#ending.send(frame);
    this.#receiver.discardsData = true;
    this.#encoder.encode(Opcode.close, true, encodeClose(frame));
  }

  /** The state, made when it is about to change. */
  get #ending(): Closing {
    if (this.#closing === OPEN) this.#closing = new Closing();
    return this.#closing;
  }

  #assertCanSendMessage(): void {
    this.#assertOpen();
    if (this.#sendsFragments) throw misuse('ERR_WS_CONCURRENT_MESSAGE', '');
  }

  #assertOpen(): void {
    if (!this.#closing.isOpen) throw new ConnectionClosedError(this.closeInfo);
  }
}
