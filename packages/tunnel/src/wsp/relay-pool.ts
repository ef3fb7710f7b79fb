/** The connections that agents have opened, by agent, and the callers that wait for one of them. */
import type { Clock, Timer } from 'framewire';
import { TunnelError } from '../errors.ts';
import type { WspPoolStatus } from './relay-options.ts';
import type { WspPeer } from './peer.ts';
import { wireError, type Greeting } from './wire.ts';

/** How often surplus connections and empty pools are looked for. */
const CLEANING_INTERVAL = 5_000;

export interface PoolsSettings {
  readonly clock: Clock;
  readonly timeout: number;
  readonly maxWaiting: number;
  readonly idleTimeout: number;
}

/** One connection, lent to one request at a time. */
export interface Lease {
  readonly agent: string;
  readonly peer: WspPeer;
  /** For the next one; only after a request whose two bodies are complete. */
  release(): void;
}

interface Pool {
  readonly id: string;
  size: number;
  /** The one that was used last is last, and used first: the others may grow old. */
  readonly idle: PooledConnection[];
  readonly busy: Set<PooledConnection>;
}

interface PooledConnection {
  readonly pool: Pool;
  readonly peer: WspPeer;
  idleSince: number;
}

interface Waiting {
  give(connection: PooledConnection): void;
  refuse(error: TunnelError): void;
}

export class Pools {
  readonly #settings: PoolsSettings;
  readonly #onAgent: (id: string, state: 'joined' | 'left') => void;
  readonly #pools = new Map<string, Pool>();
  readonly #waiting = new Set<Waiting>();
  #cleaner: Timer | undefined;
  /** No more connections come. */
  #isDraining = false;
  #isClosed = false;
  #onSettled: (() => void) | undefined;

  constructor(settings: PoolsSettings, onAgent: (id: string, state: 'joined' | 'left') => void) {
    this.#settings = settings;
    this.#onAgent = onAgent;
  }

  get status(): WspPoolStatus[] {
    return [...this.#pools.values()].map(({ id, size, idle, busy }) => {
      return { id, size, idle: idle.length, busy: busy.size };
    });
  }

  /** A connection whose greeting has come. */
  add(peer: WspPeer, { id, size }: Greeting): void {
    let pool = this.#pools.get(id);
    if (pool === undefined) {
      pool = { id, size, idle: [], busy: new Set() };
      this.#pools.set(id, pool);
      this.#onAgent(id, 'joined');
    }
    pool.size = size;
    const connection = { pool, peer, idleSince: 0 };
    pool.busy.add(connection);
    void peer.closed.then(() => this.#remove(connection));
    this.#offer(connection);
    this.#cleaner ??= this.#scheduleCleaning();
  }

  /**
   * An idle connection of the agent that has the fewest busy ones; where there is none, the first that
   * becomes idle, callers being served in the order they came. Rejects with a `TunnelError`.
   */
  async lease(signal: AbortSignal): Promise<Lease> {
    if (this.#isClosed) throw new TunnelError('ERR_TUNNEL_DRAINING');
    const connection = this.#take() ?? (await this.#wait(signal));
    return {
      agent: connection.pool.id,
      peer: connection.peer,
      release: () => {
        if (connection.pool.busy.has(connection)) this.#offer(connection);
      },
    };
  }

  /** Callers get what is there, and 503 when nothing is left of it. */
  drain(): void {
    this.#isDraining = true;
    this.#refuseIfDrained();
  }

  /** Nobody waits any more, idle connections are closed; resolves when the busy ones are done. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cleaner?.cancel();
    this.#refuseWaiting();
    for (const pool of this.#pools.values()) {
      for (const { peer } of pool.idle.splice(0)) peer.close(1001, 'the relay is about to end');
    }
    while ([...this.#pools.values()].some(({ busy }) => busy.size > 0)) {
      await new Promise<void>((resolve) => (this.#onSettled = resolve));
    }
    this.#clean();
  }

  /** Cuts all that is left. */
  abort(): void {
    for (const { busy, idle } of this.#pools.values()) {
      const error = new TunnelError('ERR_TUNNEL_DRAINING');
      for (const { peer } of [...busy, ...idle]) peer.fail(error);
    }
  }

  #take(): PooledConnection | undefined {
    for (const pool of this.#pools.values()) {
      // One that is about to close is removed when its end is known.
      while (pool.idle.at(-1)?.peer.isOpen === false) pool.idle.pop();
    }
    const candidates = [...this.#pools.values()].filter(({ idle }) => idle.length > 0);
    const least = Math.min(...candidates.map(({ busy }) => busy.size));
    const equals = candidates.filter(({ busy }) => busy.size === least);
    const pool = equals[Math.floor(Math.random() * equals.length)];
    const connection = pool?.idle.pop();
    if (connection !== undefined) this.#occupy(connection);
    return connection;
  }

  #occupy(connection: PooledConnection): void {
    connection.pool.busy.add(connection);
    connection.peer.isBusy = true;
  }

  #wait(signal: AbortSignal): Promise<PooledConnection> {
    const { clock, timeout, maxWaiting } = this.#settings;
    if (this.#isDraining && !this.#hasConnections) {
      return Promise.reject(new TunnelError('ERR_TUNNEL_DRAINING'));
    }
    if (this.#pools.size === 0) return Promise.reject(new TunnelError('ERR_TUNNEL_NO_AGENT'));
    if (timeout <= 0 || this.#waiting.size >= maxWaiting) {
      return Promise.reject(new TunnelError('ERR_TUNNEL_BUSY'));
    }
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiting.delete(waiting);
        timer.cancel();
        signal.removeEventListener('abort', onAbort);
      };
      const waiting: Waiting = {
        give(connection) {
          settle();
          resolve(connection);
        },
        refuse(error) {
          settle();
          reject(error);
        },
      };
      const onAbort = (): void => waiting.refuse(new TunnelError('ERR_TUNNEL_ABORTED'));
      const timer = clock.setTimer(timeout, () => {
        waiting.refuse(new TunnelError('ERR_TUNNEL_BUSY'));
      });
      signal.addEventListener('abort', onAbort);
      this.#waiting.add(waiting);
    });
  }

  /** To whoever has waited longest, else among the idle ones. */
  #offer(connection: PooledConnection): void {
    const { pool, peer } = connection;
    pool.busy.delete(connection);
    const [waiting] = this.#waiting;
    if (!peer.isOpen) {
      // It is removed when its end is known, and must not be lent before.
    } else if (this.#isClosed) {
      peer.close(1001, 'the relay is about to end');
    } else if (waiting !== undefined) {
      this.#watchNext(connection);
      this.#occupy(connection);
      waiting.give(connection);
    } else {
      peer.isBusy = false;
      connection.idleSince = this.#settings.clock.now();
      pool.idle.push(connection);
      this.#watchNext(connection);
    }
    this.#onSettled?.();
  }

  /** Asks for the next message at once: the end of an idle connection shows by it, and so does a wild one. */
  #watchNext({ peer }: PooledConnection): void {
    peer.next().then(
      (message) => {
        if (message === undefined) return;
        if (!peer.isBusy) peer.fail(wireError('a message came that answers nothing'));
      },
      () => {},
    );
  }

  #remove(connection: PooledConnection): void {
    const { pool } = connection;
    pool.busy.delete(connection);
    const at = pool.idle.indexOf(connection);
    if (at >= 0) pool.idle.splice(at, 1);
    this.#onSettled?.();
    this.#refuseIfDrained();
    if (this.#isClosed) this.#clean();
  }

  get #hasConnections(): boolean {
    return [...this.#pools.values()].some(({ idle, busy }) => idle.length + busy.size > 0);
  }

  #refuseIfDrained(): void {
    if (this.#isDraining && !this.#hasConnections) this.#refuseWaiting();
  }

  #refuseWaiting(): void {
    for (const waiting of this.#waiting) waiting.refuse(new TunnelError('ERR_TUNNEL_DRAINING'));
  }

  #scheduleCleaning(): Timer {
    return this.#settings.clock.setTimer(CLEANING_INTERVAL, () => {
      this.#cleaner = undefined;
      this.#clean();
      if (this.#pools.size > 0) this.#cleaner = this.#scheduleCleaning();
    });
  }

  #clean(): void {
    const { clock, idleTimeout } = this.#settings;
    const oldest = clock.now() - idleTimeout;
    for (const pool of this.#pools.values()) {
      const surplus = Math.max(0, pool.idle.length - pool.size);
      const old = pool.idle.slice(0, surplus).filter(({ idleSince }) => idleSince < oldest);
      for (const { peer } of pool.idle.splice(0, old.length)) peer.close(1000, 'idle');
      if (pool.idle.length > 0 || pool.busy.size > 0) continue;
      this.#pools.delete(pool.id);
      this.#onAgent(pool.id, 'left');
    }
  }
}
