/**
 * A stream during the opening handshake, for either role: its octets in order, one deadline for all
 * of it, and one place where its failures end up. `release` hands it over without a trace.
 */
import { addAbortListener } from 'node:events';
import type { Duplex } from 'node:stream';
import { HandshakeError, TimeoutError } from '../errors.ts';
import type { HeadReader } from '../handshake/http1-head.ts';
import type { Clock, Timer } from './clock.ts';
import { deferred, ignorable, type Deferred } from './deferred.ts';

export interface OpeningStreamOptions {
  readonly clock: Clock;
  /** Milliseconds for the whole opening handshake, however much of it arrives in between. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** For the errors. */
  readonly url?: string | undefined;
}

/** Octets that may arrive before anybody asks for them; then the peer is held back. */
const MAX_UNREAD = 64 * 1024;

const EMPTY: Uint8Array = new Uint8Array(0);

export class OpeningStream {
  readonly duplex: Duplex;
  readonly #url: string | undefined;
  readonly #timer: Timer;
  readonly #abort: Disposable | undefined;
  readonly #failure: Deferred<never> = deferred();
  #chunks: Uint8Array[] = [];
  #unread = 0;
  #hasEnded = false;
  #isSilent = true;
  #wake: (() => void) | undefined;

  constructor(duplex: Duplex, options: OpeningStreamOptions) {
    this.duplex = duplex;
    this.#url = options.url;
    void ignorable(this.#failure.promise);
    const { clock, timeout, signal } = options;
    this.#timer = clock.setTimer(timeout, () =>
      this.fail(new TimeoutError('ERR_WS_OPENING_TIMEOUT', timeout)),
    );
    this.#abort =
      signal === undefined
        ? undefined
        : addAbortListener(signal, () => this.#failure.reject(signal.reason));
    duplex.on('data', this.#onData).on('end', this.#onEnd);
    duplex.on('error', this.#onError).on('close', this.#onClose);
    if (duplex.destroyed) this.#lose('it is destroyed');
  }

  /** Not one octet has arrived: there is nobody to answer. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** The promise's outcome, or the failure of the stream, whichever is first. */
  race<Value>(promise: Promise<Value>): Promise<Value> {
    return Promise.race([promise, this.#failure.promise]);
  }

  /** The next octets that arrive; undefined at the end of the stream. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#unread -= chunk.length;
        if (this.duplex.isPaused()) this.duplex.resume();
        return chunk;
      }
      if (this.#hasEnded) return undefined;
      await this.race(new Promise<void>((resolve) => (this.#wake = resolve)));
    }
  }

  /** The octets of one HTTP head, to its blank line; rejects with what is wrong with it. */
  async readHead(reader: HeadReader): Promise<Uint8Array> {
    for (;;) {
      const chunk = await this.next();
      if (chunk === undefined) throw this.#lost('it ended early');
      const result = reader.push(chunk);
      if (result.kind === 'refusal') throw result.error;
      if (result.kind === 'needMore') continue;
      this.unread(result.rest);
      return result.head;
    }
  }

  /** Puts back octets that were read too far. */
  unread(octets: Uint8Array): void {
    if (octets.length === 0) return;
    this.#chunks.unshift(octets);
    this.#unread += octets.length;
  }

  /** Where an end of the stream is a failure from now on, such as while the application decides. */
  failOnEnd(): void {
    if (this.#hasEnded) this.#lose('it ended early');
    else this.duplex.once('end', this.#onEarlyEnd);
  }

  /** Ends whatever is awaited with the error. */
  fail(error: Error): void {
    this.#failure.reject(error);
  }

  /** Lets go of the stream; returns what has arrived and was not asked for. Nothing of it stays. */
  release(): Uint8Array {
    this.#detach();
    this.duplex.pause();
    const chunks = this.#chunks;
    this.#chunks = [];
    if (chunks.length < 2) return chunks[0] ?? EMPTY;
    return Buffer.concat(chunks);
  }

  /** Lets go of the stream and destroys it; its late errors concern nobody. */
  destroy(): void {
    this.#detach();
    this.duplex.on('error', ignore);
    this.duplex.destroy();
  }

  #detach(): void {
    this.#timer.cancel();
    this.#abort?.[Symbol.dispose]();
    const { duplex } = this;
    duplex.off('data', this.#onData).off('end', this.#onEnd).off('end', this.#onEarlyEnd);
    duplex.off('error', this.#onError).off('close', this.#onClose);
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.#isSilent = false;
    this.#chunks.push(chunk);
    this.#unread += chunk.length;
    if (this.#unread > MAX_UNREAD) this.duplex.pause();
    this.#wakeReader();
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#wakeReader();
  };

  readonly #onEarlyEnd = (): void => this.#lose('it ended early');

  readonly #onError = (cause: Error): void => this.#lose(cause.message, cause);

  readonly #onClose = (): void => {
    // After an orderly end there may be octets to read still.
    if (!this.#hasEnded) this.#lose('it closed early');
  };

  #lose(detail: string, cause?: Error): void {
    this.fail(this.#lost(detail, cause));
  }

  #lost(detail: string, cause?: Error): HandshakeError {
    const details = { url: this.#url, ...(cause !== undefined && { cause }) };
    return new HandshakeError('ERR_WS_NETWORK', detail, details);
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

function ignore(): void {}
