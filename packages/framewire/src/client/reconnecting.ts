/**
 * RFC 6455 §7.2.3 — a client that stays: one connection after another, with a growing, random delay
 * after each that was lost. Everything here is `connect`, and deciding whether to call it again.
 */
import { addAbortListener } from 'node:events';
import { inspect } from 'node:util';
import { systemClock, type Clock } from '../connection/clock.ts';
import type { Connection } from '../connection/connection.ts';
import { ConnectionClosedError, invalidArgument, type CloseInfo } from '../errors.ts';
import { CloseCode } from '../protocol/close-code.ts';
import { requirePositive } from '../protocol/limits.ts';
import { backoffDelay, resolveBackoff, type Backoff, type BackoffOptions } from './backoff.ts';
import type { ConnectOptions } from './connect-options.ts';
import { connect } from './connect.ts';
import { errorOfClose, isFinalClose, isFinalFailure } from './finality.ts';
import { retryAfter } from './retry-after.ts';

/** What `onOpen` is told about the connection. */
export interface ConnectionStart {
  /** 1 for the first connection that was opened, 2 for the next, and so on. */
  readonly number: number;
  /** What happened last: the end of the connection before, or an attempt that failed since. */
  readonly previous: ConnectionEnd | undefined;
}

/** How a connection ended, or why there was none, and what follows from it. */
export interface ConnectionEnd {
  /**
   * How far it had come: `connecting`, it could not be opened; `opening`, it ended before `onOpen`
   * was done, or because of what that threw; `open`, it was handed out.
   */
  readonly phase: 'connecting' | 'opening' | 'open';
  /** How the connection ended; undefined when there was none. */
  readonly info: CloseInfo | undefined;
  /**
   * Why: what `connect` or `onOpen` rejected with, or a `ConnectionClosedError`. Undefined after an
   * end that was meant: this side's `close`, or a clean one with 1000, 1001, 3000–4999 or no code.
   */
  readonly error: Error | undefined;
  /** Attempts in a row, up to this one, that did not lead to a stable connection. */
  readonly failures: number;
  /** Milliseconds for which the connection was open. */
  readonly openFor: number;
  /** No further attempt follows: the iteration throws `error`, or without one is done. */
  readonly isFinal: boolean;
  /** Milliseconds until the next attempt; 0 when none follows. */
  readonly delay: number;
}

export interface ReconnectingOptions extends Omit<ConnectOptions, 'transport'>, BackoffOptions {
  /**
   * Milliseconds a connection has to be open to count as stable: after it the delays begin anew,
   * and so does the counting for `maxAttempts`. Default 10 000.
   */
  readonly stableTime?: number | undefined;
  /**
   * Attempts in a row that may fail to lead to a stable connection; then the iteration throws the
   * last error. Default `Infinity`.
   */
  readonly maxAttempts?: number | undefined;
  /**
   * Called, and awaited, for each connection before it is handed out: to log in again, to resume
   * subscriptions. When it throws, the connection is closed with 1011, unless it was closed there;
   * that, and an end while it is at work, count as a failed attempt. Whatever it throws is tried
   * again, unless `isFinal` objects. A `close` without a throw ends the iteration, as elsewhere.
   */
  readonly onOpen?:
    | ((connection: Connection<undefined>, start: ConnectionStart) => void | Promise<void>)
    | undefined;
  /**
   * Told of each end and of each failed attempt, before the delay begins: when the next connection
   * is asked for. Not told of an end that leaving the loop, or the signal, has brought about. What
   * it throws ends the iteration.
   */
  readonly onEnd?: ((end: ConnectionEnd) => void) | undefined;
  /**
   * Whether an end is the last one; undefined leaves the decision as `end.isFinal` has it. What it
   * throws ends the iteration.
   */
  readonly isFinal?: ((end: ConnectionEnd) => boolean | undefined) | undefined;
  /**
   * Ends everything: the delay, the attempt, and, other than for `connect`, the open connection,
   * which is closed with 1000. The iteration then rejects with the signal's reason.
   */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connections to a URL, one after another: each is handed out when it is open, and the next is made
 * when the one before has ended and is asked for. Nothing is dialled before the first is asked for;
 * leaving the loop closes the connection with 1000. Reading from these connections ends after any
 * end as after a clean one: why is what `onEnd` tells.
 *
 * It ends, and the loop with it, after the peer's 1000 and after this side's `close`; with an error
 * after codes that would only be repeated (1002, 1003, 1007 to 1010, of either side), caller
 * mistakes, certificates that are not trusted, and answers to the opening handshake, of the server or
 * of a proxy, that break the protocol or have a status other than 408, 425, 429 and those from 500 on,
 * except 501 and 505; of a SOCKS proxy, all but the replies 1 and 3 to 6. Everything else is tried
 * again: lost and silent networks, timeouts, 1001, 1011 to 1014, codes from 3000 on, `terminate`. A server's Retry-After (RFC 9110 §10.2.3), with 429 or 503, is a lower
 * bound of the delay, up to 10 minutes. The delay keeps the process alive. Throws a `RangeError`
 * for options that are not valid.
 */
export function reconnecting(
  url: string | URL,
  options: ReconnectingOptions = {},
): AsyncIterableIterator<Connection<undefined>, void, undefined> {
  return new Reconnecting(url, options);
}

/** What ended, before it is decided what follows. */
interface Ended {
  readonly info: CloseInfo;
  readonly openFor: number;
}

/** Why waiting ends when the loop is left. Nobody is shown it. */
const LEFT: unique symbol = Symbol('left');

class Reconnecting implements AsyncIterableIterator<Connection<undefined>, void, undefined> {
  readonly #url: string | URL;
  readonly #options: ReconnectingOptions;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #stableTime: number;
  readonly #maxAttempts: number;
  /** Ends whatever is waited for, by the caller's signal or because the loop is left. */
  readonly #stop = new AbortController();
  readonly #connections: AsyncGenerator<Connection<undefined>, void, undefined>;
  #opened = 0;
  #failures = 0;
  /** Since the last stable connection. */
  #delays = 0;
  #previous: ConnectionEnd | undefined;

  constructor(url: string | URL, options: ReconnectingOptions) {
    const { clock = systemClock, stableTime = 10_000, maxAttempts = Infinity } = options;
    requirePositive('stableTime', stableTime);
    requirePositive('maxAttempts', maxAttempts);
    if ('transport' in options && options.transport !== undefined) {
      throw invalidArgument('a transport that is given serves one connection only');
    }
    this.#url = url;
    this.#options = options;
    this.#clock = clock;
    this.#backoff = resolveBackoff(options);
    this.#stableTime = stableTime;
    this.#maxAttempts = maxAttempts;
    this.#connections = this.#run();
  }

  next(): Promise<IteratorResult<Connection<undefined>, void>> {
    return this.#connections.next();
  }

  /** Also while `next` waits, which then tells that it is done. */
  return(): Promise<IteratorResult<Connection<undefined>, void>> {
    this.#stop.abort(LEFT);
    return this.#connections.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async *#run(): AsyncGenerator<Connection<undefined>, void, undefined> {
    const { signal, onEnd } = this.#options;
    signal?.throwIfAborted();
    const listener =
      signal && addAbortListener(signal, () => this.#stop.abort(signal.reason as unknown));
    try {
      for (;;) {
        const end = yield* this.#connection();
        this.#previous = end;
        onEnd?.(end);
        if (end.isFinal && end.error !== undefined) throw end.error;
        if (end.isFinal) return;
        await this.#wait(end.delay);
      }
    } catch (error) {
      if (error !== LEFT) throw error;
    } finally {
      listener?.[Symbol.dispose]();
    }
  }

  /** One attempt, and the connection it leads to; returns when that has ended, and with what. */
  async *#connection(): AsyncGenerator<Connection<undefined>, ConnectionEnd, undefined> {
    const { signal } = this.#stop;
    let connection: Connection<undefined>;
    try {
      connection = await connect(this.#url, { ...this.#options, signal, endsQuietly: true });
    } catch (thrown) {
      const error = toError(thrown);
      return this.#judge('connecting', undefined, error, isFinalFailure(error));
    }
    const ended = this.#watch(connection);
    if (!signal.aborted) {
      const failed = await this.#open(connection, ended);
      if (failed !== undefined) return failed;
    }
    try {
      if (!signal.aborted) yield connection;
    } finally {
      // However the loop is left: when it is, nothing is there any more.
      await ended;
    }
    return this.#judgeClose('open', connection, await ended);
  }

  /** Tells when the connection has ended; until then whatever stops the iteration closes it. */
  async #watch(connection: Connection<undefined>): Promise<Ended> {
    const openedAt = this.#clock.now();
    const listener = addAbortListener(
      this.#stop.signal,
      () => void connection.close(CloseCode.normal),
    );
    const info = await connection.closed;
    listener[Symbol.dispose]();
    return { info, openFor: this.#clock.now() - openedAt };
  }

  /** Lets the application prepare the connection; what became of it when that did not succeed. */
  async #open(
    connection: Connection<undefined>,
    ended: Promise<Ended>,
  ): Promise<ConnectionEnd | undefined> {
    this.#opened++;
    const start = { number: this.#opened, previous: this.#previous };
    let early: Ended | undefined;
    try {
      const opening = this.#callOnOpen(connection, start);
      // What it waits for may never come when the connection is gone.
      early = await Promise.race([opening, ended]);
      // But after a close of its own it may go on, and throw.
      if (early !== undefined && connection.wasAskedToClose) await this.#unlessStopped(opening);
    } catch (thrown) {
      // What it throws because the connection is lost says less than how it was lost.
      const wasLost = connection.readyState !== 'open' && !connection.wasAskedToClose;
      void connection.close(CloseCode.internalError);
      const close = await ended;
      if (wasLost) return this.#judgeClose('opening', connection, close);
      return this.#judge('opening', close, toError(thrown), false);
    }
    return early && this.#judgeClose('opening', connection, early);
  }

  async #callOnOpen(connection: Connection<undefined>, start: ConnectionStart): Promise<undefined> {
    await this.#options.onOpen?.(connection, start);
  }

  #judgeClose(
    phase: 'opening' | 'open',
    { wasAskedToClose }: Connection<undefined>,
    close: Ended,
  ): ConnectionEnd {
    const error = errorOfClose(close.info, wasAskedToClose);
    return this.#judge(phase, close, error, isFinalClose(close.info, wasAskedToClose));
  }

  #judge(
    phase: ConnectionEnd['phase'],
    close: Ended | undefined,
    error: Error | undefined,
    isFinal: boolean,
  ): ConnectionEnd {
    // Of what the caller has ended, nothing is told but that.
    this.#stop.signal.throwIfAborted();
    const { info, openFor = 0 } = close ?? {};
    if (phase === 'open' && openFor >= this.#stableTime) {
      this.#failures = 0;
      this.#delays = 0;
    } else {
      this.#failures++;
    }
    const backoff = backoffDelay(this.#delays++, Math.random(), this.#backoff);
    const delay = Math.max(backoff, retryAfter(error));
    const failures = this.#failures;
    const end = { phase, info, error, failures, openFor, isFinal, delay: isFinal ? 0 : delay };
    if (this.#options.isFinal?.(end) ?? isFinal) return { ...end, isFinal: true, delay: 0 };
    if (failures < this.#maxAttempts) return { ...end, isFinal: false, delay };
    const last = error ?? (info && new ConnectionClosedError(info));
    return { ...end, error: last, isFinal: true, delay: 0 };
  }

  async #unlessStopped(promise: Promise<undefined>): Promise<void> {
    const { signal } = this.#stop;
    let listener: Disposable | undefined;
    const stopped = new Promise<never>((_, reject) => {
      listener = addAbortListener(signal, () => reject(signal.reason as Error));
    });
    try {
      await Promise.race([promise, stopped]);
    } finally {
      listener?.[Symbol.dispose]();
    }
  }

  #wait(delay: number): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(delay, () => {
        listener[Symbol.dispose]();
        resolve();
      });
      // A program may have nothing else to do than to wait for the next connection.
      timer.ref?.();
      const listener = addAbortListener(signal, () => {
        timer.cancel();
        reject(signal.reason as Error);
      });
    });
  }
}

/** What may be thrown is anything. */
function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(inspect(thrown), { cause: thrown });
}
