/** A reverse HTTP proxy over WebSocket. This page is the table of contents. */

// The private side.
export { openTunnel } from './agent/open-tunnel.ts';
export type { RelayDialOptions, Tunnel, TunnelOptions, TunnelStatus } from './agent/open-tunnel.ts';
export type { OnlookedServer, Onlooker, OnlookerOfOne } from './agent/onlooker.ts';
export type { TargetRule, TargetRules } from './agent/target-rules.ts';
export type { DialTargetOptions, FetchHandler, TargetOption } from './agent/target.ts';

export { Inspector, type InspectorOptions } from './inspector/inspector.ts';
export type { InspectorServer, ServeInspectorOptions } from './inspector/server.ts';

// The public side.
export { TunnelRelay } from './relay/relay.ts';
export type { RelayServer, TunnelInfo } from './relay/relay.ts';
export type { RelayOptions } from './relay/relay-options.ts';
export type { AgentEvent, RelayObserver, RequestEvent } from './relay/observer.ts';
export type { PathRule, RoutingOptions } from './relay/routing.ts';
export { createToken, hashToken, type AgentToken } from './relay/tokens.ts';
export { hashPassword } from './relay/password.ts';
export type { AccessPolicy } from './relay/access.ts';
export type { RateLimitOptions } from './relay/rate-limit.ts';
export type { AnswerHead, ForwardHooks, ForwardLimits, ForwardOutcome } from './http/forward.ts';

// The protocol of wsp.
export { WspRelay } from './wsp/wsp-relay.ts';
export type {
  WspAgentEvent,
  WspPoolStatus,
  WspRelayOptions,
  WspRequestOutcome,
} from './wsp/relay-options.ts';
export { openWspAgent, type WspAgent } from './wsp/wsp-agent.ts';
export type {
  WspAgentOptions,
  WspAgentOutcome,
  WspConnectionEvent,
  WspDialOptions,
} from './wsp/agent-options.ts';
export type { WspAgentPoolStatus } from './wsp/agent-pool.ts';
export type { RuleOptions, WspRule } from './wsp/rules.ts';
export { readWspAgentConfig, readWspRelayConfig } from './wsp/config.ts';
export type {
  WspConfig,
  WspConfigProblem,
  WspRelayConfig,
  WspRequestAccess,
} from './wsp/config.ts';

// The multiplexer between them: yamux over binary messages.
export { MuxSession, type MuxSessionOptions } from './mux/session.ts';
export type { MuxStream } from './mux/stream.ts';
export { Budget } from './mux/flow-control.ts';
export { GoAwayCode } from './mux/frame.ts';

export { TUNNEL_ERROR_CODES, TunnelError, type TunnelErrorCode } from './errors.ts';
