/** The door for agents: who may register, for which names, and the session that follows. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, WebSocketServer, type Connection, type Decision } from 'framewire';
import { TunnelError } from '../errors.ts';
import { Budget } from '../mux/flow-control.ts';
import { MuxSession } from '../mux/session.ts';
import {
  AGENT_HEADER,
  ERROR_HEADER,
  EXCLUSIVE_HEADER,
  HOST_HEADER,
  MUX_PROTOCOL,
  NAMES_HEADER,
  parseNames,
  URLS_HEADER,
} from '../registration.ts';
import { plainAddress } from '../http/forwarded.ts';
import { AgentSession } from './agent-session.ts';
import { tell } from './observer.ts';
import type { Claim, Registry } from './registry.ts';
import type { RelaySettings } from './relay-options.ts';
import { mayClaim, type AgentToken } from './tokens.ts';

/** A session may take so much of what the process may hold. */
const SHARE_OF_SESSION = 4;

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

  constructor(registry: Registry, settings: () => RelaySettings) {
    this.#registry = registry;
    this.#settings = settings;
    const { clock, memoryBudget } = settings();
    this.#budget = new Budget(memoryBudget);
    this.#server = new WebSocketServer({
      clock,
      protocols: [MUX_PROTOCOL],
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

  /** Ends the sessions whose token is none any more. */
  review(): void {
    const { tokens } = this.#settings();
    if (tokens === undefined) return;
    for (const session of this.#registry.sessions) {
      const isGood = session.tokenHash !== undefined && tokens.has(session.tokenHash);
      if (!isGood) session.mux.close(new TunnelError('ERR_TUNNEL_BAD_TOKEN'));
    }
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  #admit(request: IncomingMessage): Admitted | TunnelError {
    if (this.isDraining) return new TunnelError('ERR_TUNNEL_DRAINING');
    const { tokens } = this.#settings();
    const shown = tokenOf(request);
    const token = shown === undefined ? undefined : tokens?.find(shown);
    if (tokens !== undefined && token === undefined) return new TunnelError('ERR_TUNNEL_BAD_TOKEN');
    const names = parseNames(field(request, NAMES_HEADER) ?? '');
    if (names === undefined)
      return new TunnelError('ERR_TUNNEL_BAD_REQUEST', 'it asks for no name');
    const barred = token && names.find((name) => !mayClaim(token, name));
    if (barred !== undefined) return new TunnelError('ERR_TUNNEL_NAME_NOT_ALLOWED', barred);
    const claim: Claim = {
      agent: (field(request, AGENT_HEADER) ?? '').slice(0, 64),
      names,
      exclusive: field(request, EXCLUSIVE_HEADER) === '1',
      host: field(request, HOST_HEADER),
    };
    return this.#registry.refusal(claim) ?? { claim, token };
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
    const { maxStreams, liveness, memoryBudget, clock, observer } = this.#settings();
    // Two may have asked for a name in the same moment.
    const late = this.#registry.refusal(claim);
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
      onGoAway: () => session.requests.dropIdle(),
      budget: new Budget(memoryBudget / SHARE_OF_SESSION, this.#budget),
    });
    const address = plainAddress(connection.remoteAddress);
    const session = new AgentSession(claim, mux, address, maxStreams, token?.hash.toLowerCase());
    this.#registry.add(session);
    const told = { agent: claim.agent, names: claim.names, address, token: token?.id };
    tell(observer.onAgent, { kind: 'connected', ...told, error: undefined });
    const expiry = token?.expires === undefined ? undefined : this.#watch(token.expires);
    void mux.closed.then((error) => {
      expiry?.cancel();
      session.requests.dropIdle();
      this.#registry.remove(session, clock.now());
      tell(this.#settings().observer.onAgent, { kind: 'gone', ...told, error });
    });
  }

  #watch(expires: number): { cancel(): void } {
    const { clock } = this.#settings();
    return clock.setTimer(Math.max(0, expires - Date.now()) + 1, () => this.review());
  }

  #tellRefusal(request: IncomingMessage, error: TunnelError): void {
    tell(this.#settings().observer.onAgent, {
      kind: 'refused',
      agent: field(request, AGENT_HEADER),
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
