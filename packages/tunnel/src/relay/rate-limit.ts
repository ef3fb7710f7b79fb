/** How often a name may be called, and by how many at a time. */
import { type Clock, systemClock } from 'framewire';
import { invalidArgument, TunnelError } from '../errors.ts';

export interface RateLimitOptions {
  /** Requests per second that a name may go on having. Default `Infinity`. */
  readonly requestsPerSecond?: number;
  /** Requests that may come at once after a while without. Default a second's worth, at least 1. */
  readonly burst?: number;
  /** Requests and upgraded connections of a name at a time. Default `Infinity`. */
  readonly connections?: number;
  /**
   * Names that are remembered, at least 1; with one more, the one that has not been called for the
   * longest time begins anew, those in use excepted. Default 10 000.
   */
  readonly maxNames?: number;
  readonly clock?: Clock;
}

export type Admission =
  | {
      readonly isAdmitted: true;
      /** The request, or the connection, has ended. Only the first call counts. */
      readonly release: () => void;
    }
  | {
      readonly isAdmitted: false;
      /** ERR_TUNNEL_RATE_LIMITED */
      readonly error: TunnelError;
      /** Seconds, for Retry-After. */
      readonly retryAfter: number;
    };

interface Entry {
  /** Milliseconds of the clock at which the bucket is full again: one number says all of it. */
  fullAt: number;
  inFlight: number;
}

/** Seconds after which to ask again where all connections are taken: nobody knows when one ends. */
const WAIT_FOR_CONNECTION = 1;

export class RateLimit {
  /** From the one called longest ago to the last one. */
  readonly #entries = new Map<string, Entry>();
  /** Milliseconds that one request takes to be given back. */
  readonly #interval: number;
  readonly #capacity: number;
  readonly #connections: number;
  readonly #maxNames: number;
  readonly #clock: Clock;

  /** Throws a TypeError for a number that is not above 0. */
  constructor(options: RateLimitOptions = {}) {
    const { requestsPerSecond = Infinity, connections = Infinity, maxNames = 10_000 } = options;
    const { burst = Math.max(1, requestsPerSecond), clock = systemClock } = options;
    for (const [name, value] of Object.entries({
      requestsPerSecond,
      burst,
      connections,
      maxNames,
    })) {
      if (!(value > 0)) throw invalidArgument(`${name} must be above 0, got ${value}`);
    }
    if (burst < 1) throw invalidArgument(`burst must be at least 1, got ${burst}`);
    this.#interval = 1_000 / requestsPerSecond;
    this.#capacity = this.#interval === 0 ? Infinity : burst * this.#interval;
    this.#connections = connections;
    this.#maxNames = maxNames;
    this.#clock = clock;
  }

  /** Names that are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /** Takes a request's place, and its share of the rate. What is refused costs nothing. */
  admit(name: string): Admission {
    if (this.#interval === 0 && this.#connections === Infinity) return UNLIMITED;
    const now = this.#clock.now();
    const entry = this.#entries.get(name) ?? { fullAt: 0, inFlight: 0 };
    if (entry.inFlight >= this.#connections) return refused(WAIT_FOR_CONNECTION);
    const fullAt = Math.max(entry.fullAt, now) + this.#interval;
    const tooEarly = fullAt - now - this.#capacity;
    // What floating point leaves is not worth a refusal.
    if (tooEarly > 1e-6) return refused(tooEarly / 1_000);
    entry.fullAt = fullAt;
    entry.inFlight++;
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    if (this.#entries.size > this.#maxNames) this.#forget();
    let isHeld = true;
    const release = (): void => {
      if (isHeld) entry.inFlight--;
      isHeld = false;
    };
    return { isAdmitted: true, release };
  }

  /** The oldest that nobody uses; where all are used, requests in flight bound them. */
  #forget(): void {
    for (const [name, { inFlight }] of this.#entries) {
      if (inFlight > 0) continue;
      this.#entries.delete(name);
      return;
    }
  }
}

const UNLIMITED: Admission = { isAdmitted: true, release: () => {} };

function refused(retryAfter: number): Admission {
  return { isAdmitted: false, error: new TunnelError('ERR_TUNNEL_RATE_LIMITED'), retryAfter };
}
