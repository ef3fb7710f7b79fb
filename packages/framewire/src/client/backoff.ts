/** RFC 6455 §7.2.3 — how long to wait before a lost connection is opened again. */
import { outOfRange } from '../errors.ts';
import { requirePositive } from '../protocol/limits.ts';

export interface BackoffOptions {
  /**
   * Milliseconds that the first delay after a stable connection lasts at least, and twice that at
   * most. Default 1 000, or half of `maxDelay` where that is less. More than `maxDelay` is a
   * `RangeError`.
   */
  readonly minDelay?: number | undefined;
  /**
   * Milliseconds that no delay exceeds, unless a server asks for more time (see `reconnecting`).
   * Default 30 000, or twice `minDelay` where that is more; at most 2^31 - 1.
   */
  readonly maxDelay?: number | undefined;
}

export interface Backoff {
  readonly minDelay: number;
  readonly maxDelay: number;
}

/** What a timer of Node can count. */
const MOST = 2 ** 31 - 1;

/** The defaults filled in; a `RangeError` names the option that is wrong. */
export function resolveBackoff(options: BackoffOptions): Backoff {
  requireDelay('minDelay', options.minDelay ?? 1_000);
  requireDelay('maxDelay', options.maxDelay ?? 30_000);
  // A factor of two between them leaves each delay a range to be random in.
  const { minDelay = Math.min(1_000, (options.maxDelay ?? Infinity) / 2) } = options;
  const { maxDelay = Math.min(MOST, Math.max(30_000, 2 * minDelay)) } = options;
  if (minDelay > maxDelay) {
    throw outOfRange(`minDelay must not be more than maxDelay, got ${minDelay} and ${maxDelay}`);
  }
  return { minDelay, maxDelay };
}

/**
 * Milliseconds to wait after `delays` delays in a row. Truncated binary exponential backoff: each
 * range begins where the one before ends, until `maxDelay` is reached, from when on the delay is at
 * least half of it, and never less than `minDelay`. Within its range it is random (`random` is from 0
 * to 1), the first delay too, so that clients that were lost together do not come back together; that
 * takes a `minDelay` that is less than `maxDelay`.
 */
export function backoffDelay(
  delays: number,
  random: number,
  { minDelay, maxDelay }: Backoff,
): number {
  const most = Math.min(maxDelay, minDelay * 2 ** (delays + 1));
  const least = Math.max(minDelay, most / 2);
  return Math.round(least + random * (most - least));
}

function requireDelay(name: string, value: number): void {
  requirePositive(name, value);
  if (value > MOST) throw outOfRange(`${name} is too long: ${value}`);
}
