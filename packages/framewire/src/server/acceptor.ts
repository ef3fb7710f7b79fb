/** RFC 6455 §4.2.2 — a server's part of the opening handshake, on whatever stream it arrives. */
import type { Duplex } from 'node:stream';
import { Connection, type Endpoint } from '../connection/connection.ts';
import { NOTHING_EARLY, OpeningStream, type Early } from '../connection/opening-stream.ts';
import { isTransported, Transport } from '../connection/transport.ts';
import { publishRefused } from '../diagnostics.ts';
import {
  HandshakeError,
  invalidArgument,
  misuse,
  TimeoutError,
  type HandshakeErrorCode,
} from '../errors.ts';
import { headerEntries, type HeadersLike } from '../handshake/header-values.ts';
import { isOriginAllowed } from '../handshake/origin.ts';
import {
  assertRefusalStatus,
  refuse,
  refusalHeaders,
  type ServerOffer,
} from '../handshake/server-handshake.ts';
import { selectSubprotocol } from '../handshake/subprotocol.ts';
import type { Exchange } from './exchange.ts';
import { HandshakeRequest } from './handshake-request.ts';
import { refuseHttp1 } from './http1-exchange.ts';
import {
  matchesPath,
  type Acceptance,
  type Decision,
  type PathPattern,
  type Refusal,
  type RefusalError,
  type RefusalResponse,
  type ServerSettings,
} from './server-options.ts';

/** A request that wants to become a connection. */
export interface Arrival<Context> {
  readonly exchange: Exchange;
  readonly transport: Transport;
  /** The stream, where the head was read by us; octets that followed it are in there. */
  readonly stream?: OpeningStream | undefined;
  /** Octets that followed the head otherwise. */
  readonly early?: Uint8Array | undefined;
  readonly path: PathPattern | undefined;
  /** A decision made before; `authorize` is not asked then. */
  readonly decision?: Decision<Context> | undefined;
}

/** What is refused: without an exchange, before it could be read what is asked for. */
export type Refused = Pick<Arrival<unknown>, 'transport' | 'stream'> & {
  readonly exchange?: Exchange | undefined;
};

/** What the server knows and the handshake does not. */
export interface Admission<Context> {
  /** Why nobody is admitted at the moment, if so. */
  refusal(): HandshakeErrorCode | undefined;
  /** Before anything is read from it. */
  onOpened(connection: Connection<Context>): void;
  onFinished(connection: Connection<Context>): void;
}

export class Acceptor<Context> {
  readonly #settings: ServerSettings<Context>;
  readonly #admission: Admission<Context>;
  /** What all its connections share. */
  readonly #endpoint: Endpoint<Context>;
  /** Some function of the application is given the requests, and may keep one. */
  readonly #showsRequests: boolean;
  /** Those that wait for the application's decision. */
  readonly deciding: Set<OpeningStream> = new Set();

  constructor(settings: ServerSettings<Context>, admission: Admission<Context>) {
    this.#settings = settings;
    this.#admission = admission;
    const { connection, handler, origins, protocols } = settings;
    this.#showsRequests =
      handler?.open !== undefined ||
      settings.authorize !== undefined ||
      settings.onRefused !== undefined ||
      typeof origins === 'function' ||
      typeof protocols === 'function';
    this.#endpoint = {
      role: 'server',
      settings: connection,
      handler,
      onFinished: (finished) => admission.onFinished(finished),
    };
  }

  /**
   * Answers a request: with success, and the connection; or with a refusal, and an error. At once, unless
   * the application takes time to decide. The order of the checks: shutdown and `maxConnections` (503),
   * those of the exchange, the path (404), the origin (403), `authorize`.
   */
  accept(arrival: Arrival<Context>): Connection<Context> | Promise<Connection<Context>> {
    const { exchange, transport } = arrival;
    let request: HandshakeRequest | undefined;
    try {
      const offer = this.#judge(exchange);
      request = new HandshakeRequest(exchange, offer, transport.duplex);
      if (this.#showsRequests) request.remember();
      this.#checkPolicy(request, arrival.path);
      const decision = arrival.decision ?? this.#authorize(request);
      if (isPromise(decision)) return this.#acceptLater(arrival, offer, request, decision);
      return this.#open(arrival, offer, request, decision);
    } catch (error) {
      this.refuse(arrival, error, request);
      throw error;
    }
  }

  async #acceptLater(
    arrival: Arrival<Context>,
    offer: ServerOffer,
    request: HandshakeRequest,
    decision: Promise<Decision<Context>>,
  ): Promise<Connection<Context>> {
    const stream = arrival.stream ?? this.read(arrival.transport);
    this.deciding.add(stream);
    try {
      // A client that leaves meanwhile must not be taken for one that is there.
      stream.failOnEnd();
      const decided = await stream.race(decision).finally(() => this.deciding.delete(stream));
      this.#assertAdmits();
      return this.#open({ ...arrival, stream }, offer, request, decided);
    } catch (error) {
      this.refuse({ ...arrival, stream }, error, request);
      throw error;
    }
  }

  /** Watches over a transport until its handshake is answered. */
  read(transport: Transport): OpeningStream {
    const { handshakeTimeout: timeout, connection } = this.#settings;
    return new OpeningStream(transport, { clock: connection.clock, timeout });
  }

  /** Answers a request that was refused, or could not even be read, and lets go of the transport. */
  refuse(
    { transport, stream, exchange }: Refused,
    reason: unknown,
    request: HandshakeRequest | undefined,
  ): void {
    const error = toRefusalError(reason);
    const response = this.#tell(error, request);
    const { clock } = this.#settings.connection;
    // A browser connects ahead of need; whoever has not asked is not answered.
    const hasAsked = exchange !== undefined || stream?.isSilent !== true;
    stream?.release();
    if (error.code === 'ERR_WS_NETWORK' || !hasAsked || !transport.isWritable) transport.destroy();
    else if (exchange !== undefined)
      answer(error, response, transport, exchange.refuse.bind(exchange));
    else answer(error, response, transport, refuseHttp1.bind(undefined, transport, clock));
  }

  #authorize(request: HandshakeRequest): Decision<Context> | Promise<Decision<Context>> {
    const { authorize } = this.#settings;
    // Where there is a context, the types demand an `authorize` that gives it.
    if (authorize === undefined) return { accept: true } as Acceptance<Context>;
    return authorize(request);
  }

  #judge(exchange: Exchange): ServerOffer {
    this.#assertAdmits();
    const offer = exchange.judge();
    if (offer instanceof HandshakeError) throw offer;
    return offer;
  }

  #assertAdmits(): void {
    const code = this.#admission.refusal();
    if (code !== undefined) throw refuse(code, '');
  }

  #checkPolicy(request: HandshakeRequest, path: PathPattern | undefined): void {
    if (!matchesPath(path, request.path)) throw refuse('ERR_WS_PATH', request.path);
    const { origins } = this.#settings;
    const { origin, host, encrypted } = request;
    const isAllowed: unknown =
      typeof origins === 'function'
        ? origins(origin, request)
        : isOriginAllowed(origins, origin, host, encrypted);
    // A promise, from a function that should not have returned one, is no yes.
    if (isAllowed !== true) throw refuse('ERR_WS_ORIGIN', String(origin));
  }

  #open(
    arrival: Arrival<Context>,
    offer: ServerOffer,
    request: HandshakeRequest,
    decision: unknown,
  ): Connection<Context> {
    assertDecision<Context>(decision);
    if (!decision.accept) throw new RefusedByApplication(decision);
    const { transport, exchange } = arrival;
    const protocol = decision.protocol ?? this.#selectProtocol(request);
    const { perMessageDeflate } = this.#settings.connection;
    const compression = perMessageDeflate?.accept(offer.extensions);
    const accept = exchange.accept(offer, protocol, compression?.extensions, decision.headers);
    if (!transport.isWritable) throw refuse('ERR_WS_NETWORK', 'the client has gone');
    const early = joined(arrival.early, arrival.stream?.release());
    accept();
    const connection = new Connection<Context>({
      endpoint: this.#endpoint,
      transport,
      url: detached(exchange.target),
      protocol: detached(protocol ?? ''),
      compression,
      context: decision.context as Context,
    });
    this.#admission.onOpened(connection);
    connection.start(early, request);
    return connection;
  }

  #selectProtocol(request: HandshakeRequest): string | undefined {
    const { protocols } = this.#settings;
    return typeof protocols === 'function'
      ? protocols(request.protocols, request)
      : selectSubprotocol(request.protocols, protocols);
  }

  /** Tells whoever observes; returns an answer of the application's own, if it has one. */
  #tell(error: RefusalError, request: HandshakeRequest | undefined): RefusalResponse | undefined {
    publishRefused(error, request);
    const { onRefused } = this.#settings;
    try {
      const response = onRefused?.(error, request) ?? undefined;
      if (response?.status !== undefined) assertRefusalStatus(response.status);
      // With nobody to tell, a mistake in `authorize` would be silent.
      const isMistake = error.code === 'ERR_WS_REFUSED' && error.cause !== undefined;
      if (onRefused === undefined && isMistake) warn(error.cause);
      return error instanceof RefusedByApplication ? error.decision : response;
    } catch (mistake) {
      warn(mistake);
      return undefined;
    }
  }
}

class RefusedByApplication extends HandshakeError {
  readonly decision: Refusal;

  constructor(decision: Refusal) {
    super('ERR_WS_REFUSED', String(decision.status), { status: decision.status });
    this.decision = decision;
  }
}

/** Of whatever library. */
function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** What is no decision at all, such as after a forgotten `return`, must not let anybody in. */
function assertDecision<Context>(decision: unknown): asserts decision is Decision<Context> {
  const isOne = typeof decision === 'object' && decision !== null && 'accept' in decision;
  if (!isOne || typeof decision.accept !== 'boolean') {
    throw invalidArgument('authorize returned no decision');
  }
  if (!decision.accept) assertRefusalStatus((decision as Refusal).status);
}

function warn(mistake: unknown): void {
  process.emitWarning(mistake instanceof Error ? mistake : String(mistake));
}

/** V8 makes no view of so few characters. */
const ALWAYS_COPIED = 12;

/** A string of its own: a slice of the request's head would keep all of the head alive. */
function detached(text: string): string {
  if (text.length <= ALWAYS_COPIED) return text;
  return Buffer.from(text, 'latin1').toString('latin1');
}

/** One stream is answered once (§4.2.2). */
export function claim(duplex: Duplex): Transport {
  if (isTransported(duplex)) throw misuse('ERR_WS_ALREADY_UPGRADED', '');
  return new Transport(duplex);
}

/** What followed the request: first what somebody else has read, which stays theirs. */
function joined(early: Uint8Array | undefined, released: Early = NOTHING_EARLY): Early {
  if (early === undefined || early.length === 0) return released;
  return { octets: Buffer.concat([early, released.octets]), lent: false };
}

function toRefusalError(reason: unknown): RefusalError {
  if (reason instanceof HandshakeError || reason instanceof TimeoutError) return reason;
  return new HandshakeError('ERR_WS_REFUSED', 'it failed', { status: 500, cause: reason });
}

/** Sends the refusal; a plain 500 where the application's own answer cannot be sent. */
function answer(
  error: RefusalError,
  response: RefusalResponse | undefined,
  transport: Transport,
  send: (status: number, headers: HeadersLike | undefined, body: string) => void,
): void {
  const status = error instanceof TimeoutError ? 408 : (error.status ?? 500);
  const required = error instanceof TimeoutError ? [] : refusalHeaders(error);
  // What the application's own code did wrong is none of the client's business.
  const text = error.cause === undefined && status < 500 ? `${error.message}\n` : '';
  try {
    send(
      response?.status ?? status,
      [...required, ['X-Content-Type-Options', 'nosniff'], ...headerEntries(response?.headers)],
      response?.body ?? text,
    );
  } catch (mistake) {
    warn(mistake);
    answerBriefly(transport, send);
  }
}

/** Where not even that can be sent, somebody else has answered, or the client has gone. */
function answerBriefly(
  transport: Transport,
  send: (status: number, headers: HeadersLike | undefined, body: string) => void,
): void {
  try {
    send(500, undefined, '');
  } catch {
    transport.destroy();
  }
}
