/** Connections to whoever serves, kept for the next request (RFC 9112 §9.3). */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from 'framewire';
import { TunnelError } from '../../errors.ts';
import { HttpConnection, type ConnectionKeeper } from './connection.ts';
import type { Exchange, ExchangeSink, SentRequest } from './exchange.ts';

export interface ConnectionPoolOptions {
  /** Begins a connection for the name. Whatever it throws is thrown by `ask`. */
  readonly open: (name: string) => Duplex;
  readonly clock: Clock;
  /** Connections of all names that are kept. */
  readonly mostIdle: number;
}

/**
 * Milliseconds that a connection waits for another request, sooner than servers end it, of which those of
 * Node take 5 000; or that one which is done has to end.
 */
const LONGEST_IDLE = 4_000;

/** §9.5: milliseconds that what is asked may need to arrive, before the other side ends the connection. */
const MARGIN = 1_000;

interface Idle {
  readonly connection: HttpConnection;
  /** Milliseconds of the clock. */
  readonly since: number;
  readonly until: number;
}

export class ConnectionPool implements ConnectionKeeper {
  readonly #open: (name: string) => Duplex;
  readonly #clock: Clock;
  /** Of each name, of which there are few; those that were used last come last. */
  readonly #idle = new Map<string, Idle[]>();
  #size = 0;
  #mostIdle: number;
  #timer: Timer | undefined;
  #firesAt = Infinity;

  constructor({ open, clock, mostIdle }: ConnectionPoolOptions) {
    this.#open = open;
    this.#clock = clock;
    this.#mostIdle = mostIdle;
  }

  /** Connections that wait for a request. */
  get size(): number {
    return this.#size;
  }

  /**
   * A request, on the connection for the name that was used last if there is one. It is sent from `begin`
   * on.
   */
  ask(name: string, request: SentRequest, sink: ExchangeSink): Exchange {
    const connection = this.#pop(name) ?? new HttpConnection(name, this.#openAnyhow(name), this);
    return connection.ask(request, sink);
  }

  /** Ends the connections that only wait for another request, and keeps no others. */
  dropIdle(): void {
    this.#mostIdle = 0;
    this.#dropUntil(Infinity);
  }

  onFree(connection: HttpConnection, keepAlive: number = Infinity): void {
    const time = Math.min(LONGEST_IDLE, keepAlive - MARGIN);
    if (this.#mostIdle === 0 || time <= 0) {
      connection.stream.destroy();
      return;
    }
    if (this.#size >= this.#mostIdle) this.#dropOldest();
    const since = this.#clock.now();
    const idle = { connection, since, until: since + time };
    const others = this.#idle.get(connection.name);
    if (others === undefined) this.#idle.set(connection.name, [idle]);
    else others.push(idle);
    this.#size++;
    if (idle.until < this.#firesAt) this.#watch(idle.until);
  }

  onDone({ stream }: HttpConnection): void {
    const timer = this.#clock.setTimer(LONGEST_IDLE, () => stream.destroy());
    stream.once('close', () => timer.cancel());
    if (stream instanceof Socket) stream.destroySoon();
    else stream.end();
  }

  onGone(connection: HttpConnection): void {
    const idle = this.#idle.get(connection.name);
    const index = idle?.findIndex((one) => one.connection === connection) ?? -1;
    if (idle === undefined || index < 0) return;
    idle.splice(index, 1);
    this.#size--;
  }

  #pop(name: string): HttpConnection | undefined {
    const idle = this.#idle.get(name) ?? [];
    for (let last = idle.pop(); last !== undefined; last = idle.pop()) {
      this.#size--;
      if (last.connection.isUsable) return last.connection;
    }
    return undefined;
  }

  /** Those that wait for requests of other names must not keep this one from being asked. */
  #openAnyhow(name: string): Duplex {
    try {
      return this.#open(name);
    } catch (error) {
      const isFull = TunnelError.isInstance(error) && error.code === 'ERR_TUNNEL_TOO_MANY_STREAMS';
      if (!isFull || this.#size === 0) throw error;
      this.#dropOldest();
      return this.#open(name);
    }
  }

  #watch(until: number): void {
    this.#timer?.cancel();
    this.#firesAt = until;
    this.#timer = this.#clock.setTimer(until - this.#clock.now(), this.#onTime);
  }

  readonly #onTime = (): void => {
    this.#firesAt = Infinity;
    this.#dropUntil(this.#clock.now());
    let next = Infinity;
    for (const idle of this.#idle.values()) {
      for (const { until } of idle) next = Math.min(next, until);
    }
    if (next < Infinity) this.#watch(next);
  };

  #dropOldest(): void {
    let oldest: Idle | undefined;
    // Of each name the first one has waited longest.
    for (const [first] of this.#idle.values()) {
      if (first !== undefined && (oldest === undefined || first.since < oldest.since)) {
        oldest = first;
      }
    }
    if (oldest === undefined) return;
    this.onGone(oldest.connection);
    oldest.connection.stream.destroy();
  }

  #dropUntil(time: number): void {
    for (const [name, idle] of this.#idle) {
      const stale = idle.filter(({ until }) => until <= time);
      if (stale.length === 0) continue;
      this.#idle.set(
        name,
        idle.filter(({ until }) => until > time),
      );
      this.#size -= stale.length;
      for (const { connection } of stale) connection.stream.destroy();
    }
    if (this.#size > 0) return;
    this.#idle.clear();
    this.#timer?.cancel();
    this.#firesAt = Infinity;
  }
}
