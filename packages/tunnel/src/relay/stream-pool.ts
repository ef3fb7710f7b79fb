/** Streams of a session, kept for the next request: what `node:http` asks for connections. */
import type http from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from 'framewire';
import { TunnelError } from '../errors.ts';

/** Streams of all names that are kept: they are some of those that the session may have. */
const MOST_IDLE = 64;

/** Milliseconds. Sooner than servers end it, of which those of Node take 5 000. */
const LONGEST_IDLE = 4_000;

interface Idle {
  readonly name: string;
  readonly stream: Duplex;
  /** Milliseconds of the clock. */
  readonly since: number;
}

/**
 * An `http.Agent` does the same for connections of any kind and to any host, and copies what it knows of
 * one several times for each request.
 */
export class StreamPool {
  // What a request reads of its agent.
  readonly protocol: string = 'http:';
  readonly defaultPort: number = 80;
  readonly keepAlive: boolean = true;
  readonly maxSockets: number = Infinity;
  readonly #open: (name: string) => Duplex;
  readonly #clock: Clock;
  /** Of each name, of which an agent has few, those that were used last come last. */
  readonly #idle = new Map<string, Idle[]>();
  #size = 0;
  #mostIdle = MOST_IDLE;
  #timer: Timer | undefined;

  /** Whatever `open` throws is thrown by whoever makes the request. */
  constructor(open: (name: string) => Duplex, clock: Clock) {
    this.#open = open;
    this.#clock = clock;
  }

  /** As `http.request` wants its agent. */
  get agent(): http.Agent {
    return this as unknown as http.Agent;
  }

  /** Streams that wait for a request. */
  get size(): number {
    return this.#size;
  }

  /** Called by `http.request`, whose `host` is the name. The stream that was used last is first. */
  addRequest(request: http.ClientRequest, { host = '' }: { readonly host?: string }): void {
    const stream = this.#pop(host);
    request.reusedSocket = stream !== undefined;
    const socket = stream ?? this.#begin(host);
    request.onSocket(socket as Parameters<typeof request.onSocket>[0]);
  }

  /** Ends the streams that only wait for another request, and keeps no others. */
  dropIdle(): void {
    this.#mostIdle = 0;
    this.#dropUntil(Infinity);
  }

  #pop(name: string): Duplex | undefined {
    const idle = this.#idle.get(name) ?? [];
    for (let last = idle.pop(); last !== undefined; last = idle.pop()) {
      this.#size--;
      if (isUsable(last.stream)) return last.stream;
    }
    return undefined;
  }

  #begin(name: string): Duplex {
    const stream = this.#openAnyhow(name);
    const onFree = (): void => this.#keep(name, stream);
    // The target has ended it, which is the end of a request only while there is one.
    const onEnd = (): void => {
      if (this.#take(name, stream)) stream.destroy();
    };
    const onClose = (): void => void this.#take(name, stream);
    // Node says so of one that was upgraded.
    const onRemove = (): void => {
      stream.off('free', onFree).off('end', onEnd).off('close', onClose);
      stream.off('agentRemove', onRemove);
    };
    stream.on('free', onFree).on('end', onEnd).on('close', onClose);
    return stream.on('agentRemove', onRemove);
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

  #keep(name: string, stream: Duplex): void {
    if (this.#mostIdle === 0 || !isUsable(stream)) {
      stream.destroy();
      return;
    }
    if (this.#size >= this.#mostIdle) this.#dropOldest();
    const idle = { name, stream, since: this.#clock.now() };
    const others = this.#idle.get(name);
    if (others === undefined) this.#idle.set(name, [idle]);
    else others.push(idle);
    this.#size++;
    this.#timer ??= this.#clock.setTimer(LONGEST_IDLE, this.#onTime);
  }

  readonly #onTime = (): void => {
    this.#timer = undefined;
    this.#dropUntil(this.#clock.now() - LONGEST_IDLE);
    const oldest = this.#oldest();
    if (oldest === undefined) return;
    const left = oldest.since + LONGEST_IDLE - this.#clock.now();
    this.#timer = this.#clock.setTimer(left, this.#onTime);
  };

  /** Of each name the first one has waited longest. */
  #oldest(): Idle | undefined {
    let oldest: Idle | undefined;
    for (const [first] of this.#idle.values()) {
      if (first !== undefined && (oldest === undefined || first.since < oldest.since)) {
        oldest = first;
      }
    }
    return oldest;
  }

  #dropOldest(): void {
    const oldest = this.#oldest();
    if (oldest === undefined) return;
    this.#take(oldest.name, oldest.stream);
    oldest.stream.destroy();
  }

  #dropUntil(since: number): void {
    for (const idle of this.#idle.values()) {
      const stale = idle.filter((one) => one.since <= since);
      idle.splice(0, stale.length);
      this.#size -= stale.length;
      for (const { stream } of stale) stream.destroy();
    }
    if (this.#size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Takes a stream that waits for a request; false for one that does not. */
  #take(name: string, stream: Duplex): boolean {
    const idle = this.#idle.get(name);
    const index = idle?.findIndex((one) => one.stream === stream) ?? -1;
    if (idle === undefined || index < 0) return false;
    idle.splice(index, 1);
    this.#size--;
    return true;
  }
}

function isUsable(stream: Duplex): boolean {
  return !stream.destroyed && stream.writable && !stream.readableEnded;
}
