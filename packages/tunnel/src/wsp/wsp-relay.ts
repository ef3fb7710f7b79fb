/** The public side of wsp: `/register` for agents, `/request` for callers, `/status` for anybody. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type Connection } from 'framewire';
import { TunnelError } from '../errors.ts';
import { pathOf } from '../http/request-facts.ts';
import { tell } from '../tell.ts';
import { fieldsOf, type Fields } from './fields.ts';
import { WspPeer } from './peer.ts';
import { agentFields, announcedLength, RelayExchange } from './relay-exchange.ts';
import {
  resolveRelayOptions,
  type RelaySettings,
  type WspPoolStatus,
  type WspRelayOptions,
  type WspRequestOutcome,
} from './relay-options.ts';
import { answer, failureText, FAILURE_HEADERS, linger, sent } from './relay-answer.ts';
import { mayRequest, type Admission } from './request-access.ts';
import { Pools } from './relay-pool.ts';
import { parseDestination, urlForWire } from './rules.ts';
import { decodeGreeting, MAX_GREETING, RELAY_FAILED } from './wire.ts';

const REGISTRATION_CLOSED =
  '/register is closed: set the option secretKey, or openRegistration for everybody';
const UPGRADE_REFUSED = 'Bad Request\nHTTP upgrade error : websocket: version != 13';

interface Accepted {
  readonly url: string;
  readonly fields: Fields;
}

/** What is told of a request in the end. */
type Tale = { -readonly [Name in keyof WspRequestOutcome]: WspRequestOutcome[Name] };

/**
 * Mounted by a server of the application's, which calls `register`, `request` and `status` for the paths
 * it has chosen, or attached to one that does nothing else.
 */
export class WspRelay {
  readonly #settings: RelaySettings;
  readonly #server: WebSocketServer;
  readonly #pools: Pools;
  #closing: Promise<void> | undefined;
  #isDraining = false;
  #activeRequests = 0;
  /** Those who wait for the last request to end. */
  readonly #onIdle = new Set<() => void>();

  constructor(options: WspRelayOptions = {}) {
    const settings = resolveRelayOptions(options);
    const { clock, origins, maxConnections, bodyIdleTimeout, onAgent } = settings;
    this.#settings = settings;
    this.#server = new WebSocketServer({
      clock,
      origins,
      maxConnections,
      sendTimeout: bodyIdleTimeout,
      // A Go agent reads no Ping while it works on a request: only idle ones are judged by them.
      heartbeat: false,
    });
    this.#pools = new Pools(settings, (id, state) => tell(onAgent, { id, state }));
  }

  /** The pools as they are at the moment. */
  get pools(): readonly WspPoolStatus[] {
    return this.#pools.status;
  }

  /**
   * Serves `/register`, `/request` and `/status` on a server of its own, and answers other paths with
   * 404. Disposing detaches.
   */
  attach(server: Server): Disposable {
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      const path = pathOf(request);
      if (path === '/request') void this.request(request, response);
      else if (path === '/status') this.status(request, response);
      else if (path === '/register') this.#refuseRegistration(request, response);
      else answer(response, 404, '404 page not found');
    };
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array): void => {
      if (pathOf(request) === '/register') this.register(request, socket, head);
      else this.#refuseUpgrade(request, socket, head);
    };
    server.on('request', onRequest).on('upgrade', onUpgrade);
    return {
      [Symbol.dispose]: () => {
        server.off('request', onRequest).off('upgrade', onUpgrade);
      },
    };
  }

  /**
   * Answers the upgrade of an agent: 526 for a wrong secret, 403 where there is none to be right, or for
   * a page of another origin, and 503 for one that comes when the relay is about to end.
   */
  register(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const objection = this.#objectionTo(request);
    if (objection !== undefined) {
      this.#refuse(request, socket, head, ...objection);
      return;
    }
    this.#server.upgrade(request, socket, head, { accept: true }).then(
      (connection) => void this.#greet(connection),
      (error: unknown) => this.#tellOf(error as Error),
    );
  }

  /** Answers a request of a caller by way of an agent. Never rejects. */
  async request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, onRequest } = this.#settings;
    const startedAt = clock.now();
    const tale = taleOf(request);
    this.#activeRequests++;
    try {
      const accepted = this.#accept(request, response, tale);
      if (accepted !== undefined) await this.#forward(request, response, accepted, tale);
    } catch (error) {
      // An answer that cannot be written, such as one with a reason Node does not take.
      tale.error ??= new TunnelError('ERR_TUNNEL_BAD_RESPONSE', '', { cause: error });
      response.destroy();
    }
    linger(request, response, this.#settings);
    tale.status = response.headersSent ? response.statusCode : undefined;
    tell(onRequest, { ...tale, milliseconds: clock.now() - startedAt });
    void sent(response, this.#settings).then(() => this.#onRequestOver());
  }

  status(_request: IncomingMessage, response: ServerResponse): void {
    const body = 'ok';
    const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': body.length };
    response.writeHead(200, headers).end(body);
  }

  /** Requests that have come, and whose answers have not gone out to their end. */
  get activeRequests(): number {
    return this.#activeRequests;
  }

  /**
   * Has agents go elsewhere: new connections of theirs are refused (503). Callers are served as long as
   * there are some, and get 503 then. Resolves when no request is open, or after so many milliseconds;
   * `close` ends what is left.
   */
  async drain(timeout: number = 30_000): Promise<void> {
    this.#isDraining = true;
    this.#pools.drain();
    if (this.#activeRequests === 0) return;
    await new Promise<void>((resolve) => {
      const onOver = (): void => {
        this.#onIdle.delete(onOver);
        timer.cancel();
        resolve();
      };
      const timer = this.#settings.clock.setTimer(timeout, onOver);
      this.#onIdle.add(onOver);
    });
  }

  /**
   * Callers that wait, and new ones, get 503, idle connections are closed, and requests that run have
   * `timeout` milliseconds to end (default 10 000); then they are cut off. A server that was attached
   * to goes on, and answers 503.
   */
  close(options: { readonly timeout?: number | undefined } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeout ?? 10_000);
    return this.#closing;
  }

  async #close(timeout: number): Promise<void> {
    this.#isDraining = true;
    const timer = this.#settings.clock.setTimer(timeout, () => this.#pools.abort());
    await this.#pools.close();
    timer.cancel();
    await this.#server.close({ timeout: Math.max(1, timeout) });
  }

  #onRequestOver(): void {
    this.#activeRequests--;
    if (this.#activeRequests === 0) for (const onOver of this.#onIdle) onOver();
  }

  /** Why it may not register: a status, and the words. */
  #objectionTo({ headers }: IncomingMessage): readonly [number, string] | undefined {
    const { secrets, openRegistration } = this.#settings;
    if (secrets.isEmpty && !openRegistration) return [403, REGISTRATION_CLOSED];
    const given = headers['x-secret-key'];
    if (!secrets.isEmpty && !secrets.has(typeof given === 'string' ? given : undefined)) {
      return [RELAY_FAILED, 'Invalid X-SECRET-KEY'];
    }
    return this.#isDraining ? [503, new TunnelError('ERR_TUNNEL_DRAINING').message] : undefined;
  }

  async #greet(connection: Connection<undefined>): Promise<void> {
    const { clock, greetingTimeout } = this.#settings;
    const peer = new WspPeer(connection, this.#settings);
    void peer.closed.then((error) => error !== undefined && this.#tellOf(error));
    const timer = clock.setTimer(greetingTimeout, () => {
      peer.fail(new TunnelError('ERR_TUNNEL_WSP_WIRE', 'no greeting came in time'));
    });
    try {
      const greeting = decodeGreeting(await peer.readHead(MAX_GREETING));
      if (greeting instanceof TunnelError) throw greeting;
      this.#pools.add(peer, greeting);
    } catch (error) {
      peer.fail(peer.reasonFor(error));
    } finally {
      timer.cancel();
    }
  }

  /** What is to be asked of an agent; undefined where the caller has been answered already. */
  #accept(request: IncomingMessage, response: ServerResponse, tale: Tale): Accepted | undefined {
    const refuse = (status: number, text: string, error: TunnelError): undefined => {
      tale.error = error;
      answer(response, status, text);
    };
    const { tokens, openRequests, rules, maxBodySize, forwarded } = this.#settings;
    const admission: Admission = mayRequest(request, tokens, openRequests);
    if (admission instanceof TunnelError) {
      if (admission.status === 401) response.setHeader('WWW-Authenticate', 'Bearer realm="wsp"');
      return refuse(admission.status, admission.message, admission);
    }
    const all = fieldsOf(request.rawHeaders);
    const written = all.get('X-Proxy-Destination')?.[0] ?? '';
    tale.destination = written === '' ? undefined : written;
    const forbidden = (text: string): undefined =>
      refuse(RELAY_FAILED, text, new TunnelError('ERR_TUNNEL_FORBIDDEN', text));
    if (written === '') return forbidden('Missing X-PROXY-DESTINATION header');
    const destination = parseDestination(written);
    if (destination === undefined) {
      return forbidden('Unable to parse X-PROXY-DESTINATION header');
    }
    const fields = agentFields(all, request, admission.usedAuthorization, forwarded);
    const verdict = rules.judge(methodOf(request), destination, all);
    if (verdict !== 'allowed') return forbidden(`Destination is ${verdict}`);
    if (announcedLength(request, all) > maxBodySize) {
      const error = new TunnelError('ERR_TUNNEL_BODY_TOO_LARGE');
      return refuse(error.status, error.message, error);
    }
    return { url: urlForWire(destination), fields };
  }

  async #forward(
    request: IncomingMessage,
    response: ServerResponse,
    { url, fields }: Accepted,
    tale: Tale,
  ): Promise<void> {
    const left = new AbortController();
    const onClose = (): void => left.abort();
    response.once('close', onClose);
    let exchange: RelayExchange | undefined;
    try {
      if (response.destroyed) throw new TunnelError('ERR_TUNNEL_ABORTED');
      const lease = await this.#pools.lease(left.signal);
      tale.agent = lease.agent;
      exchange = new RelayExchange(lease.peer, request, response, this.#settings);
      const contentLength = announcedLength(request, fieldsOf(request.rawHeaders));
      const head = { method: methodOf(request), url, fields, contentLength };
      if (await exchange.run(head)) lease.release();
    } catch (error) {
      const reason = TunnelError.isInstance(error) ? error : undefined;
      tale.error = reason ?? new TunnelError('ERR_TUNNEL_BAD_RESPONSE', '', { cause: error });
      // A cut answer must not look complete (RFC 9112 §8).
      if (response.headersSent) response.destroy();
      else this.#answerFailure(response, tale.error);
    } finally {
      response.off('close', onClose);
      tale.requestOctets = exchange?.requestOctets ?? 0;
      tale.responseOctets = exchange?.responseOctets ?? 0;
    }
  }

  #answerFailure(response: ServerResponse, error: TunnelError): void {
    if (response.destroyed) return;
    const isOurs = ['ERR_TUNNEL_BODY_TOO_LARGE', 'ERR_TUNNEL_DRAINING'].includes(error.code);
    if (isOurs) answer(response, error.status, error.message);
    else answer(response, RELAY_FAILED, failureText(error));
  }

  #refuseRegistration(request: IncomingMessage, response: ServerResponse): void {
    answer(response, ...(this.#objectionTo(request) ?? ([400, UPGRADE_REFUSED] as const)));
  }

  #refuseUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const isRequest = pathOf(request) === '/request';
    const text = isRequest ? 'Unable to upgrade : wsp carries no WebSocket' : '404 page not found';
    this.#refuse(request, socket, head, isRequest ? RELAY_FAILED : 404, text);
  }

  #refuse(
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    status: number,
    text: string,
  ): void {
    const decision = {
      ...{ accept: false as const, status, body: `${text}\n` },
      headers: FAILURE_HEADERS,
    };
    this.#server.upgrade(request, socket, head, decision).catch((error: unknown) => {
      this.#tellOf(error as Error);
    });
  }

  #tellOf(error: Error): void {
    tell(this.#settings.onConnectionError, error);
  }
}

/** HTTP/2 has methods in lower case as well, which are sent to destinations in upper case. */
function methodOf({ method = 'GET' }: IncomingMessage): string {
  return method.toUpperCase();
}

function taleOf(request: IncomingMessage): Tale {
  return {
    method: methodOf(request),
    destination: undefined,
    agent: undefined,
    status: undefined,
    error: undefined,
    requestOctets: 0,
    responseOctets: 0,
    milliseconds: 0,
  };
}
