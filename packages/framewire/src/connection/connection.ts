/**
 * One WebSocket connection, of either role, as the application sees it.
 *
 * In:  Transport → `ProtocolDriver.onData` → Protocol → `onMessage` here → Inbox or handler.
 * Out: `send` → Sending → Protocol → Outbox → Transport, once for all that a turn sends.
 * While nothing is under way there is no more than the connection, a Line, and the Transport.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import { publishClosed, publishOpened } from '../diagnostics.ts';
import {
  ConnectionClosedError,
  invalidArgument,
  LimitError,
  misuse,
  type CloseInfo,
} from '../errors.ts';
import type { Compression } from '../extensions/compression.ts';
import type { DeflateAgreement } from '../extensions/permessage-deflate.ts';
import { CloseCode } from '../protocol/close-code.ts';
import { assertClose } from '../protocol/control-frames.ts';
import { copyOf } from '../protocol/octets.ts';
import type { MessageType, Role } from '../protocol/opcode.ts';
import type { PreparedMessage } from '../protocol/prepared-message.ts';
import { withCodec, type Codec, type CodecConnection } from './codec.ts';
import { deferred, ignorable, type Deferred } from './deferred.ts';
import type { ConnectionHandler } from './handler.ts';
import { socketOf } from './http2-stream.ts';
import { Line } from './line.ts';
import type { MessageStream } from './message-stream.ts';
import type { Early } from './opening-stream.ts';
import type { Transport } from './transport.ts';
import {
  giveBack,
  octetsOf,
  toMessage,
  type Message,
  type Sendable,
  type SendOptions,
} from './message.ts';
import type { ConnectionSettings } from './options.ts';
import { Pings } from './pings.ts';
import { terminated } from './protocol-driver.ts';
import { Reading } from './reading.ts';
import type { StreamSource } from './send-queue.ts';
import { toDuplex, toWebStreams, type WebStreams } from './views.ts';

export type ReadyState = 'open' | 'closing' | 'closed';

/** What all connections of a server share; a client has one connection. */
export interface Endpoint<Context> {
  readonly role: Role;
  readonly settings: ConnectionSettings;
  readonly handler: ConnectionHandler<Context, never> | undefined;
  readonly onFinished?: ((connection: Connection<Context>) => void) | undefined;
}

/** What a client or server knows about a connection when it makes one. */
export interface ConnectionInit<Context> {
  readonly endpoint: Endpoint<Context>;
  readonly transport: Transport;
  readonly url: string;
  readonly protocol: string;
  /** What both sides agreed on about compression, if they did. */
  readonly compression?: Compression | undefined;
  readonly context: Context;
  readonly responseHeaders?: ReadonlyMap<string, string> | undefined;
}

export interface PingOptions {
  /** 125 octets at most. Default: octets that no other Ping of the connection has. */
  readonly payload?: string | Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One object for all sends: nothing is allocated for a message. */
const NO_OPTIONS: SendOptions = Object.freeze({});

type AnyHandler = ConnectionHandler<unknown, unknown>;

/** Its types were checked where it was made; here its functions are called with `this` only. */
interface AnyEndpoint {
  readonly role: Role;
  readonly settings: ConnectionSettings;
  readonly handler: AnyHandler | undefined;
  readonly onFinished?: ((connection: Connection) => void) | undefined;
}

export class Connection<Context = unknown> implements AsyncIterable<Message> {
  /** The URL that a client asked for; the request target on a server. */
  readonly url: string;
  /** The subprotocol both sides agreed on, or the empty string (RFC 6455 §1.9). */
  readonly protocol: string;
  /** What the server's `authorize` decided to carry. */
  readonly context: Context;
  /**
   * A client: the headers of the server's answer (101, or 200 over HTTP/2), by lower-case name. A
   * server: undefined.
   */
  readonly responseHeaders: ReadonlyMap<string, string> | undefined;
  readonly #line: Line<AnyEndpoint>;
  /** Made when the first message arrives, or is waited for, that no handler takes. */
  #reading: Reading | undefined;
  #pings: Pings | undefined;
  #closed: Deferred<CloseInfo> | undefined;
  #isClosing = false;
  #isPausedByApplication = false;

  /** @internal */
  constructor(init: ConnectionInit<Context>) {
    this.url = init.url;
    this.protocol = init.protocol;
    this.context = init.context;
    this.responseHeaders = init.responseHeaders;
    const { endpoint, transport, compression } = init;
    this.#line = new Line(endpoint as unknown as AnyEndpoint, transport, this, compression);
  }

  get role(): Role {
    return this.#line.endpoint.role;
  }

  /**
   * @internal Begins to read. With a handler at once; otherwise in a turn of its own, so that whoever
   * awaits the connection can say first how it is to be read.
   */
  start(early: Early, opening: unknown): void {
    publishOpened(this);
    this.#guard(() => this.#handler?.open?.(this, opening));
    const { octets, lent } = early;
    if (this.#handler?.message !== undefined) {
      this.#line.start(octets, lent);
      return;
    }
    this.#line.transport.pause();
    const kept = lent ? copyOf(octets, 0, octets.length) : octets;
    setImmediate(() => this.#line.start(kept, false));
  }

  get readyState(): ReadyState {
    if (this.#line.isFinished) return 'closed';
    return this.#line.isOpen && !this.#isClosing ? 'open' : 'closing';
  }

  /** @internal `close` was called while the connection was open: its end is what was asked for. */
  get wasAskedToClose(): boolean {
    return this.#isClosing;
  }

  /** The extensions both sides agreed on, with their parameters, or the empty string (RFC 6455 §9). */
  get extensions(): string {
    return this.#line.compression?.extensions ?? '';
  }

  /** The parameters of permessage-deflate (RFC 7692 §7.1); undefined where it was not agreed on. */
  get perMessageDeflate(): DeflateAgreement | undefined {
    return this.#line.compression?.agreement;
  }

  /** Octets that were sent and that the kernel has not taken, headers included. */
  get bufferedAmount(): number {
    return this.#line.bufferedAmount;
  }

  /** The stream below: a socket, a stream of HTTP/2, or what was given. Not to be written to. */
  get transport(): Duplex {
    return this.#line.transport.duplex;
  }

  get remoteAddress(): string | undefined {
    return this.#socket?.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket?.remotePort;
  }

  get localAddress(): string | undefined {
    return this.#socket?.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket?.localPort;
  }

  /**
   * Sends a message. The promise may be ignored: nothing is ever raised for it. It resolves at once
   * while there is room, else when all that waits has left; after the end of the connection it rejects
   * with `ConnectionClosedError`. Octets above 64 KiB are not copied and must not change before it
   * resolves. Messages arrive in the order of the calls. Throws a `TypeError` for what is no message.
   */
  send(data: Sendable, options: SendOptions = NO_OPTIONS): Promise<void> {
    return this.#isClosing ? this.#sendAfterClose() : this.#line.driver.sending.send(data, options);
  }

  /** @internal Sends to one of many; whether the connection is open and not too far behind. */
  offer(message: PreparedMessage, options: SendOptions): boolean {
    return !this.#isClosing && this.#line.driver.sending.offer(message, options);
  }

  /**
   * Sends one message part by part, without knowing its size (RFC 6455 §5.4): each part leaves as it
   * comes, and the source is held back while the peer reads slowly. Strings make a text message,
   * octets a binary one; messages sent meanwhile follow after it. When the source throws, a message
   * begun cannot be ended: the connection fails with 1011 and the promise rejects with that error.
   */
  sendStream(source: StreamSource, options: SendOptions = {}): Promise<void> {
    return this.#isClosing
      ? this.#sendAfterClose()
      : this.#line.driver.sending.sendStream(source, options);
  }

  /**
   * The next message, `undefined` after a clean close. After any other end it rejects with
   * `ConnectionClosedError`, once all that had arrived was read; of a connection that `reconnecting`
   * made, which handles such ends, it is `undefined` then too. An aborted signal ends the waiting
   * only. One read at a time: another rejects with `ERR_WS_CONCURRENT_READ`.
   */
  receive(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Message | undefined> {
    if (this.#handler?.message !== undefined) return Promise.reject(readByHandler());
    return this.#readingOf().receive(options.signal);
  }

  /** Messages until the end, as `receive` gives them. Leaving the loop does not close. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    return this.#pull().iterate();
  }

  /**
   * Messages as streams, of any size in constant memory. To be called before anything else is awaited,
   * since messages that arrive earlier are put together and bound by `maxMessageSize`. From then on
   * the connection is read in this way only.
   */
  messages(): AsyncGenerator<MessageStream, void, undefined> {
    const streams = this.#pull().streams();
    this.#line.driver.protocol.streaming = true;
    return streams;
  }

  /**
   * Sends a Ping and resolves with the milliseconds until its Pong (RFC 6455 §5.5.2). Rejects with
   * `ConnectionClosedError` when the connection ends before, with a `RangeError` for a payload of
   * more than 125 octets; an aborted signal ends the waiting only. The promise may be ignored.
   */
  ping(options: PingOptions = {}): Promise<number> {
    return ignorable(this.#ping(options));
  }

  /** Sends a Pong nobody asked for, as a one-way sign of life (RFC 6455 §5.5.3), while it is open. */
  pong(payload: string | Uint8Array = ''): void {
    if (this.readyState !== 'open') return;
    const { driver } = this.#line;
    driver.protocol.sendPong(octetsOfControl(payload));
    driver.schedule();
  }

  /**
   * Stops reading, after the message that is being handled: the peer is held back, and its Pings and
   * its Close wait too.
   */
  pause(): void {
    this.#isPausedByApplication = true;
    this.#line.driver.pause();
  }

  resume(): void {
    this.#isPausedByApplication = false;
    if (this.#reading?.isFull !== true) this.#line.driver.resume();
  }

  /**
   * Closes with a code and reason (RFC 6455 §7.1.2) after the messages sent before, and resolves as
   * `closed` does. Messages that arrive from here on are dropped. Without a code the Close has none;
   * a `RangeError` for a code that cannot be sent or a reason of more than 123 octets of UTF-8.
   */
  close(code?: number, reason: string = ''): Promise<CloseInfo> {
    if (code !== undefined) assertClose(code, reason, this.role);
    else if (reason !== '') throw invalidArgument('a close reason needs a close code');
    if (this.#isClosing || !this.#line.isOpen) return this.closed;
    this.#isClosing = true;
    const { driver } = this.#line;
    const { busy } = driver.sending;
    if (busy === undefined) {
      driver.close(code, reason);
      return this.closed;
    }
    const { clock, closeTimeout } = this.#settings;
    const timer = clock.setTimer(closeTimeout, () => driver.close(code, reason));
    void busy.then(() => {
      timer.cancel();
      driver.close(code, reason);
    });
    return this.closed;
  }

  /** Destroys the transport at once. The error, if any, is what `closed` tells. */
  terminate(error: Error = terminated()): void {
    this.#line.driver.abort(error);
  }

  /** Fulfils when the transport is gone; never rejects. */
  get closed(): Promise<CloseInfo> {
    this.#closed ??= deferred();
    if (this.#line.isFinished) this.#closed.resolve(this.#line.driver.protocol.closeInfo);
    return this.#closed.promise;
  }

  /** The connection in terms of values, such as `connection.withCodec(json<Move>())`. */
  withCodec<Value>(codec: Codec<Value>): CodecConnection<Value, Context> {
    return withCodec(this, codec);
  }

  /** A Duplex of octets: what is written is sent as binary messages, what arrives can be read. */
  toDuplex(): Duplex {
    return toDuplex(this);
  }

  /** Web Streams of messages, with backpressure in both directions. */
  toWebStreams(): WebStreams {
    return toWebStreams(this);
  }

  /**
   * Keeps the process alive while the connection is open, as is the default. Over HTTP/2, where
   * connections share a socket, neither this nor `unref` has an effect.
   */
  ref(): void {
    if (this.transport instanceof Socket) this.transport.ref();
  }

  unref(): void {
    if (this.transport instanceof Socket) this.transport.unref();
  }

  /** Closes with 1000 and waits for the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close(CloseCode.normal);
  }

  static {
    // Under a name of its own the method would need a type that declarations cannot express.
    Object.defineProperty(this.prototype, inspect.custom, { value: describe });
  }

  /** @internal Runs the application's own function for this connection. */
  run(task: () => void | Promise<void>): void {
    this.#guard(task);
  }

  /** @internal */
  onMessage(
    type: MessageType,
    octets: Uint8Array,
    start: number,
    end: number,
    lent: boolean,
  ): void {
    const handler = this.#handler;
    if (this.#isClosing || this.#isHeldFrom(handler)) return;
    let borrowed: Message | undefined;
    try {
      // Making a text throws where it is longer than a string can be.
      if (handler?.message === undefined) {
        const taker = this.#reading?.isAwaited === true ? 'owner' : 'reader';
        this.#readingOf().push(toMessage(type, octets, start, end, lent, taker));
        return;
      }
      const taker = handler.borrowsMessages === true ? 'borrower' : 'owner';
      const message = toMessage(type, octets, start, end, lent, taker);
      if (taker === 'borrower') borrowed = message;
      this.#watch(handler.message(this, message));
    } catch (error) {
      this.#failWith(error);
    } finally {
      if (borrowed !== undefined) giveBack(borrowed);
    }
  }

  /** @internal */
  onFragment(
    type: MessageType,
    octets: Uint8Array,
    start: number,
    end: number,
    final: boolean,
  ): void {
    if (this.#isClosing) return;
    this.#readingOf().pushFragment(type, octets, start, end, final);
  }

  /** @internal */
  onPing(octets: Uint8Array, start: number, end: number): void {
    const handler = this.#handler;
    if (handler?.ping === undefined) return;
    this.#guard(() => handler.ping?.(this, copyOf(octets, start, end)));
  }

  /** @internal */
  onPong(octets: Uint8Array, start: number, end: number): void {
    this.#pings?.onPong(octets, start, end, this.#settings.clock.now());
    const handler = this.#handler;
    if (handler?.pong === undefined) return;
    this.#guard(() => handler.pong?.(this, copyOf(octets, start, end)));
  }

  /** @internal */
  onDrain(): void {
    if (this.#line.driver.sending.onDrain()) this.#guard(() => this.#handler?.drain?.(this));
  }

  /** @internal */
  onFinished(info: CloseInfo): void {
    this.#reading?.finish(info);
    this.#pings?.finish(info);
    this.#line.driver.sending.finish(info);
    this.#closed?.resolve(info);
    publishClosed(this, info);
    this.#guard(() => this.#handler?.closed?.(this, info));
    this.#line.endpoint.onFinished?.(this);
  }

  /** @internal */
  onFull(): void {
    this.#line.driver.pause();
  }

  /** @internal */
  onRoom(): void {
    if (!this.#isPausedByApplication) this.#line.driver.resume();
  }

  async #ping({ payload, signal }: PingOptions): Promise<number> {
    signal?.throwIfAborted();
    this.#pings ??= new Pings();
    // A copy, for the caller may change the payload before the Pong is here.
    const octets =
      payload === undefined ? this.#pings.nextPayload() : Buffer.from(octetsOfControl(payload));
    const { driver } = this.#line;
    driver.protocol.sendPing(octets);
    driver.schedule();
    return this.#pings.wait(octets, this.#settings.clock.now(), signal);
  }

  /** The application has closed already, though the Close may wait for a stream to end. */
  #sendAfterClose(): Promise<void> {
    return ignorable(
      Promise.reject(new ConnectionClosedError(this.#line.driver.protocol.closeInfo)),
    );
  }

  /** For a reader, unless the messages go elsewhere. */
  #pull(): Reading {
    if (this.#handler?.message === undefined) return this.#readingOf();
    throw readByHandler();
  }

  #readingOf(): Reading {
    if (this.#reading !== undefined) return this.#reading;
    const { highWaterMark, endsQuietly } = this.#settings;
    this.#reading = new Reading(this, highWaterMark, endsQuietly);
    if (this.#line.isFinished) this.#reading.finish(this.#line.driver.protocol.closeInfo);
    return this.#reading;
  }

  /** Runs application code: what it throws, or rejects with, fails this connection and nothing else. */
  #guard(task: () => unknown): void {
    try {
      this.#watch(task());
    } catch (error) {
      this.#failWith(error);
    }
  }

  #watch(done: unknown): void {
    if (done instanceof Promise) done.catch((error: unknown) => this.#failWith(error));
  }

  /** While it is paused, a handler is not called; then only what a lost transport leaves comes here. */
  #isHeldFrom(handler: AnyHandler | undefined): boolean {
    return this.#isPausedByApplication && handler?.message !== undefined;
  }

  #failWith(error: unknown): void {
    // That a message was dropped, or came too late for this peer or another, is no mistake.
    if (error instanceof ConnectionClosedError || isDropped(error)) return;
    const reason = error instanceof Error ? error : new Error(inspect(error), { cause: error });
    // Where there is no connection left to fail, the mistake must not be silent, nor end the process.
    if (this.#line.isFinished) process.emitWarning(reason);
    else this.#line.driver.fail(reason, CloseCode.internalError);
  }

  get #settings(): ConnectionSettings {
    return this.#line.endpoint.settings;
  }

  get #handler(): AnyHandler | undefined {
    return this.#line.endpoint.handler;
  }

  get #socket(): Socket | undefined {
    return socketOf(this.transport);
  }
}

function describe(this: Connection): string {
  const protocol = this.protocol === '' ? '' : ` ${this.protocol}`;
  const { role, readyState, url, bufferedAmount } = this;
  return `Connection { ${role} ${readyState} ${url}${protocol}, ${bufferedAmount} octets queued }`;
}

function isDropped(error: unknown): boolean {
  return error instanceof LimitError && error.code === 'ERR_WS_SEND_BUFFER_FULL';
}

function readByHandler(): Error {
  return misuse('ERR_WS_CONCURRENT_READ', 'by a handler');
}

function octetsOfControl(payload: string | Uint8Array): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : octetsOf(payload);
}
