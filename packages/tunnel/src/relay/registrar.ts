/** The door for agents: who may register, for which names, and the session that follows. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, WebSocketServer, type Connection, type Decision, type Timer } from 'framewire';
import { TunnelError } from '../errors.ts';
import { Budget } from '../mux/flow-control.ts';
import { MuxSession } from '../mux/session.ts';
import {
  AGENT_HEADER,
  ERROR_HEADER,
  EXCLUSIVE_HEADER,
  HOST_HEADER,
  MAX_MESSAGE_SIZE,
  MUX_PROTOCOL,
  NAMES_HEADER,
  parseNames,
  STREAMS_HEADER,
  URLS_HEADER,
} from '../registration.ts';
import { tell } from '../tell.ts';
import { plainAddress } from '../http/forwarded.ts';
import { hasCertificate } from '../http/request-facts.ts';
import { AgentSession } from './agent-session.ts';
import { parseAuthority } from './host.ts';
import { labelOf } from './observer.ts';
import type { Claim, Registry } from './registry.ts';
import type { RelaySettings } from './relay-options.ts';
import { mayClaim, type AgentToken } from './tokens.ts';

/** A session may take so much of what the process may hold. */
const SHARE_OF_SESSION = 4;

/** Connections of agents at a time with tokens of one id, or of one agent where none is asked for. */
const MOST_SESSIONS = 100;

/** Milliseconds: timers of Node are not longer than 24 days. */
const LONGEST_WATCH = 24 * 60 * 60_000;

interface Admitted {
  readonly claim: Claim;
  readonly token: AgentToken | undefined;
}

export class Registrar {
  readonly #registry: Registry;
  readonly #settings: () => RelaySettings;
  readonly #server: WebSocketServer;
  readonly #budget: Budget;
  isDraining = false;
  /** Milliseconds since 1970, and the timer for it: when the first token of a session expires. */
  #nextExpiry = Infinity;
  #expiry: Timer | undefined;

  constructor(registry: Registry, settings: () => RelaySettings) {
    this.#registry = registry;
    this.#settings = settings;
    const { clock, memoryBudget } = settings();
    this.#budget = new Budget(memoryBudget);
    this.#server = new WebSocketServer({
      clock,
      protocols: [MUX_PROTOCOL],
      maxMessageSize: MAX_MESSAGE_SIZE,
      // The session has pings of its own, which go both ways and find a process that hangs too.
      heartbeat: false,
    });
  }

  /** Answers the upgrade of an agent. */
  register(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const admitted = this.#admit(request);
    if (admitted instanceof TunnelError) this.#tellRefusal(request, admitted);
    const decision =
      admitted instanceof TunnelError ? refusal(admitted) : this.#accept(request, admitted);
    this.#server.upgrade(request, socket, head, decision).then(
      (connection) => {
        if (!(admitted instanceof TunnelError)) this.#open(connection, admitted, request);
      },
      // The agent has been told, and so has the observer.
      () => {},
    );
  }

  /** Ends the sessions whose token is none any more, or another's, or does not allow their names. */
  review(): void {
    this.#expiry?.cancel();
    this.#expiry = undefined;
    this.#nextExpiry = Infinity;
    const { tokens } = this.#settings();
    if (tokens === undefined) return;
    for (const { tokenHash = '', claim, mux } of this.#registry.sessions) {
      const token = tokens.get(tokenHash);
      const isOwner = token !== undefined && ownerOf(token, claim.agent) === claim.owner;
      const error = isOwner ? barred(token, claim.names) : new TunnelError('ERR_TUNNEL_BAD_TOKEN');
      if (error !== undefined) mux.close(error);
      else this.#watch(token?.expires);
    }
  }

  async close(): Promise<void> {
    this.#expiry?.cancel();
    await this.#server.close();
  }

  #admit(request: IncomingMessage): Admitted | TunnelError {
    if (this.isDraining) return new TunnelError('ERR_TUNNEL_DRAINING');
    const { tokens, requiresCertificate } = this.#settings();
    if (requiresCertificate && !hasCertificate(request)) {
      return new TunnelError('ERR_TUNNEL_BAD_CERTIFICATE');
    }
    const shown = tokenOf(request);
    const token = shown === undefined ? undefined : tokens?.find(shown);
    if (tokens !== undefined && token === undefined) return new TunnelError('ERR_TUNNEL_BAD_TOKEN');
    const names = parseNames(field(request, NAMES_HEADER) ?? '');
    if (names === undefined)
      return new TunnelError('ERR_TUNNEL_BAD_REQUEST', 'it asks for no name');
    const claim = claimOf(request, names, token);
    if (claim instanceof TunnelError) return claim;
    return (token && barred(token, names)) ?? this.#refusal(claim, token) ?? { claim, token };
  }

  #refusal(claim: Claim, token: AgentToken | undefined): TunnelError | undefined {
    const { maxSessions } = this.#settings();
    const { maxSessions: most = MOST_SESSIONS } = token ?? {};
    if (this.#registry.count() >= maxSessions || this.#registry.count(claim.owner) >= most) {
      return new TunnelError('ERR_TUNNEL_BUSY', 'there are too many connections of agents');
    }
    return this.#registry.refusal(claim);
  }

  #accept(request: IncomingMessage, { claim }: Admitted): Decision {
    const urls = claim.names.flatMap((name) => this.#urlsOf(name, request));
    const headers = urls.length === 0 ? {} : { [URLS_HEADER]: urls.join(', ') };
    return { accept: true, protocol: MUX_PROTOCOL, headers };
  }

  #urlsOf(name: string, request: IncomingMessage): string[] {
    const { domains, publicUrl } = this.#settings();
    const isSecure = 'encrypted' in request.socket;
    const scheme = publicUrl?.protocol ?? (isSecure ? 'https:' : 'http:');
    const port = publicUrl === undefined ? portOf(request) : publicUrl.port;
    const authority = port === '' ? '' : `:${port}`;
    return domains.map((domain) => `${scheme}//${name}.${domain}${authority}/`);
  }

  #open(
    connection: Connection<undefined>,
    { claim, token }: Admitted,
    request: IncomingMessage,
  ): void {
    const { liveness, memoryBudget, clock, observer } = this.#settings();
    const maxStreams = Math.min(this.#settings().maxStreams, streamsOf(request));
    // Two may have asked for a name in the same moment.
    const late = this.#refusal(claim, token);
    if (late !== undefined) {
      this.#tellRefusal(request, late);
      void connection.close(CloseCode.policyViolation, late.code);
      return;
    }
    const mux = new MuxSession(connection, {
      role: 'server',
      ...liveness,
      maxStreams,
      clock,
      // Streams that only wait for a request would hold it up.
      onGoAway: () => session.connections.dropIdle(),
      budget: new Budget(memoryBudget / SHARE_OF_SESSION, this.#budget),
    });
    const session = new AgentSession({
      claim,
      mux,
      maxStreams,
      tokenHash: token?.hash.toLowerCase(),
      clock,
    });
    this.#registry.add(session);
    const address = plainAddress(connection.remoteAddress);
    const told = { agent: labelOf(claim), names: claim.names, address, token: token?.id };
    tell(observer.onAgent, { kind: 'connected', ...told, error: undefined });
    this.#watch(token?.expires);
    void mux.closed.then((error) => {
      session.connections.dropIdle();
      this.#registry.remove(session, clock.now());
      tell(this.#settings().observer.onAgent, { kind: 'gone', ...told, error });
    });
  }

  #watch(expires: number = Infinity): void {
    if (expires >= this.#nextExpiry) return;
    this.#nextExpiry = expires;
    this.#expiry?.cancel();
    const left = Math.min(Math.max(0, expires - Date.now()) + 1, LONGEST_WATCH);
    this.#expiry = this.#settings().clock.setTimer(left, () => this.review());
  }

  #tellRefusal(request: IncomingMessage, error: TunnelError): void {
    tell(this.#settings().observer.onAgent, {
      kind: 'refused',
      agent: labelOf({ agent: field(request, AGENT_HEADER) ?? '' }),
      names: parseNames(field(request, NAMES_HEADER) ?? '') ?? [],
      address: plainAddress(request.socket.remoteAddress),
      token: undefined,
      error,
    });
  }
}

/** Whether an upgrade is that of an agent: wherever it is sent, nobody else offers this. */
export function isRegistration({ headers }: IncomingMessage): boolean {
  const offered = headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((protocol) => protocol.trim() === MUX_PROTOCOL);
}

function field({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return typeof value === 'string' ? value : undefined;
}

function claimOf(
  request: IncomingMessage,
  names: readonly string[],
  token: AgentToken | undefined,
): Claim | TunnelError {
  const agent = field(request, AGENT_HEADER)?.slice(0, 64) ?? '';
  if (agent === '') return new TunnelError('ERR_TUNNEL_BAD_REQUEST', 'it does not say who it is');
  const host = field(request, HOST_HEADER);
  if (host !== undefined && parseAuthority(host) === undefined) {
    return new TunnelError('ERR_TUNNEL_BAD_REQUEST', `${HOST_HEADER} is no host`);
  }
  const owner = ownerOf(token, agent);
  const exclusive = field(request, EXCLUSIVE_HEADER) === '1';
  return { agent, owner, names, exclusive, host };
}

function ownerOf(token: AgentToken | undefined, agent: string): string {
  return token === undefined ? `agent:${agent}` : `token:${token.id}`;
}

function barred(token: AgentToken, names: readonly string[]): TunnelError | undefined {
  const name = names.find((claimed) => !mayClaim(token, claimed));
  return name === undefined ? undefined : new TunnelError('ERR_TUNNEL_NAME_NOT_ALLOWED', name);
}

/** What the agent takes at a time, if it says so. */
function streamsOf(request: IncomingMessage): number {
  const said = Math.floor(Number(field(request, STREAMS_HEADER)));
  return said > 0 ? said : Infinity;
}

/** RFC 6750 §2.1; or in the header of wsp. */
function tokenOf(request: IncomingMessage): string | undefined {
  const { authorization } = request.headers;
  const bearer = authorization === undefined ? null : /^Bearer +(\S+)$/iu.exec(authorization);
  return bearer?.[1] ?? field(request, 'X-SECRET-KEY');
}

function portOf({ headers }: IncomingMessage): string {
  return /:(\d+)$/u.exec(headers.host ?? '')?.[1] ?? '';
}

function refusal(error: TunnelError): Decision {
  return {
    accept: false,
    status: error.status,
    headers: { [ERROR_HEADER]: error.code },
    body: `${error.message}\n`,
  };
}
