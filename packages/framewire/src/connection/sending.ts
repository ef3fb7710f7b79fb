/** RFC 6455 §6.1 — sending messages: in order, with room or a promise of it, and with a bound. */
import { ConnectionClosedError, LimitError, type CloseInfo } from '../errors.ts';
import type { Compression } from '../extensions/compression.ts';
import { Compressor, DEFLATE_SLICE } from '../extensions/compressor.ts';
import { nextTurn } from '../extensions/turns.ts';
import { CloseCode } from '../protocol/close-code.ts';
import { copyOf } from '../protocol/octets.ts';
import type { MessageType } from '../protocol/opcode.ts';
import { MAX_COPIED } from '../protocol/output.ts';
import { PreparedMessage } from '../protocol/prepared-message.ts';
import { deferred, ignorable, type Deferred } from './deferred.ts';
import { assertUtf8, octetsOf, type Sendable, type SendOptions } from './message.ts';
import type { ProtocolDriver } from './protocol-driver.ts';
import { iterate, release, sendFragments, SendQueue, type StreamSource } from './send-queue.ts';

/** One promise for all sends that find room. */
const ROOM: Promise<void> = Promise.resolve();

export class Sending {
  readonly #driver: ProtocolDriver;
  /** What both sides agreed on, if they did. */
  readonly compression: Compression | undefined;
  /** Made for the first message that may be compressed. */
  #compressor: Compressor | undefined;
  /** Messages that wait for a message that takes time; made with the first of these. */
  #queue: SendQueue | undefined;
  /** Octets of the message that is being compressed that have not been. */
  #undeflated = 0;
  #drain: Deferred<void> | undefined;
  /** The end of the stream that is being sent. */
  #stream: { readonly end: (error: Error) => void } | undefined;

  constructor(driver: ProtocolDriver, compression: Compression | undefined) {
    this.#driver = driver;
    this.compression = compression;
  }

  get bufferedAmount(): number {
    // What waits then will only find out that it is too late.
    if (this.#driver.isFinished) return 0;
    return this.#driver.bufferedAmount + (this.#queue?.octets ?? 0) + this.#undeflated;
  }

  /** Resolves when no message takes time and none waits behind one; undefined when that is so. */
  get busy(): Promise<void> | undefined {
    return this.#queue?.isBusy === true ? this.#queue.idle : undefined;
  }

  /** Nothing waits, and nothing has to be kept in mind for messages to come. */
  get isAtRest(): boolean {
    const hasWork = this.#drain !== undefined || this.#stream !== undefined || this.#undeflated > 0;
    return !hasWork && this.busy === undefined && this.#compressor === undefined;
  }

  send(data: Sendable, options: SendOptions): Promise<void> {
    const octets = toOctets(data, options);
    const compressor = this.#compressorFor(data, octets, options);
    if (this.#queue?.isBusy !== true && compressor === undefined) {
      return this.#send(data, octets, options);
    }
    const refused = this.#refusal();
    if (refused !== undefined) return refused;
    if (data instanceof PreparedMessage) return this.#sendPrepared(data, options);
    if (compressor !== undefined) return this.#compress(compressor, data, octets, options);
    const own = octets === undefined ? undefined : kept(octets);
    return this.#enqueue(sizeOf(data, octets), () => this.#send(data, own, options));
  }

  /** Sends a prepared message if it can be sent, whether or not there is room; tells whether. */
  offer(message: PreparedMessage, options: SendOptions): boolean {
    if (this.#refusalError() !== undefined) return false;
    void this.#sendPrepared(message, options);
    return true;
  }

  sendStream(source: StreamSource, options: SendOptions): Promise<void> {
    return this.#enqueue(0, () => this.#sendStream(source, options));
  }

  /** All that waited has left; whether anybody was waiting for it. */
  onDrain(): boolean {
    const drain = this.#drain;
    this.#drain = undefined;
    drain?.resolve();
    return drain !== undefined;
  }

  finish(info: CloseInfo): void {
    this.#drain?.reject(new ConnectionClosedError(info));
    this.#drain = undefined;
    // Its source may never give anything again, and so never notice.
    this.#stream?.end(new ConnectionClosedError(info));
    this.#compressor?.close();
  }

  /** Runs a task after all that were sent before. */
  #enqueue(octets: number, task: () => Promise<void>): Promise<void> {
    this.#queue ??= new SendQueue();
    return this.#queue.add(octets, task);
  }

  #send(data: Sendable, octets: Uint8Array | undefined, { type }: SendOptions): Promise<void> {
    const refused = this.#refusal();
    if (refused !== undefined) return refused;
    const { protocol } = this.#driver;
    if (octets !== undefined) protocol.sendOctets(type ?? 'binary', octets);
    else if (typeof data === 'string') protocol.sendText(data);
    else protocol.sendPrepared(data as PreparedMessage);
    return this.#afterSend(octets?.length ?? 0);
  }

  #sendPrepared(message: PreparedMessage, { compress }: SendOptions): Promise<void> {
    const variant = this.#compressorOf()?.prepare(message, compress) ?? message;
    if (this.busy === undefined && !(variant instanceof Promise)) return this.#sendVariant(variant);
    const { length } = message.frame;
    return this.#enqueue(length, async () =>
      this.#sendVariant(await this.#counting(length, variant)),
    );
  }

  #sendVariant(message: PreparedMessage): Promise<void> {
    this.#driver.protocol.sendPrepared(message);
    if (message.compressed) this.#compressor?.skipMessage();
    return this.#afterSend(0);
  }

  #compressorOf(): Compressor | undefined {
    if (this.compression === undefined) return undefined;
    return (this.#compressor ??= new Compressor(this.compression));
  }

  /** What compresses a message, if it is to be compressed. */
  #compressorFor(
    data: Sendable,
    octets: Uint8Array | undefined,
    { compress }: SendOptions,
  ): Compressor | undefined {
    const compressor = this.#compressorOf();
    if (compressor === undefined || data instanceof PreparedMessage) return compressor;
    const size = octets?.length ?? Buffer.byteLength(data as string);
    return compressor.wants(size, compress) ? compressor : undefined;
  }

  /** RFC 7692 §7.2.1: at once, unless that takes long or others are before it. */
  #compress(
    compressor: Compressor,
    data: Sendable,
    given: Uint8Array | undefined,
    options: SendOptions,
  ): Promise<void> {
    const octets = given ?? Buffer.from(data as string);
    const type = options.type ?? (typeof data === 'string' ? 'text' : 'binary');
    const forced = options.compress === true;
    if (this.busy === undefined && octets.length <= DEFLATE_SLICE && compressor.isImmediate) {
      const deflated = compressor.tryDeflate(octets, true) as Uint8Array | undefined;
      return this.#sendDeflated(compressor, type, octets, deflated, forced);
    }
    const own = given === undefined ? octets : kept(octets);
    return this.#enqueue(octets.length, () => this.#sendLarge(compressor, type, own, forced));
  }

  /** Octets that are being compressed wait to be sent. */
  async #counting<Result>(octets: number, compressed: Result | Promise<Result>): Promise<Result> {
    this.#undeflated = octets;
    try {
      return await compressed;
    } finally {
      this.#undeflated = 0;
    }
  }

  /** Sends a message in the smaller of its two forms. */
  #sendDeflated(
    compressor: Compressor,
    type: MessageType,
    octets: Uint8Array,
    deflated: Uint8Array | undefined,
    forced: boolean,
  ): Promise<void> {
    const { protocol } = this.#driver;
    if (deflated !== undefined && (forced || compressor.pays(octets.length, deflated.length))) {
      protocol.sendOctets(type, unshared(deflated), true);
      return this.#afterSend(deflated.length);
    }
    protocol.sendOctets(type, octets);
    return this.#afterSend(octets.length);
  }

  async #sendLarge(
    compressor: Compressor,
    type: MessageType,
    octets: Uint8Array,
    forced: boolean,
  ): Promise<void> {
    const { protocol } = this.#driver;
    // The first slice tells whether compressing pays.
    const slice = octets.subarray(0, DEFLATE_SLICE);
    const rest = octets.subarray(slice.length);
    const isWhole = rest.length === 0;
    this.#undeflated = octets.length;
    if (!isWhole) await nextTurn();
    // What would be compressed now would never be sent, nor its state closed.
    this.#assertOpen();
    const promised = compressor.tryDeflate(slice, isWhole);
    const deflated = promised instanceof Promise ? await promised : promised;
    this.#undeflated = 0;
    if (isWhole) return this.#sendDeflated(compressor, type, octets, deflated, forced);
    if (deflated === undefined || !(forced || compressor.pays(slice.length, deflated.length))) {
      return this.#sendDeflated(compressor, type, octets, undefined, forced);
    }
    try {
      this.#undeflated = rest.length;
      protocol.sendFragment(type, unshared(deflated), false, true);
      await this.#afterSend(deflated.length);
      await nextTurn();
      await this.#sendSlices(compressor, type, rest, true);
    } catch (error) {
      this.#failMessage(error as Error);
      throw error;
    } finally {
      this.#undeflated = 0;
    }
  }

  /**
   * Sends octets of a message that has begun, or of a stream; others get their turn in between. How
   * many octets they came to.
   */
  async #sendSlices(
    compressor: Compressor,
    type: MessageType,
    octets: Uint8Array,
    final: boolean,
  ): Promise<number> {
    let start = 0;
    let sent = 0;
    try {
      do {
        const end = Math.min(start + DEFLATE_SLICE, octets.length);
        this.#undeflated = octets.length - start;
        this.#assertOpen();
        const isLast = final && end === octets.length;
        const promised = compressor.deflate(octets.subarray(start, end), isLast);
        const deflated = promised instanceof Promise ? await promised : promised;
        this.#undeflated = octets.length - end;
        this.#driver.protocol.sendFragment(type, unshared(deflated), isLast, true);
        await this.#afterSend(deflated.length);
        sent += deflated.length;
        start = end;
        if (start < octets.length) await nextTurn();
      } while (start < octets.length);
      return sent;
    } finally {
      this.#undeflated = 0;
    }
  }

  async #sendStream(source: StreamSource, { type, compress }: SendOptions): Promise<void> {
    this.#assertOpen();
    const compressor = this.#compressorOf();
    const compresses = compressor?.wants(Number.MAX_VALUE, compress) === true;
    let octetsSent = 0;
    let deflatedSent = 0;
    const parts = iterate(source);
    const ended = deferred<never>();
    this.#stream = {
      end(error) {
        ended.reject(error);
        release(parts);
      },
    };
    const sent = sendFragments(parts, type, {
      send: async (kind, octets, final) => {
        if (!compresses) return this.#sendFragment(kind, octets, final);
        octetsSent += octets.length;
        deflatedSent += await this.#sendSlices(compressor, kind, octets, final);
        if (final) compressor.learn(octetsSent, deflatedSent);
      },
      fail: (error) => this.#failMessage(error),
    });
    try {
      await Promise.race([sent, ended.promise]);
    } finally {
      this.#stream = undefined;
    }
  }

  /** §5.4: a message cannot be given up in the middle; where the connection is closing, it need not. */
  #failMessage(error: Error): void {
    if (this.#driver.protocol.isOpen) this.#driver.fail(error, CloseCode.internalError);
  }

  async #sendFragment(type: MessageType, octets: Uint8Array, final: boolean): Promise<void> {
    this.#driver.protocol.sendFragment(type, octets, final);
    await this.#afterSend(octets.length);
  }

  /** Room, or a promise of it. Octets that were not copied have to leave before it is given. */
  #afterSend(octets: number): Promise<void> {
    this.#driver.schedule();
    const { transport, bufferedAmount } = this.#driver;
    const room = octets > MAX_COPIED ? 0 : this.#driver.settings.highWaterMark;
    if (!transport.needsDrain || bufferedAmount <= room) return ROOM;
    this.#drain ??= deferred();
    return ignorable(this.#drain.promise);
  }

  #assertOpen(): void {
    const { protocol } = this.#driver;
    if (!protocol.isOpen) throw new ConnectionClosedError(protocol.closeInfo);
  }

  /** Why nothing more can be sent, if so. */
  #refusal(): Promise<void> | undefined {
    const error = this.#refusalError();
    return error === undefined ? undefined : ignorable(Promise.reject(error));
  }

  #refusalError(): Error | undefined {
    const { protocol } = this.#driver;
    return protocol.isOpen ? this.#overflow() : new ConnectionClosedError(protocol.closeInfo);
  }

  /** §10.4: too much waits, also after all that can leave has left. */
  #overflow(): Error | undefined {
    const { maxBufferedAmount, slowConsumer } = this.#driver.settings;
    if (this.bufferedAmount <= maxBufferedAmount) return undefined;
    this.#driver.flush();
    const { bufferedAmount } = this;
    if (bufferedAmount <= maxBufferedAmount) return undefined;
    const error = new LimitError(
      'ERR_WS_SEND_BUFFER_FULL',
      'maxBufferedAmount',
      maxBufferedAmount,
      bufferedAmount,
    );
    if (slowConsumer === 'terminate') this.#driver.abort(error);
    return error;
  }
}

/** Octets that have to wait: larger ones are for the caller not to change. */
function kept(octets: Uint8Array): Uint8Array {
  return octets.length <= MAX_COPIED ? copyOf(octets, 0, octets.length) : octets;
}

/** What was compressed is lent; the little of it that is not copied by the encoder has to be our own. */
function unshared(deflated: Uint8Array): Uint8Array {
  return deflated.length <= MAX_COPIED ? deflated : copyOf(deflated, 0, deflated.length);
}

function sizeOf(data: Sendable, octets: Uint8Array | undefined): number {
  if (typeof data === 'string') return data.length;
  return data instanceof PreparedMessage ? data.frame.length : (octets?.length ?? 0);
}

/** What is sent as octets; undefined for text and prepared messages, which are encoded otherwise. */
function toOctets(data: Sendable, { type }: SendOptions): Uint8Array | undefined {
  if (typeof data === 'string') return type === 'binary' ? Buffer.from(data) : undefined;
  if (data instanceof PreparedMessage) return undefined;
  const octets = octetsOf(data);
  if (type === 'text') assertUtf8(octets);
  return octets;
}
