/** What a relay tells of itself: facts, from which logs and metrics are made. No secret is among them. */
import type { TunnelError } from '../errors.ts';
import type { ForwardOutcome } from '../http/forward.ts';
import type { Claim } from './registry.ts';

export interface AgentEvent {
  readonly kind: 'connected' | 'refused' | 'gone';
  /** The beginning of what the agent calls itself: the same on all its connections. */
  readonly agent: string | undefined;
  readonly names: readonly string[];
  readonly address: string | undefined;
  /** The id of the token it has shown. */
  readonly token: string | undefined;
  /** Why it was refused, or has gone; undefined for a connection that was closed in order. */
  readonly error: Error | undefined;
}

export interface RequestEvent {
  /** The name that was asked for; undefined where nothing has that name. */
  readonly name: string | undefined;
  readonly agent: string | undefined;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly httpVersion: string;
  readonly isUpgrade: boolean;
  /** Of the caller, as far as the proxies in front are believed. */
  readonly address: string | undefined;
  /** Who showed a password, where one was asked for. */
  readonly user: string | undefined;
  readonly userAgent: string | undefined;
  /** Status, octets, times and the error, if any. */
  readonly outcome: ForwardOutcome;
}

/** What the functions throw is a warning of the process, and changes nothing. */
export interface RelayObserver {
  readonly onAgent?: ((event: AgentEvent) => void) | undefined;
  readonly onRequest?: ((event: RequestEvent) => void) | undefined;
  /** A TCP connection, or another stream that is no HTTP. */
  readonly onStream?:
    | ((event: { readonly name: string; readonly error: TunnelError | undefined }) => void)
    | undefined;
}

/** An agent as it is told of: enough to tell agents apart, not to pass for one. */
export function labelOf({ agent }: Pick<Claim, 'agent'>): string {
  return agent.slice(0, 8);
}
