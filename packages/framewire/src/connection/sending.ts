/** RFC 6455 §6.1 — sending messages: in order, with room or a promise of it, and with a bound. */
import { ConnectionClosedError, LimitError } from '../errors.ts';
import { CloseCode } from '../protocol/close-code.ts';
import { copyOf } from '../protocol/octets.ts';
import type { MessageType } from '../protocol/opcode.ts';
import { MAX_COPIED } from '../protocol/output.ts';
import { PreparedMessage } from '../protocol/prepared-message.ts';
import { deferred, ignorable, type Deferred } from './deferred.ts';
import { assertUtf8, octetsOf, type Sendable, type SendOptions } from './message.ts';
import type { ConnectionSettings } from './options.ts';
import type { ProtocolDriver } from './protocol-driver.ts';
import { iterate, release, sendFragments, SendQueue, type StreamSource } from './send-queue.ts';

/** One promise for all sends that find room. */
const ROOM: Promise<void> = Promise.resolve();

export class Sending {
  readonly #driver: ProtocolDriver;
  readonly #settings: ConnectionSettings;
  /** Messages that wait for a stream to end; made with the first stream. */
  #queue: SendQueue | undefined;
  #drain: Deferred<void> | undefined;
  /** The end of the stream that is being sent. */
  #stream: { readonly end: (error: Error) => void } | undefined;

  constructor(driver: ProtocolDriver, settings: ConnectionSettings) {
    this.#driver = driver;
    this.#settings = settings;
  }

  get bufferedAmount(): number {
    return this.#driver.bufferedAmount + (this.#queue?.octets ?? 0);
  }

  /** Resolves when no stream is being sent and nothing waits behind one; undefined when that is so. */
  get busy(): Promise<void> | undefined {
    return this.#queue?.isBusy === true ? this.#queue.idle : undefined;
  }

  send(data: Sendable, options: SendOptions): Promise<void> {
    const octets = toOctets(data, options);
    if (this.#queue?.isBusy !== true) return this.#send(data, octets, options);
    const refused = this.#refusal();
    if (refused !== undefined) return refused;
    // What waits must not change either: beyond MAX_COPIED that is for the caller to see to.
    const copied = octets !== undefined && octets.length <= MAX_COPIED;
    const own = copied ? copyOf(octets, 0, octets.length) : octets;
    return this.#queue.add(sizeOf(data, octets), () => this.#send(data, own, options));
  }

  /** Sends a prepared message if it can be sent, whether or not there is room; tells whether. */
  offer(message: PreparedMessage): boolean {
    if (this.#refusalError() !== undefined) return false;
    if (this.busy === undefined) {
      this.#driver.protocol.sendPrepared(message);
      void this.#afterSend(0);
    } else {
      void this.send(message, {});
    }
    return true;
  }

  sendStream(source: StreamSource, options: SendOptions): Promise<void> {
    this.#queue ??= new SendQueue();
    return this.#queue.add(0, () => this.#sendStream(source, options));
  }

  /** All that waited has left; whether anybody was waiting for it. */
  onDrain(): boolean {
    const drain = this.#drain;
    this.#drain = undefined;
    drain?.resolve();
    return drain !== undefined;
  }

  finish(error: Error): void {
    this.#drain?.reject(error);
    this.#drain = undefined;
    // Its source may never give anything again, and so never notice.
    this.#stream?.end(error);
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

  async #sendStream(source: StreamSource, { type }: SendOptions): Promise<void> {
    const { protocol } = this.#driver;
    if (!protocol.isOpen) throw new ConnectionClosedError(protocol.closeInfo);
    const parts = iterate(source);
    const ended = deferred<never>();
    this.#stream = {
      end(error) {
        ended.reject(error);
        release(parts);
      },
    };
    const sent = sendFragments(parts, type, {
      send: (kind, octets, final) => this.#sendFragment(kind, octets, final),
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
    const room = octets > MAX_COPIED ? 0 : this.#settings.highWaterMark;
    if (!transport.needsDrain || bufferedAmount <= room) return ROOM;
    this.#drain ??= deferred();
    return ignorable(this.#drain.promise);
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
    const { maxBufferedAmount, slowConsumer } = this.#settings;
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
