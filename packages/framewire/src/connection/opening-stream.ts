/**
 * A transport during the opening handshake, for either role: its octets in order, one deadline for all
 * of it, and one place where its failures end up. `release` gives it to whoever comes next.
 */
import { HandshakeError, TimeoutError } from '../errors.ts';
import type { HeadReader } from '../handshake/http1-head.ts';
import { copyOf } from '../protocol/octets.ts';
import type { Clock, Timer } from './clock.ts';
import { deferred, ignorable, type Deferred } from './deferred.ts';
import type { Transport, TransportSink } from './transport.ts';

export interface Expiring {
  /** Calls the task with the reason when it expires, or at once if it has. */
  onExpire(task: (reason: unknown) => void): Disposable;
}

export interface OpeningStreamOptions {
  readonly clock: Clock;
  /** Milliseconds for the whole opening handshake, however much of it arrives in between. */
  readonly timeout?: number | undefined;
  /** The deadline of something larger, which this is a part of. */
  readonly deadline?: Expiring | undefined;
  /** For the errors. */
  readonly url?: string | undefined;
}

/** Octets, which are `lent` when they must be copied to outlive the call they came with. */
export interface Early {
  readonly octets: Uint8Array;
  readonly lent: boolean;
}

/** Whoever waits for a head: told in the call that brings its last octet. */
interface HeadWaiter {
  readonly reader: HeadReader;
  /** The octets are lent. */
  readonly resolve: (head: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/** Octets that may arrive before anybody asks for them; then the peer is held back. */
const MAX_UNREAD = 64 * 1024;

const EMPTY: Uint8Array = new Uint8Array(0);

export const NOTHING_EARLY: Early = { octets: EMPTY, lent: false };

export class OpeningStream implements TransportSink {
  readonly transport: Transport;
  readonly room = undefined;
  readonly #url: string | undefined;
  readonly #timer: Timer | undefined;
  readonly #expiry: Disposable | undefined;
  #failure: { readonly error: unknown } | undefined;
  #failed: Deferred<never> | undefined;
  #head: HeadWaiter | undefined;
  #chunks: Uint8Array[] | undefined;
  /** What the chunk that is being handled has left, before it is copied. */
  #rest: Early | undefined;
  #unread = 0;
  #failsOnEnd = false;
  #isSilent = true;
  #wake: (() => void) | undefined;

  constructor(transport: Transport, options: OpeningStreamOptions) {
    this.transport = transport;
    this.#url = options.url;
    const { clock, timeout, deadline } = options;
    this.#timer =
      timeout === undefined
        ? undefined
        : clock.setTimer(timeout, () =>
            this.fail(new TimeoutError('ERR_WS_OPENING_TIMEOUT', timeout)),
          );
    this.#expiry = deadline?.onExpire((reason) => this.fail(reason));
    transport.sink = this;
    if (transport.duplex.destroyed) this.#lose('it is destroyed');
    transport.start();
    transport.resume();
  }

  /** Not one octet has arrived: there is nobody to answer. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** The promise's outcome, or the failure of the stream, whichever is first. */
  race<Value>(promise: Promise<Value>): Promise<Value> {
    if (this.#failed === undefined) {
      this.#failed = deferred();
      void ignorable(this.#failed.promise);
      if (this.#failure !== undefined) this.#failed.reject(this.#failure.error);
    }
    return Promise.race([this.#failed.promise, promise]);
  }

  /** The next octets that arrive; undefined at the end of the stream. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = this.#shift();
      if (chunk !== undefined) return chunk;
      if (this.transport.hasEnded) return undefined;
      await this.race(new Promise<void>((resolve) => (this.#wake = resolve)));
    }
  }

  /** The octets of one HTTP head, to its blank line; rejects with what is wrong with it. */
  readHead(reader: HeadReader): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.awaitHead({
        reader,
        resolve: (head) => resolve(copyOf(head, 0, head.length)),
        reject,
      });
    });
  }

  /** As `readHead`, without a promise. */
  awaitHead(waiter: HeadWaiter): void {
    if (this.#failure !== undefined) {
      waiter.reject(this.#failure.error);
      return;
    }
    this.#head = waiter;
    for (let chunk = this.#shift(); chunk !== undefined; chunk = this.#shift()) {
      this.#readHead(waiter, chunk, false);
      if (this.#head !== waiter) return;
    }
    if (this.transport.hasEnded) this.#endHead();
  }

  /** Where an end of the stream is a failure from now on, such as while the application decides. */
  failOnEnd(): void {
    this.#failsOnEnd = true;
    if (this.transport.hasEnded) this.#lose('it ended early');
  }

  /** Ends whatever is awaited with the error. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#failed?.reject(error);
    const head = this.#head;
    this.#head = undefined;
    head?.reject(error);
  }

  /** Lets go of the transport; returns what has arrived and was not asked for. */
  release(): Early {
    this.#detach();
    // A stream in memory may bring octets before there is somebody to take them.
    if (!this.transport.isSocket) this.transport.pause();
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) return rest;
    const chunks = this.#chunks ?? [];
    this.#chunks = undefined;
    if (chunks.length === 0) return NOTHING_EARLY;
    return { octets: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), lent: false };
  }

  /** Lets go of the transport and destroys it; its late errors concern nobody. */
  destroy(): void {
    this.#detach();
    this.transport.destroy();
  }

  onData(chunk: Uint8Array, lent: boolean): void {
    this.#isSilent = false;
    if (this.#head === undefined) this.#keep(lent ? copyOf(chunk, 0, chunk.length) : chunk);
    else this.#readHead(this.#head, chunk, lent);
  }

  onEnd(): void {
    this.#endHead();
    if (this.#failsOnEnd) this.#lose('it ended early');
    this.#wakeReader();
  }

  onClose(error: Error | undefined): void {
    if (error !== undefined) this.#lose(error.message, error);
    // After an orderly end there may be octets to read still.
    else if (!this.transport.hasEnded) this.#lose('it closed early');
  }

  onFull(): void {}

  onDrain(): void {}

  #readHead(waiter: HeadWaiter, chunk: Uint8Array, lent: boolean): void {
    const result = waiter.reader.push(chunk);
    if (result.kind === 'needMore') return;
    this.#head = undefined;
    if (result.kind === 'refusal') {
      waiter.reject(result.error);
      return;
    }
    const { head, rest } = result;
    this.#rest = rest.length === 0 ? undefined : { octets: rest, lent };
    waiter.resolve(head);
    this.#keepRest();
  }

  /** What nobody has taken within the call. */
  #keepRest(): void {
    const rest = this.#rest;
    if (rest === undefined) return;
    this.#rest = undefined;
    const { octets, lent } = rest;
    this.#chunks = [lent ? copyOf(octets, 0, octets.length) : octets, ...(this.#chunks ?? [])];
    this.#unread += octets.length;
  }

  #keep(chunk: Uint8Array): void {
    (this.#chunks ??= []).push(chunk);
    this.#unread += chunk.length;
    if (this.#unread > MAX_UNREAD) this.transport.pause();
    this.#wakeReader();
  }

  #shift(): Uint8Array | undefined {
    const chunk = this.#chunks?.shift();
    if (chunk === undefined) return undefined;
    this.#unread -= chunk.length;
    this.transport.resume();
    return chunk;
  }

  #endHead(): void {
    const head = this.#head;
    this.#head = undefined;
    head?.reject(this.#lost('it ended early'));
  }

  #detach(): void {
    this.#timer?.cancel();
    this.#expiry?.[Symbol.dispose]();
    this.transport.forsake();
  }

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
