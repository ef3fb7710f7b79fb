/**
 * A server of `node:http2` that serves WebSockets (RFC 8441 §3, §4): it says so in its SETTINGS, and
 * this tells which of its CONNECT requests are ours, and what becomes of the others.
 */
import type {
  Http2SecureServer,
  Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  ServerHttp2Session,
  IncomingHttpHeaders,
  ServerHttp2Stream,
} from 'node:http2';
import { Duplex } from 'node:stream';
import { systemClock } from '../connection/clock.ts';
import { SESSION_WINDOW } from '../connection/http2-stream.ts';
import { isTransported } from '../connection/transport.ts';
import { equalsToken } from '../handshake/header-values.ts';
import { splitTarget } from '../handshake/request-target.ts';
import { refuseHttp2 } from './http2-exchange.ts';
import { matchesPath, type PathPattern } from './server-options.ts';

export type AnyHttp2Server = Http2Server | Http2SecureServer;

/** One `attach`: for requests to its path. */
export interface StreamAttachment {
  readonly path: PathPattern | undefined;
  onConnect(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void;
}

/** All attachments of one server share one listener, so that each request has one judge. */
const listeners = new WeakMap<AnyHttp2Server, ConnectListener>();

export function attachToHttp2(server: AnyHttp2Server, attachment: StreamAttachment): Disposable {
  let listener = listeners.get(server);
  if (listener === undefined) listeners.set(server, (listener = new ConnectListener(server)));
  listener.add(attachment);
  const owner = listener;
  return { [Symbol.dispose]: () => owner.remove(attachment) };
}

function widen(session: ServerHttp2Session): void {
  const { localWindowSize = 0 } = session.state;
  if (localWindowSize < SESSION_WINDOW) session.setLocalWindowSize(SESSION_WINDOW);
}

class ConnectListener {
  readonly #server: AnyHttp2Server;
  readonly #attachments = new Set<StreamAttachment>();
  #isListening = false;

  constructor(server: AnyHttp2Server) {
    this.#server = server;
  }

  add(attachment: StreamAttachment): void {
    if (!this.#isListening) this.#listen();
    this.#attachments.add(attachment);
  }

  remove(attachment: StreamAttachment): void {
    this.#attachments.delete(attachment);
  }

  /**
   * For good: §3 forbids to take back what was announced, so that there may be requests as long as the
   * server runs, which somebody has to answer.
   */
  #listen(): void {
    this.#isListening = true;
    this.#server.updateSettings({ enableConnectProtocol: true });
    this.#server.on('session', widen);
    // Before Node's own listener, which makes requests of streams, and would answer with 405.
    this.#server.prependListener('stream', this.#onStream);
    this.#server.on('connect', this.#onConnect);
  }

  readonly #onStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    if (stream.headersSent || stream.destroyed) return;
    const isExtended = headers[':method'] === 'CONNECT' && headers[':protocol'] !== undefined;
    const attachment = isExtended ? this.#find(headers) : undefined;
    if (attachment !== undefined) attachment.onConnect(stream, headers);
    // Where nobody answers, nobody listens for errors either, and a reset would end the process.
    else if (this.#server.listenerCount('stream') === 1) decline(stream, headers);
  };

  /**
   * What Node makes of a CONNECT where there is a 'request' listener, and what HTTP/1.1 brings. With
   * nobody else to answer, it ends as it would without us.
   */
  readonly #onConnect = (
    request: Http2ServerRequest,
    response: Http2ServerResponse | Duplex,
  ): void => {
    const isAlone = this.#server.listenerCount('connect') === 1;
    if (response instanceof Duplex && !('stream' in response)) {
      if (isAlone) response.destroy();
      return;
    }
    const { stream } = request;
    if (isTransported(stream) || stream.headersSent || stream.destroyed) return;
    if (isAlone) decline(stream, request.headers);
  };

  #find(headers: IncomingHttpHeaders): StreamAttachment | undefined {
    if (!isForWebSocket(headers)) return undefined;
    const path = splitTarget(headers[':path'] ?? '')?.path ?? '';
    return [...this.#attachments].find((attachment) => matchesPath(attachment.path, path));
  }
}

function isForWebSocket(headers: IncomingHttpHeaders): boolean {
  const protocol = headers[':protocol'];
  return typeof protocol === 'string' && equalsToken(protocol, 'websocket');
}

function decline(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const [status, body] = declineOf(headers);
  refuseHttp2(stream, systemClock, status, undefined, body);
}

/**
 * A page, a WebSocket nobody serves, another protocol (RFC 9220 §3), or a CONNECT to a proxy: that
 * method is not implemented for any resource (RFC 9110 §15.6.2), so that there is nothing to Allow.
 */
function declineOf(headers: IncomingHttpHeaders): readonly [number, string] {
  if (headers[':method'] !== 'CONNECT') return [404, 'there are WebSockets only\n'];
  if (isForWebSocket(headers)) return [404, 'no WebSocket at this path\n'];
  return [501, 'only a WebSocket can be connected to\n'];
}
