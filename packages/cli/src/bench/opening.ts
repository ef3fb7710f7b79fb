/** Opens the connections of a run, some at a time. */
import type { Clock, Connection, ConnectionHandler, Timer } from 'framewire';
import { failureOfOpening, type Failures } from './failures.ts';
import { Latencies } from './latencies.ts';
import type { LoadConnection } from './load-connection.ts';

/** Opening handshakes under way at a time: a listener's backlog is not what is measured. */
export const OPENING_AT_ONCE = 100;

/** Milliseconds between two reports of progress. */
const TICK = 250;

/** After so many failures the rest would fail as well. */
const MOST_FAILURES = 20;

export type Dial = (handler: ConnectionHandler<undefined, undefined>) => Promise<Connection>;

export interface OpeningOptions {
  readonly count: number;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly failures: Failures;
  readonly create: () => LoadConnection;
  readonly onProgress: (opened: number, failed: number) => void;
}

export class Opening {
  readonly connections: LoadConnection[] = [];
  readonly times: Latencies = new Latencies();
  readonly #options: OpeningOptions;
  #begun = 0;
  #failed = 0;
  #timer: Timer | undefined;

  constructor(options: OpeningOptions) {
    this.#options = options;
  }

  /** Opening handshakes that failed. */
  get failed(): number {
    return this.#failed;
  }

  /** Resolves when all are open, or no more will be. */
  async run(): Promise<void> {
    const lines = Math.min(OPENING_AT_ONCE, this.#options.count);
    this.#tick();
    await Promise.all(Array.from({ length: lines }, () => this.#openInTurn()));
    this.#timer?.cancel();
  }

  #tick(): void {
    const { clock, onProgress } = this.#options;
    onProgress(this.connections.length, this.#failed);
    this.#timer = clock.setTimer(TICK, () => this.#tick());
  }

  async #openInTurn(): Promise<void> {
    const { count, signal } = this.#options;
    while (this.#begun < count && this.#failed < MOST_FAILURES && !signal.aborted) {
      this.#begun++;
      await this.#openOne();
    }
  }

  async #openOne(): Promise<void> {
    const { create, dial, clock, signal, failures } = this.#options;
    const connection = create();
    const begin = clock.now();
    try {
      await dial(connection);
      this.times.record(clock.now() - begin);
      this.connections.push(connection);
    } catch (error) {
      if (signal.aborted) return;
      this.#failed++;
      failures.add(failureOfOpening(error));
    }
  }
}
