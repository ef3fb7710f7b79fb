/** The options of a connection, resolved once at the edge: inside there are no optionals. */
import { invalidArgument, outOfRange } from '../errors.ts';
import {
  requirePositive,
  resolveLimits,
  type LimitOptions,
  type Limits,
} from '../protocol/limits.ts';
import { PerMessageDeflate } from '../extensions/compression.ts';
import type { PerMessageDeflateOptions } from '../extensions/deflate-options.ts';
import { systemClock, type Clock } from './clock.ts';

export interface HeartbeatOptions {
  /** Milliseconds of silence after which a Ping is sent, at the latest. Default 30 000. */
  readonly interval?: number | undefined;
  /**
   * Milliseconds the peer has to show a sign of life after that Ping: any complete frame, or 1 KiB of
   * an incomplete one. Otherwise the connection fails with `ERR_WS_PONG_TIMEOUT`. Default 30 000.
   */
  readonly timeout?: number | undefined;
}

export interface ConnectionOptions extends LimitOptions {
  /**
   * Octets that may wait before backpressure acts, for each direction: received messages that nobody
   * has read pause the transport, and `send` returns a promise that waits for the peer. A transport's
   * own high-water mark, where it is larger, stands for the sending side. Default 128 KiB.
   */
  readonly highWaterMark?: number | undefined;
  /**
   * Octets that may wait to be sent. When more do, `slowConsumer` says what happens to the next
   * message; the last one may exceed the bound. Default 16 MiB; `Infinity` is allowed.
   */
  readonly maxBufferedAmount?: number | undefined;
  /**
   * What becomes of a message for a peer that reads too slowly: `terminate` ends the connection with
   * `ERR_WS_SEND_BUFFER_FULL`, `drop` sends the message not and rejects its promise with that error.
   * Default `terminate`.
   */
  readonly slowConsumer?: 'terminate' | 'drop' | undefined;
  /**
   * Milliseconds that octets may wait to be sent without any progress; then the connection ends with
   * `ERR_WS_SEND_TIMEOUT`. What the transport buffers without asking to wait is not watched: there the
   * heartbeat notices. Default 120 000; `Infinity` waits for ever.
   */
  readonly sendTimeout?: number | undefined;
  /** Finds peers that are gone. On by default; `false` switches it off. */
  readonly heartbeat?: false | HeartbeatOptions | undefined;
  /**
   * Milliseconds the closing handshake may take before the transport is destroyed, from when the peer
   * has taken what was sent before. Default 5 000.
   */
  readonly closeTimeout?: number | undefined;
  /**
   * Compresses messages (RFC 7692) with peers that agree to it: a server accepts it, a client offers
   * it. `true` for defaults that keep no memory per connection. Default `false`. Secrets beside data
   * that an attacker can choose should be sent with `compress: false`: their size tells of them.
   */
  readonly perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  /** Where time comes from; another one in tests. */
  readonly clock?: Clock | undefined;
  /** @internal Reading ends after any end as after a clean one: what it was is told elsewhere. */
  readonly endsQuietly?: boolean | undefined;
}

export interface Heartbeat {
  readonly interval: number;
  readonly timeout: number;
}

export interface ConnectionSettings {
  readonly limits: Limits;
  readonly highWaterMark: number;
  readonly maxBufferedAmount: number;
  readonly slowConsumer: 'terminate' | 'drop';
  readonly sendTimeout: number;
  readonly heartbeat: Heartbeat | undefined;
  readonly closeTimeout: number;
  readonly perMessageDeflate: PerMessageDeflate | undefined;
  readonly clock: Clock;
  readonly endsQuietly: boolean;
}

/** The defaults filled in; a `RangeError` or `TypeError` names the option that is wrong. */
export function resolveConnectionOptions(options: ConnectionOptions): ConnectionSettings {
  const settings: ConnectionSettings = {
    limits: resolveLimits(options),
    highWaterMark: options.highWaterMark ?? 128 * 1024,
    maxBufferedAmount: options.maxBufferedAmount ?? 16 * 1024 * 1024,
    slowConsumer: options.slowConsumer ?? 'terminate',
    sendTimeout: options.sendTimeout ?? 120_000,
    heartbeat: resolveHeartbeat(options.heartbeat),
    closeTimeout: options.closeTimeout ?? 5_000,
    perMessageDeflate: resolvePerMessageDeflate(options.perMessageDeflate),
    clock: options.clock ?? systemClock,
    endsQuietly: options.endsQuietly ?? false,
  };
  const { highWaterMark, maxBufferedAmount, sendTimeout, closeTimeout, slowConsumer } = settings;
  const numbers = { highWaterMark, maxBufferedAmount, sendTimeout, closeTimeout };
  for (const [name, value] of Object.entries(numbers)) requirePositive(name, value);
  if (slowConsumer !== 'terminate' && slowConsumer !== 'drop') {
    throw invalidArgument(
      `slowConsumer must be 'terminate' or 'drop', got ${String(slowConsumer)}`,
    );
  }
  return Object.freeze(settings);
}

function resolvePerMessageDeflate(
  options: boolean | PerMessageDeflateOptions | undefined,
): PerMessageDeflate | undefined {
  if (options === undefined || options === false) return undefined;
  if (options !== true && (typeof options !== 'object' || options === null)) {
    throw invalidArgument(`perMessageDeflate must be a boolean or options, got ${String(options)}`);
  }
  return new PerMessageDeflate(options === true ? {} : options);
}

function resolveHeartbeat(options: false | HeartbeatOptions | undefined): Heartbeat | undefined {
  if (options === false) return undefined;
  const { interval = 30_000, timeout = 30_000 } = options ?? {};
  for (const [name, value] of Object.entries({ interval, timeout })) {
    requirePositive(`heartbeat.${name}`, value);
    if (value > 2 ** 31 - 1) throw outOfRange(`heartbeat.${name} is too long: ${value}`);
  }
  return { interval, timeout };
}
