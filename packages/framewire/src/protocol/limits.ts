/** RFC 6455 §10.4 — implementations protect themselves: the bounds of what a peer may send. */
import { outOfRange } from '../errors.ts';

export interface LimitOptions {
  /**
   * Octets one message may have, all fragments together, after decompression. A longer one fails the
   * connection with 1009 as soon as a frame announces it. Default 16 MiB; at most 2 GiB, which is
   * also what `Infinity` comes to. Does not apply to messages that are received as streams.
   */
  readonly maxMessageSize?: number | undefined;
  /**
   * Fragments of fewer than 32 octets one message may have; more of them fail the connection with
   * 1008. Larger fragments are not counted: `maxMessageSize` bounds them. Default 131 072.
   */
  readonly maxSmallFragments?: number | undefined;
}

/** Octets that one array can hold on every supported platform, with room to grow. */
const LARGEST_MESSAGE = 2 ** 31;

export interface Limits {
  readonly maxMessageSize: number;
  readonly maxSmallFragments: number;
}

/** The defaults filled in; a `RangeError` for a bound that is not a positive number. */
export function resolveLimits(options: LimitOptions = {}): Limits {
  // The largest message of the public test suites, and what most libraries allow.
  const { maxMessageSize = 16 * 1024 * 1024 } = options;
  // Fragments are coalesced and cost no memory: this ends a message that never wants to end.
  const { maxSmallFragments = 128 * 1024 } = options;
  requirePositive('maxMessageSize', maxMessageSize);
  requirePositive('maxSmallFragments', maxSmallFragments);
  return Object.freeze({
    maxMessageSize: Math.min(maxMessageSize, LARGEST_MESSAGE),
    maxSmallFragments,
  });
}

/**
 * What a frame of a message of at most `maxMessageSize` octets can have while it is compressed, by the
 * worst of encoders: the most that DEFLATE makes of an octet are 9 bits, and flushes come on top. All
 * frames together can have more: of parts of one octet each, seven octets are made.
 */
export function mostCompressedOctets(maxMessageSize: number): number {
  return 1.25 * maxMessageSize + 64 * 1024;
}

/** A number above 0, `Infinity` included. */
export function requirePositive(name: string, value: unknown): void {
  if (typeof value === 'number' && value > 0) return;
  throw outOfRange(`${name} must be a number above 0, got ${String(value)}`);
}
