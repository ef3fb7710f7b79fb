/** The options of a relay, resolved at once: a reload replaces all of them or none. */
import { type Clock, systemClock } from 'framewire';
import { invalidArgument } from '../errors.ts';
import { DEFAULT_FORWARD_LIMITS, requireLimits, type ForwardLimits } from '../http/forward.ts';
import type { LivenessOptions } from '../registration.ts';
import type { WspRelayOptions } from '../wsp/relay-options.ts';
import { Access, requirePolicyName, type AccessPolicy } from './access.ts';
import { IpList } from './ip-list.ts';
import type { RelayObserver } from './observer.ts';
import { PasswordVerifier } from './password-verifier.ts';
import { RateLimit, type RateLimitOptions } from './rate-limit.ts';
import { createRouter, type Router, type RoutingOptions } from './routing.ts';
import { TokenRegistry, type AgentToken } from './tokens.ts';

export interface RelayOptions extends RoutingOptions, LivenessOptions {
  /** What agents show. Without it nobody can register, unless `openRegistration` says so. */
  readonly tokens?: readonly AgentToken[] | undefined;
  /** Agents need no token, and may have any name that nobody else has. Default false. */
  readonly openRegistration?: boolean | undefined;
  /**
   * Agents have to show a certificate too, which the server has verified: one of `node:https` with
   * `requestCert: true`, `rejectUnauthorized: false` and `ca`. Default false.
   */
  readonly requiresCertificate?: boolean | undefined;
  /** Who may call a name; `*` is for names without a policy of their own. Default: anybody. */
  readonly access?: Readonly<Record<string, AccessPolicy>> | undefined;
  /** How often, and by how many at a time, each name may be called. */
  readonly rateLimit?: Omit<RateLimitOptions, 'clock'> | undefined;
  /** Times, and the size of a body, for each request. */
  readonly limits?: Partial<ForwardLimits> | undefined;
  /** Streams at a time on each connection of an agent; more requests are refused. Default 1 000. */
  readonly maxStreams?: number | undefined;
  /**
   * Connections of agents at a time, in all; more are refused with 503 (`ERR_TUNNEL_BUSY`), which agents
   * try again. Default 10 000.
   */
  readonly maxSessions?: number | undefined;
  /**
   * Octets that all streams of the process may hold unread above the first 256 KiB of each, of which each
   * connection of an agent may have a quarter. Default 256 MiB.
   */
  readonly memoryBudget?: number | undefined;
  /** Addresses and ranges of proxies in front, whose `X-Forwarded-*` are believed. Default: none. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Whether `Forwarded` (RFC 7239) is sent beside `X-Forwarded-*`. Default false. */
  readonly sendsForwarded?: boolean | undefined;
  /**
   * How the world reaches the relay, such as `https://example.com`: for the addresses that agents are
   * told. Default: as the agent has asked for it.
   */
  readonly publicUrl?: string | undefined;
  /** The protocol of wsp beside the native one. Default: not spoken. */
  readonly wsp?: WspRelayOptions | false | undefined;
  /** Told what happens: for logs and metrics. */
  readonly observer?: RelayObserver | undefined;
  readonly clock?: Clock | undefined;
}

export interface RelaySettings {
  readonly router: Router;
  readonly domains: readonly string[];
  readonly tokens: TokenRegistry | undefined;
  readonly requiresCertificate: boolean;
  readonly accessOf: (name: string) => Access | undefined;
  readonly rateLimit: RateLimit;
  readonly limits: ForwardLimits;
  readonly maxStreams: number;
  readonly maxSessions: number;
  readonly liveness: LivenessOptions;
  readonly memoryBudget: number;
  readonly trustedProxies: IpList;
  readonly sendsForwarded: boolean;
  readonly publicUrl: URL | undefined;
  readonly observer: RelayObserver;
  readonly clock: Clock;
}

/** Throws a `TypeError` that names the option that is wrong. */
export function resolveRelayOptions(options: RelayOptions): RelaySettings {
  const { clock = systemClock, tokens, openRegistration = false, access = {} } = options;
  const { maxStreams = 1000, maxSessions = 10_000, memoryBudget = 256 * 1024 * 1024 } = options;
  for (const [name, value] of Object.entries({ maxStreams, maxSessions, memoryBudget })) {
    if (!(value > 0)) throw invalidArgument(`${name} must be a number above 0, got ${value}`);
  }
  if (openRegistration && tokens !== undefined) {
    throw invalidArgument('openRegistration and tokens exclude each other');
  }
  const verifier = new PasswordVerifier(clock);
  const policies = new Map(
    Object.entries(access).map(([name, policy]) => [
      requirePolicyName(name),
      new Access(policy, verifier),
    ]),
  );
  return {
    router: createRouter(options),
    domains: options.domains ?? [],
    tokens: openRegistration ? undefined : new TokenRegistry(tokens ?? []),
    requiresCertificate: options.requiresCertificate ?? false,
    accessOf: (name) => policies.get(name) ?? policies.get('*'),
    rateLimit: new RateLimit({ ...options.rateLimit, clock }),
    limits: requireLimits({ ...DEFAULT_FORWARD_LIMITS, ...options.limits }),
    maxStreams,
    maxSessions,
    liveness: { pingInterval: options.pingInterval, pingTimeout: options.pingTimeout },
    memoryBudget,
    trustedProxies: new IpList('trustedProxies', options.trustedProxies ?? []),
    sendsForwarded: options.sendsForwarded ?? false,
    publicUrl: options.publicUrl === undefined ? undefined : toUrl(options.publicUrl),
    observer: options.observer ?? {},
    clock,
  };
}

function toUrl(text: string): URL {
  try {
    return new URL(text);
  } catch (cause) {
    throw Object.assign(invalidArgument(`publicUrl is no URL: ${text}`), { cause });
  }
}
