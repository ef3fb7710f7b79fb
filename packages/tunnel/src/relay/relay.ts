/** The public side: callers ask for a name, and one of the agents that serve it answers. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Http2SecureServer } from 'node:http2';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TunnelError } from '../errors.ts';
import { answerError, answerUpgradeError, type AnswerErrorOptions } from '../http/answer-error.ts';
import type { CallerRequest, CallerResponse } from '../http/caller.ts';
import { forwardRequest } from '../http/forward-request.ts';
import { forwardUpgrade } from '../http/forward-upgrade.ts';
import {
  refusedOutcome,
  type ForwardOptions,
  type ForwardOutcome,
  type Upstream,
} from '../http/forward.ts';
import { plainAddress, withForwarded } from '../http/forwarded.ts';
import type { Fields } from '../http/hop-by-hop.ts';
import { prepareFields, withHost, withoutField } from '../http/prepare.ts';
import { hasCertificate, hostOf, isSecure, pathOf } from '../http/request-facts.ts';
import { splice } from '../http/splice.ts';
import { REGISTER_PATH } from '../registration.ts';
import { tell } from '../tell.ts';
import { WspRelay } from '../wsp/wsp-relay.ts';
import { admitRequest, admitStream, type Admitted, type Refused } from './admission.ts';
import type { AgentSession } from './agent-session.ts';
import { addressOf } from './caller-facts.ts';
import { labelOf, type RequestEvent } from './observer.ts';
import { isRegistration, Registrar } from './registrar.ts';
import { Registry } from './registry.ts';
import { resolveRelayOptions, type RelayOptions, type RelaySettings } from './relay-options.ts';

export interface TunnelInfo {
  /** Connections of agents that serve the name. */
  readonly connections: number;
  /** Since when somebody has served it without a break. */
  readonly since: Date;
  readonly activeRequests: number;
}

/** Servers of `node:http`, `node:https`, and of `node:http2` with `allowHTTP1`. */
export type RelayServer = Server | Http2SecureServer;

/** Seconds, for Retry-After where nobody knows better. */
const RETRY_AFTER = 2;

const RETRYABLE: ReadonlySet<string> = new Set([
  'ERR_TUNNEL_NO_AGENT',
  'ERR_TUNNEL_BUSY',
  'ERR_TUNNEL_DRAINING',
]);

export class TunnelRelay {
  #settings: RelaySettings;
  readonly #registry = new Registry();
  readonly #registrar: Registrar;
  readonly #wsp: WspRelay | undefined;
  readonly #attachments = new Set<Disposable>();
  #active = 0;
  #waitsForAgents = true;
  #onIdle: (() => void) | undefined;

  /** Throws a `TypeError` that names the option that is wrong. */
  constructor(options: RelayOptions) {
    this.#settings = resolveRelayOptions(options);
    this.#registrar = new Registrar(this.#registry, () => this.#settings);
    if (options.wsp !== undefined && options.wsp !== false) this.#wsp = new WspRelay(options.wsp);
  }

  /** The names that are served, and by how many. */
  get tunnels(): ReadonlyMap<string, TunnelInfo> {
    const tunnels = new Map<string, TunnelInfo>();
    for (const name of this.#registry.names) {
      const sessions = [...this.#registry.sessionsOf(name)];
      tunnels.set(name, {
        connections: sessions.length,
        since: sessions.reduce(
          (oldest, { since }) => (since < oldest ? since : oldest),
          new Date(),
        ),
        activeRequests: sessions.reduce((sum, { active }) => sum + active, 0),
      });
    }
    return tunnels;
  }

  /** Requests and upgraded connections at the moment, those of wsp too. */
  get activeRequests(): number {
    return this.#active + (this.#wsp?.activeRequests ?? 0);
  }

  get isDraining(): boolean {
    return this.#registrar.isDraining;
  }

  /** Serves everything that comes to the server, agents too. Disposing detaches. */
  attach(server: RelayServer): Disposable {
    const onRequest = (request: CallerRequest, response: CallerResponse): void => {
      this.handle(request, response);
    };
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array): void => {
      this.upgrade(request, socket, head);
    };
    const emitter = server as Server;
    // With a listener Node does not answer an Expect itself: that is for the target to do.
    emitter.on('request', onRequest).on('checkContinue', onRequest).on('upgrade', onUpgrade);
    const attachment = {
      [Symbol.dispose]: () => {
        emitter.off('request', onRequest).off('checkContinue', onRequest);
        emitter.off('upgrade', onUpgrade);
        this.#attachments.delete(attachment);
      },
    };
    this.#attachments.add(attachment);
    return attachment;
  }

  /**
   * Other options from now on: a reload. Tokens that are gone, or do not allow all names any more, end
   * their sessions; other requests that are under way are not disturbed, and rates begin anew. `wsp`,
   * `memoryBudget` and `clock` stay as they were. Throws as the constructor, and changes nothing then.
   */
  update(options: RelayOptions): void {
    const { clock } = this.#settings;
    this.#settings = resolveRelayOptions({ ...options, clock });
    this.#registrar.review();
  }

  /** Answers one request, as `attach` does. */
  handle(request: CallerRequest, response: CallerResponse): void {
    const incoming = request as IncomingMessage;
    if (this.#handleWsp(incoming, response as ServerResponse)) return;
    const admitted = this.#admit(incoming);
    if (admitted instanceof Promise) {
      void admitted.then((result) => this.#answer(request, response, result));
    } else this.#answer(request, response, admitted);
  }

  /** Answers one upgrade: that of an agent, or of a caller. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    if (isRegistration(request)) {
      this.#registrar.register(request, socket, head);
      return;
    }
    if (this.#wsp !== undefined && isWspRegistration(request)) {
      if (this.#settings.requiresCertificate && !hasCertificate(request)) {
        answerUpgradeError(request, socket, new TunnelError('ERR_TUNNEL_BAD_CERTIFICATE'));
        return;
      }
      this.#wsp.register(request, socket, head);
      return;
    }
    socket.on('error', () => {});
    void Promise.resolve(this.#admit(request)).then((result) => {
      this.#answerUpgrade(request, socket, head, result);
    });
  }

  /**
   * Joins a TCP connection, or any other stream, to the target of the name, which is a `tcp:` one. The
   * name's lists of addresses and its rates count; where it asks for a password or a token, it is refused.
   */
  connect(socket: Duplex, name: string): void {
    const { observer } = this.#settings;
    socket.on('error', () => {});
    const caller = socket instanceof Socket ? plainAddress(socket.remoteAddress) : undefined;
    const place = admitStream(name, caller, this.#registry, this.#settings);
    const stream =
      'error' in place ? place.error : openStream(place.session, { kind: 'tcp', name, caller });
    if ('error' in place || stream instanceof TunnelError) {
      if (!('error' in place)) place.release();
      socket.destroy();
      tell(observer.onStream, { name, error: stream as TunnelError });
      return;
    }
    const { session, release } = place;
    this.#begin(session);
    splice(socket, stream, {
      onDone: (cause) => {
        this.#finish(session);
        release();
        const error = cause && new TunnelError('ERR_TUNNEL_ABORTED', '', { cause });
        tell(this.#settings.observer.onStream, { name, error });
      },
    });
  }

  /**
   * Has agents go elsewhere: they are refused here (503), and told to open other connections. Callers
   * are served until their agent has done so. Resolves when no agent is left that has not, and no
   * request is open; or after so many milliseconds. Where callers cannot come any more, agents that have
   * nowhere else to go need not be waited for.
   */
  async drain(
    timeout: number = 30_000,
    { waitsForAgents = true }: { readonly waitsForAgents?: boolean } = {},
  ): Promise<void> {
    this.#waitsForAgents = waitsForAgents;
    this.#registrar.isDraining = true;
    for (const session of this.#registry.sessions) session.drain();
    await Promise.all([this.#drained(timeout), this.#wsp?.drain(timeout)]);
  }

  async #drained(timeout: number): Promise<void> {
    if (this.#isDrained) return;
    await new Promise<void>((resolve) => {
      const timer = this.#settings.clock.setTimer(timeout, resolve);
      this.#onIdle = () => {
        if (!this.#isDrained) return;
        timer.cancel();
        resolve();
      };
      for (const { mux } of this.#registry.sessions) void mux.closed.then(this.#onIdle);
    });
  }

  get #isDrained(): boolean {
    const isServing = [...this.#registry.sessions].some((session) => !session.isDraining);
    return this.#active === 0 && !(this.#waitsForAgents && isServing);
  }

  /** Ends everything that is open, at once. Call `drain` before. */
  async close(): Promise<void> {
    this.#registrar.isDraining = true;
    for (const attachment of this.#attachments) attachment[Symbol.dispose]();
    for (const session of this.#registry.sessions) session.mux.close();
    await Promise.all([this.#registrar.close(), this.#wsp?.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
    await this.close();
  }

  /** The endpoints of wsp, which are those of no tunnel. */
  #handleWsp(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#wsp === undefined) return false;
    const path = pathOf(request);
    if (path === '/request' && request.headers['x-proxy-destination'] !== undefined) {
      void this.#wsp.request(request, response);
      return true;
    }
    if (path !== '/status' || !(this.#settings.router(request) instanceof TunnelError))
      return false;
    this.#wsp.status(request, response);
    return true;
  }

  #admit(request: IncomingMessage): Admitted | Refused | Promise<Admitted | Refused> {
    return admitRequest(request, this.#registry, this.#settings);
  }

  #answer(request: CallerRequest, response: CallerResponse, result: Admitted | Refused): void {
    const incoming = request as IncomingMessage;
    const fields = 'error' in result ? result : this.#fieldsFor(incoming, result, false);
    if ('error' in fields) {
      answerError(request, response, fields.error, answerOptions(fields));
      if (!('error' in result)) result.release();
      this.#tell(incoming, result, refusedOutcome(fields.error), false);
      return;
    }
    const admitted = result as Admitted;
    this.#begin(admitted.session);
    const { upstream, options } = this.#upstream(admitted, fields);
    void forwardRequest(request, response, upstream, options).then((outcome) => {
      this.#finish(admitted.session);
      admitted.release();
      this.#tell(incoming, admitted, outcome, false);
    });
  }

  #answerUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    result: Admitted | Refused,
  ): void {
    const fields = 'error' in result ? result : this.#fieldsFor(request, result, true);
    if ('error' in fields) {
      answerUpgradeError(request, socket, fields.error, answerOptions(fields));
      if (!('error' in result)) result.release();
      this.#tell(request, result, refusedOutcome(fields.error), true);
      return;
    }
    const admitted = result as Admitted;
    this.#begin(admitted.session);
    const { upstream, options } = this.#upstream(admitted, fields);
    void forwardUpgrade(request, socket, head, upstream, options).then((outcome) => {
      this.#finish(admitted.session);
      admitted.release();
      this.#tell(request, admitted, outcome, true);
    });
  }

  #fieldsFor(
    request: IncomingMessage,
    { route, session, usedAuthorization }: Admitted,
    isUpgrade: boolean,
  ): Fields | Refused {
    const prepared = prepareFields(request, isUpgrade);
    if (prepared instanceof TunnelError) return { error: prepared, route };
    const { sendsForwarded, trustedProxies } = this.#settings;
    const { socket } = request;
    const address = socket.remoteAddress;
    const caller = {
      address,
      isSecure: isSecure(request),
      host: route.authority,
      port: socket.localPort,
    };
    const isTrusted = address !== undefined && trustedProxies.has(address);
    const fields = withForwarded(prepared, caller, {
      isTrusted,
      sendsForwarded,
      ...(route.prefix !== '' && { prefix: route.prefix }),
    });
    const bare = usedAuthorization ? withoutField(fields, 'authorization') : fields;
    const { host } = session.claim;
    return host === undefined ? bare : withHost(bare, host);
  }

  #upstream(
    { route, session }: Admitted,
    headers: Fields,
  ): { readonly upstream: Upstream; readonly options: ForwardOptions } {
    const { limits, clock } = this.#settings;
    const { name, path } = route;
    const { connections } = session;
    return {
      upstream: { connections, name, path, headers },
      options: { limits, clock },
    };
  }

  #begin(session: AgentSession): void {
    session.active++;
    this.#active++;
  }

  #finish(session: AgentSession): void {
    session.active--;
    this.#active--;
    this.#onIdle?.();
  }

  #tell(
    request: IncomingMessage,
    result: Admitted | Refused,
    outcome: ForwardOutcome,
    isUpgrade: boolean,
  ): void {
    const { onRequest } = this.#settings.observer;
    if (onRequest === undefined) return;
    const event: RequestEvent = {
      name: result.route?.name,
      agent: 'session' in result ? labelOf(result.session.claim) : undefined,
      method: request.method ?? '',
      host: hostOf(request),
      path: request.url ?? '',
      httpVersion: request.httpVersion,
      isUpgrade,
      address: addressOf(request, this.#settings.trustedProxies),
      user: 'session' in result ? result.user : undefined,
      userAgent: request.headers['user-agent'],
      outcome,
    };
    tell(onRequest, event);
  }
}

function openStream(
  session: AgentSession,
  preamble: Parameters<AgentSession['open']>[0],
): Duplex | TunnelError {
  try {
    return session.open(preamble);
  } catch (error) {
    return error as TunnelError;
  }
}

function answerOptions({ error, options }: Refused): AnswerErrorOptions {
  return RETRYABLE.has(error.code) ? { retryAfter: RETRY_AFTER, ...options } : { ...options };
}

/** The Go agent sends the header always, if only with nothing in it. */
function isWspRegistration(request: IncomingMessage): boolean {
  return pathOf(request) === REGISTER_PATH && request.headers['x-secret-key'] !== undefined;
}
