/** The options of the relay of wsp, resolved once. */
import { type Clock, type ServerOptions, systemClock } from 'framewire';
import { invalidArgument, type TunnelError } from '../errors.ts';
import { requireCount, requireDelay } from './checks.ts';
import { Rules, type RuleOptions } from './rules.ts';
import { Secrets } from './secret.ts';

export interface WspRelayOptions extends RuleOptions {
  /**
   * What agents send in X-SECRET-KEY; one of several, while they are rotated. Others get 526. Without
   * it, or where it is empty, nobody can register (403), unless `openRegistration` says so.
   */
  readonly secretKey?: string | readonly string[] | undefined;
  /** Agents need no secret: whoever reaches the port may be one. Not with `secretKey`. Default `false`. */
  readonly openRegistration?: boolean | undefined;
  /**
   * What callers of /request send as `Proxy-Authorization: Bearer …`, or as `Authorization: Bearer …`,
   * which is then not passed on; one of several. Others get 401. Without it, or where it is empty,
   * nobody can call /request (403), not even from this machine, unless `openRequests` says so.
   */
  readonly requestToken?: string | readonly string[] | undefined;
  /**
   * Callers of /request need no token: whoever reaches the port has what the agents reach, as with
   * wsp. Not with `requestToken`. Default `false`.
   */
  readonly openRequests?: boolean | undefined;
  /**
   * Milliseconds a caller waits for an idle connection; then 526. 0 or less does not wait. Default
   * 1 000.
   */
  readonly timeout?: number | undefined;
  /** Callers that may wait for a connection; more get 526 at once. Default 1 000. */
  readonly maxWaiting?: number | undefined;
  /**
   * Milliseconds after which an idle connection that is more than its agent asked for is closed.
   * Looked at every 5 seconds. Default 60 000.
   */
  readonly idleTimeout?: number | undefined;
  /** Milliseconds an agent has for its greeting; then its connection is cut. Default 10 000. */
  readonly greetingTimeout?: number | undefined;
  /** Octets the head of an answer may have, as JSON; more is 526. Default 256 KiB. */
  readonly maxHeadSize?: number | undefined;
  /** Milliseconds from the end of a request to the head of its answer; then 526. Default 120 000. */
  readonly firstByteTimeout?: number | undefined;
  /**
   * Milliseconds a body may stand still, in either direction and whoever holds it up; then both sides
   * are cut off. Default 120 000.
   */
  readonly bodyIdleTimeout?: number | undefined;
  /** Octets the body of a request may have; more is 413. Default `Infinity`. */
  readonly maxBodySize?: number | undefined;
  /**
   * Milliseconds a caller has to send the rest of a request that was answered before its end; then it
   * is cut off. Default 5 000.
   */
  readonly lingerTimeout?: number | undefined;
  /** Connections of all agents; more get 503. Default 10 000. */
  readonly maxConnections?: number | undefined;
  /** Milliseconds between Pings to an agent, which keep its connection open. Default 30 000. */
  readonly pingInterval?: number | undefined;
  /** Milliseconds an idle agent has for a Pong before its connection is cut. Default 30 000. */
  readonly pingTimeout?: number | undefined;
  /**
   * Sets X-Forwarded-For, -Host and -Proto, in place of what the caller sent under these names.
   * `false` passes on what the caller sent. Default `true`.
   */
  readonly forwarded?: boolean | undefined;
  /** Which pages may register (RFC 6455 §10.2); an agent is no page. Default `same`. */
  readonly origins?: ServerOptions['origins'];
  readonly clock?: Clock | undefined;
  /**
   * Told when the first connection of an agent is there, and when the last one is gone, which is
   * noticed within 5 seconds: one that comes back at once was never away.
   */
  readonly onAgent?: ((event: WspAgentEvent) => void) | undefined;
  /** Told of every connection of an agent that was refused, or did not end well. */
  readonly onConnectionError?: ((error: Error) => void) | undefined;
  /** Told of every request to /request, when it is over. */
  readonly onRequest?: ((outcome: WspRequestOutcome) => void) | undefined;
}

export interface WspAgentEvent {
  readonly id: string;
  readonly state: 'joined' | 'left';
}

export interface WspRequestOutcome {
  readonly method: string;
  /** As it was asked for; undefined where it was no URL. */
  readonly destination: string | undefined;
  /** The agent that took it, if one did. */
  readonly agent: string | undefined;
  /** What the caller was answered with; undefined where it left before. */
  readonly status: number | undefined;
  readonly error: TunnelError | undefined;
  /** Octets of both bodies. */
  readonly requestOctets: number;
  readonly responseOctets: number;
  readonly milliseconds: number;
}

/** One pool: the connections that agents of one id have. */
export interface WspPoolStatus {
  readonly id: string;
  /** Idle connections the last greeting asked for. */
  readonly size: number;
  readonly idle: number;
  readonly busy: number;
}

export interface RelaySettings {
  readonly secrets: Secrets;
  readonly openRegistration: boolean;
  readonly tokens: Secrets;
  readonly openRequests: boolean;
  readonly rules: Rules;
  readonly timeout: number;
  readonly maxWaiting: number;
  readonly idleTimeout: number;
  readonly greetingTimeout: number;
  readonly maxHeadSize: number;
  readonly firstByteTimeout: number;
  readonly bodyIdleTimeout: number;
  readonly maxBodySize: number;
  readonly lingerTimeout: number;
  readonly maxConnections: number;
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly forwarded: boolean;
  readonly origins: ServerOptions['origins'];
  readonly clock: Clock;
  readonly onAgent: WspRelayOptions['onAgent'];
  readonly onConnectionError: WspRelayOptions['onConnectionError'];
  readonly onRequest: WspRelayOptions['onRequest'];
}

/** The defaults filled in; a `TypeError` names the option that is wrong. */
export function resolveRelayOptions(options: WspRelayOptions): RelaySettings {
  const delay = (name: keyof WspRelayOptions, otherwise: number): number =>
    requireDelay(name, options[name] ?? otherwise);
  const { openRegistration = false, openRequests = false } = options;
  const secrets = new Secrets(options.secretKey, 'secretKey');
  const tokens = new Secrets(options.requestToken, 'requestToken');
  if (openRegistration && !secrets.isEmpty) {
    throw invalidArgument('openRegistration and secretKey exclude each other');
  }
  if (openRequests && !tokens.isEmpty) {
    throw invalidArgument('openRequests and requestToken exclude each other');
  }
  return Object.freeze({
    secrets,
    openRegistration,
    tokens,
    openRequests,
    rules: new Rules(options),
    timeout: requireDelay('timeout', options.timeout ?? 1_000, -Infinity),
    maxWaiting: requireCount('maxWaiting', options.maxWaiting ?? 1_000, 0),
    idleTimeout: requireDelay('idleTimeout', options.idleTimeout ?? 60_000, 0),
    greetingTimeout: delay('greetingTimeout', 10_000),
    maxHeadSize: requireCount('maxHeadSize', options.maxHeadSize ?? 256 * 1024, 1),
    firstByteTimeout: delay('firstByteTimeout', 120_000),
    bodyIdleTimeout: delay('bodyIdleTimeout', 120_000),
    maxBodySize: requireCount('maxBodySize', options.maxBodySize ?? Infinity, 0),
    lingerTimeout: delay('lingerTimeout', 5_000),
    maxConnections: requireCount('maxConnections', options.maxConnections ?? 10_000, 1),
    pingInterval: delay('pingInterval', 30_000),
    pingTimeout: delay('pingTimeout', 30_000),
    forwarded: options.forwarded ?? true,
    origins: options.origins,
    clock: options.clock ?? systemClock,
    onAgent: options.onAgent,
    onConnectionError: options.onConnectionError,
    onRequest: options.onRequest,
  });
}
