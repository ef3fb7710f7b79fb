/** The other side of one WebSocket: heads and bodies in turn, as both roles of wsp read and send them. */
import type { Clock, Connection, MessageStream, Timer } from 'framewire';
import { TunnelError } from '../errors.ts';
import { wireError } from './wire.ts';

export interface PeerSettings {
  readonly clock: Clock;
  readonly pingInterval: number;
  readonly pingTimeout: number;
}

const EMPTY = new Uint8Array(0);

export class WspPeer {
  readonly #connection: Connection<undefined>;
  readonly #settings: PeerSettings;
  readonly #messages: AsyncGenerator<MessageStream, void, undefined>;
  /** The message that has been asked for and not been taken. */
  #next: Promise<MessageStream | undefined> | undefined;
  #failure: TunnelError | undefined;
  #isBusy = false;
  #beat: Timer | undefined;
  #deadline: Timer | undefined;
  #ping: AbortController | undefined;

  /** To be made in the turn in which the connection opens. */
  constructor(connection: Connection<undefined>, settings: PeerSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#messages = connection.messages();
    this.#scheduleBeat();
    void connection.closed.then(() => this.#stopBeats());
  }

  /** Resolves when the WebSocket is gone, with what ended it where this side did. */
  get closed(): Promise<TunnelError | undefined> {
    return this.#connection.closed.then(() => this.#failure);
  }

  get isOpen(): boolean {
    return this.#connection.readyState === 'open';
  }

  /** Between a request and the end of its answer. A Go peer reads nothing then, and answers no Ping. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  set isBusy(value: boolean) {
    this.#isBusy = value;
    if (value) this.#stopWaiting();
  }

  /** Why this side ended it; else what the other side's end comes to. */
  reasonFor(error: unknown): TunnelError {
    if (this.#failure !== undefined) return this.#failure;
    if (TunnelError.isInstance(error)) return error;
    return new TunnelError('ERR_TUNNEL_SESSION_CLOSED', '', { cause: error });
  }

  /** Ends the WebSocket at once: what is half sent must not look whole. */
  fail(error: TunnelError): void {
    this.#failure ??= error;
    this.#connection.terminate(error);
  }

  /** Ends an idle WebSocket. */
  close(code: number, reason: string): void {
    void this.#connection.close(code, reason);
  }

  /** The next message, asked for once until it is taken; undefined after a clean end. */
  next(): Promise<MessageStream | undefined> {
    if (this.#next === undefined) {
      this.#next = this.#messages.next().then(({ value }) => value ?? undefined);
      this.#next.catch(() => {});
    }
    return this.#next;
  }

  /** The whole of the next message, text or binary; a longer one than `limit` fails. */
  async readHead(limit: number): Promise<string> {
    const message = await this.#take();
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of message) {
      const octets = typeof part === 'string' ? Buffer.from(part) : part;
      size += octets.length;
      if (size > limit) throw wireError(`a head has more than ${limit} octets`);
      parts.push(octets);
    }
    return Buffer.concat(parts).toString('utf8');
  }

  /** The next message in parts, as they come. Throws where it is cut off. */
  async *readBody(): AsyncGenerator<Uint8Array, void, undefined> {
    const message = await this.#take();
    if (message.type !== 'binary') throw wireError('a body is not binary');
    yield* message as AsyncIterable<Uint8Array>;
  }

  sendText(text: string): Promise<void> {
    return this.#connection.send(text);
  }

  /** One binary message; without a source an empty one, which wsp wants all the same. */
  sendBody(source: AsyncIterable<Uint8Array> | Uint8Array = EMPTY): Promise<void> {
    if (source instanceof Uint8Array) return this.#connection.send(source);
    return this.#connection.sendStream(source);
  }

  async #take(): Promise<MessageStream> {
    const message = await this.next();
    this.#next = undefined;
    if (message === undefined) throw new TunnelError('ERR_TUNNEL_SESSION_CLOSED');
    return message;
  }

  #scheduleBeat(): void {
    const { clock, pingInterval } = this.#settings;
    if (pingInterval === Infinity) return;
    this.#beat = clock.setTimer(pingInterval, () => {
      this.#scheduleBeat();
      this.#askForLife();
    });
  }

  /** Sent while it is busy too, for the sake of the boxes on the way; judged while it is idle only. */
  #askForLife(): void {
    const { clock, pingTimeout } = this.#settings;
    this.#ping?.abort();
    this.#ping = new AbortController();
    const { signal } = this.#ping;
    this.#connection.ping({ payload: EMPTY, signal }).then(
      () => this.#stopWaiting(),
      () => {},
    );
    if (this.#isBusy || pingTimeout === Infinity || this.#deadline !== undefined) return;
    this.#deadline = clock.setTimer(pingTimeout, () => {
      this.fail(new TunnelError('ERR_TUNNEL_PING_TIMEOUT'));
    });
  }

  #stopWaiting(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  #stopBeats(): void {
    this.#beat?.cancel();
    this.#beat = undefined;
    this.#stopWaiting();
    this.#ping?.abort();
  }
}
