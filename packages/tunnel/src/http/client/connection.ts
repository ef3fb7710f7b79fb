/** A connection to whoever serves: one request after another (RFC 9112 §9.3). */
import type { Duplex } from 'node:stream';
import type { AnswerReader } from './answer-reader.ts';
import { Exchange, type ExchangeHost, type ExchangeSink, type SentRequest } from './exchange.ts';

/** Who has connections. */
export interface ConnectionKeeper {
  /** It can take another request, for so many milliseconds if the other side has said so. */
  onFree(connection: HttpConnection, keepAlive: number | undefined): void;
  /** It takes no other one, and is to end once what was written has left. */
  onDone(connection: HttpConnection): void;
  /** It has ended. */
  onGone(connection: HttpConnection): void;
}

export class HttpConnection implements ExchangeHost {
  /** Whom it is for, as its keeper calls it. */
  readonly name: string;
  readonly stream: Duplex;
  readonly #keeper: ConnectionKeeper;
  #exchange: Exchange | undefined;
  #hasServed = false;
  #error: Error | undefined;

  constructor(name: string, stream: Duplex, keeper: ConnectionKeeper) {
    this.name = name;
    this.stream = stream;
    this.#keeper = keeper;
    stream.on('data', this.#onData).on('end', this.#onEnd).on('drain', this.#onDrain);
    stream.on('error', this.#onError).on('close', this.#onClose);
  }

  get isUsable(): boolean {
    const { stream } = this;
    return !stream.destroyed && stream.writable && !stream.readableEnded;
  }

  /** The request is sent from `begin` on. */
  ask(request: SentRequest, sink: ExchangeSink): Exchange {
    const exchange = new Exchange(this, request, sink, this.#hasServed);
    this.#hasServed = true;
    this.#exchange = exchange;
    return exchange;
  }

  onComplete({ persists, keepAlive }: AnswerReader): void {
    this.#exchange = undefined;
    // Whoever did not take the answer as fast as it came has paused it.
    this.stream.resume();
    // Of an upload that nobody wants any more; what is asked next would wait behind it.
    if (this.stream.writableLength > 0) this.stream.destroy();
    else if (persists && this.isUsable) this.#keeper.onFree(this, keepAlive);
    else this.#keeper.onDone(this);
  }

  onSwitched(): void {
    const { stream } = this;
    stream.pause();
    stream.off('data', this.#onData).off('end', this.#onEnd).off('drain', this.#onDrain);
    stream.off('close', this.#onClose);
  }

  readonly #onData = (octets: Buffer): void => {
    const used = this.#exchange?.receive(octets) ?? 0;
    // §11.1: what nobody asked for could pass for the answer to the next request.
    if (used < octets.length) this.stream.destroy();
  };

  readonly #onEnd = (): void => {
    if (this.#exchange === undefined) this.#keeper.onGone(this);
    else this.#exchange.receiveEnd();
    if (!this.stream.writableEnded) this.#keeper.onDone(this);
  };

  readonly #onDrain = (): void => {
    this.#exchange?.onDrain();
  };

  readonly #onError = (error: Error): void => {
    this.#error ??= error;
  };

  readonly #onClose = (): void => {
    this.#exchange?.lose(this.#error);
    this.#keeper.onGone(this);
  };
}
