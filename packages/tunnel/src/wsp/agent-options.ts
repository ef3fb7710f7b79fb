/** The options of an agent of wsp, resolved once. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { NetConnectOpts } from 'node:net';
import { randomUUID } from 'node:crypto';
import { type Clock, type ConnectOptions, systemClock } from 'framewire';
import { invalidArgument, type TunnelError } from '../errors.ts';
import { TargetSocket } from '../target-socket.ts';
import { requireCount, requireDelay } from './checks.ts';
import { Rules, type RuleOptions } from './rules.ts';
import { isAgentId, MOST_IDLE } from './wire.ts';

/** How the WebSocket is dialled; what the protocol decides is left out. */
export type WspDialOptions = Omit<
  ConnectOptions,
  | 'clock'
  | 'handler'
  | 'heartbeat'
  | 'perMessageDeflate'
  | 'protocols'
  | 'sendTimeout'
  | 'signal'
  | 'transport'
>;

export interface WspAgentOptions extends RuleOptions {
  /** Where relays listen for agents, such as `ws://127.0.0.1:8080/register`; all are served at once. */
  readonly targets: string | readonly string[];
  /** By which a relay knows the agent: visible ASCII without `_`. Default: a random UUID. */
  readonly id?: string | undefined;
  /** Idle connections to keep at each relay, 10 000 at most. Default 10. */
  readonly poolIdleSize?: number | undefined;
  /** Connections to each relay at most; so many requests run at a time. Default 100. */
  readonly poolMaxSize?: number | undefined;
  /** Sent as X-SECRET-KEY. Default: empty. */
  readonly secretKey?: string | undefined;
  /**
   * Follows up to 10 redirects where they need no body again; each is held against the rules first,
   * and another origin gets no Authorization and no Cookie. Default `false`: a redirect is an answer.
   */
  readonly followRedirects?: boolean | undefined;
  /**
   * Lets destinations be link-local too, where clouds have their metadata, or at another address that
   * is of no host. Without it they are a 527, whatever a whitelist says, under any name, and after a
   * redirect. Default `false`.
   */
  readonly allowLinkLocal?: boolean | undefined;
  /** Milliseconds a destination has to connect; then 527. Default 10 000. */
  readonly connectTimeout?: number | undefined;
  /** Milliseconds from the end of a request to the head of its answer; then 527. Default 120 000. */
  readonly firstByteTimeout?: number | undefined;
  /**
   * Milliseconds a body may stand still, in either direction and whoever holds it up; then both sides
   * are cut off. Default 120 000.
   */
  readonly bodyIdleTimeout?: number | undefined;
  /** Octets the head of a request may have, as JSON; more ends the connection. Default 256 KiB. */
  readonly maxHeadSize?: number | undefined;
  /** Milliseconds between Pings to a relay, which keep the connection open. Default 30 000. */
  readonly pingInterval?: number | undefined;
  /** Milliseconds a relay has for a Pong to an idle connection before it is cut. Default 30 000. */
  readonly pingTimeout?: number | undefined;
  /** Milliseconds the first wait after a failed dial takes at most, half of it at least. Default 1 000. */
  readonly minDelay?: number | undefined;
  /** Milliseconds that no wait exceeds: each is up to twice as long as the one before. Default 30 000. */
  readonly maxDelay?: number | undefined;
  /** Certificates, a proxy, further headers and the like, for the connections to relays. */
  readonly connect?: WspDialOptions | undefined;
  /**
   * What destinations are dialled with, such as one that knows a certificate. Default: one that knows
   * no proxy, whatever the environment says, and keeps connections for requests that can be sent again. One that looks names up by itself, by its option `lookup`
   * or without Node's sockets, has to judge addresses by itself too (`allowLinkLocal`).
   */
  readonly httpAgent?: HttpAgent | undefined;
  readonly httpsAgent?: HttpsAgent | undefined;
  readonly clock?: Clock | undefined;
  /** Told when a connection to a relay opens or ends. */
  readonly onConnection?: ((event: WspConnectionEvent) => void) | undefined;
  /** Told of every request, when it is over. */
  readonly onRequest?: ((outcome: WspAgentOutcome) => void) | undefined;
}

export interface WspConnectionEvent {
  readonly target: string;
  readonly state: 'open' | 'closed' | 'refused';
  /** Why it was refused, or what ended it where it did not end well. */
  readonly error: Error | undefined;
}

export interface WspAgentOutcome {
  readonly method: string;
  readonly url: string;
  /** What was answered: the destination's status, or 527. Undefined where nothing was. */
  readonly status: number | undefined;
  readonly error: Error | undefined;
  readonly requestOctets: number;
  readonly responseOctets: number;
  readonly milliseconds: number;
}

export interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

export interface AgentSettings {
  readonly targets: readonly string[];
  readonly id: string;
  readonly poolIdleSize: number;
  readonly poolMaxSize: number;
  readonly secretKey: string;
  readonly followRedirects: boolean;
  readonly allowLinkLocal: boolean;
  readonly rules: Rules;
  readonly connectTimeout: number;
  readonly firstByteTimeout: number;
  readonly bodyIdleTimeout: number;
  readonly maxHeadSize: number;
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly minDelay: number;
  readonly maxDelay: number;
  readonly connect: WspDialOptions;
  readonly httpAgent: HttpAgent | undefined;
  readonly httpsAgent: HttpsAgent | undefined;
  /** Where no others are given: for requests that can be sent again, whose connections are kept … */
  readonly keepAlive: Agents;
  /** … and for those that cannot. */
  readonly single: Agents;
  readonly clock: Clock;
  readonly onConnection: WspAgentOptions['onConnection'];
  readonly onRequest: WspAgentOptions['onRequest'];
}

/** The defaults filled in; a `TypeError` names the option that is wrong. */
export function resolveAgentOptions(options: WspAgentOptions): AgentSettings {
  const delay = (name: keyof WspAgentOptions, otherwise: number): number =>
    requireDelay(name, options[name] ?? otherwise);
  const { id = randomUUID(), secretKey = '', poolMaxSize = 100, maxHeadSize } = options;
  if (typeof id !== 'string' || !isAgentId(id)) {
    throw invalidArgument(`id must be visible ASCII without '_', got ${JSON.stringify(id)}`);
  }
  if (typeof secretKey !== 'string') throw invalidArgument('secretKey must be a string');
  const minDelay = delay('minDelay', 1_000);
  return Object.freeze({
    targets: resolveTargets(options.targets),
    id,
    poolIdleSize: requireCount('poolIdleSize', options.poolIdleSize ?? 10, 0, MOST_IDLE),
    poolMaxSize: requireCount('poolMaxSize', poolMaxSize, 1),
    secretKey,
    followRedirects: options.followRedirects ?? false,
    allowLinkLocal: options.allowLinkLocal ?? false,
    rules: new Rules(options),
    connectTimeout: delay('connectTimeout', 10_000),
    firstByteTimeout: delay('firstByteTimeout', 120_000),
    bodyIdleTimeout: delay('bodyIdleTimeout', 120_000),
    maxHeadSize: requireCount('maxHeadSize', maxHeadSize ?? 256 * 1024, 1),
    pingInterval: delay('pingInterval', 30_000),
    pingTimeout: delay('pingTimeout', 30_000),
    minDelay,
    maxDelay: Math.max(minDelay, delay('maxDelay', 30_000)),
    connect: options.connect ?? {},
    httpAgent: options.httpAgent,
    httpsAgent: options.httpsAgent,
    keepAlive: createAgents(true),
    single: createAgents(false),
    clock: options.clock ?? systemClock,
    onConnection: options.onConnection,
    onRequest: options.onRequest,
  });
}

function createAgents(keepAlive: boolean): Agents {
  const http = new HttpAgent({ keepAlive });
  // As Node's own, but for what it makes.
  http.createConnection = (options: NetConnectOpts) => new TargetSocket(options).connect(options);
  return { http, https: new HttpsAgent({ keepAlive }) };
}

function resolveTargets(targets: string | readonly string[]): readonly string[] {
  const list = typeof targets === 'string' ? [targets] : targets;
  if (!Array.isArray(list) || list.length === 0) throw invalidArgument('targets is empty');
  for (const target of list as readonly unknown[]) {
    const url = typeof target === 'string' && URL.canParse(target) ? new URL(target) : undefined;
    if (url === undefined || !['ws:', 'wss:'].includes(url.protocol)) {
      throw invalidArgument('targets must be URLs that begin with ws: or wss:');
    }
  }
  return list as readonly string[];
}

/** Why a request was not executed, in Go's words. */
export interface Refused {
  readonly text: string;
  readonly error: TunnelError;
}
