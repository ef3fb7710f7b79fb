/**
 * An `http.Server` that serves WebSockets on the same port (RFC 6455 §4.2.1, RFC 9110 §7.8): which
 * of its 'upgrade' events are ours, and what becomes of the others.
 */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { systemClock } from '../connection/clock.ts';
import { hasToken, headersFromRaw } from '../handshake/header-values.ts';
import type { RequestHead } from '../handshake/http1-head.ts';
import { splitTarget } from '../handshake/request-target.ts';
import { refusalHead } from '../handshake/server-handshake.ts';
import { dismiss } from './dismiss.ts';
import { matchesPath, type PathPattern } from './server-options.ts';

/** Those of HTTP/2 have upgrades too, where they serve HTTP/1.1 beside it. */
export type AnyHttp1Server = HttpServer | HttpsServer | Http2Server | Http2SecureServer;

/** One `attach`: for requests to its path. */
export interface Attachment {
  readonly path: PathPattern | undefined;
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void;
}

/** Asked by Node (22.21, 24.9 and later) whether a request is upgraded or answered as any other. */
type ShouldUpgrade = (this: AnyHttp1Server, request: IncomingMessage) => boolean;

type UpgradingServer = AnyHttp1Server & { shouldUpgradeCallback?: ShouldUpgrade };

/** All attachments of one server share one listener, so that each request has one judge. */
const listeners = new WeakMap<AnyHttp1Server, UpgradeListener>();

export function attachToHttp1(server: AnyHttp1Server, attachment: Attachment): Disposable {
  let listener = listeners.get(server);
  if (listener === undefined) listeners.set(server, (listener = new UpgradeListener(server)));
  listener.add(attachment);
  const owner = listener;
  return { [Symbol.dispose]: () => owner.remove(attachment) };
}

/** The request as the handshake wants it; repeated headers are not lost, as they are in `headers`. */
export function toRequestHead(request: IncomingMessage): RequestHead {
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    httpVersion: request.httpVersion === '1.0' ? '1.0' : '1.1',
    headers: headersFromRaw(request.rawHeaders),
  };
}

class UpgradeListener {
  readonly #server: UpgradingServer;
  readonly #attachments = new Set<Attachment>();
  #before: ShouldUpgrade | undefined;

  constructor(server: AnyHttp1Server) {
    this.#server = server;
  }

  add(attachment: Attachment): void {
    if (this.#attachments.size === 0) this.#listen();
    this.#attachments.add(attachment);
  }

  remove(attachment: Attachment): void {
    if (this.#attachments.delete(attachment) && this.#attachments.size === 0) this.#unlisten();
  }

  #listen(): void {
    this.#server.on('upgrade', this.#onUpgrade);
    this.#before = this.#server.shouldUpgradeCallback;
    if (this.#before !== undefined) this.#server.shouldUpgradeCallback = this.#shouldUpgrade;
  }

  #unlisten(): void {
    this.#server.off('upgrade', this.#onUpgrade);
    if (this.#before !== undefined) this.#server.shouldUpgradeCallback = this.#before;
  }

  #find(request: IncomingMessage): Attachment | undefined {
    const path = splitTarget(request.url ?? '')?.path ?? '';
    return [...this.#attachments].find((attachment) => matchesPath(attachment.path, path));
  }

  /**
   * An upgrade to anything else goes on as an ordinary request, unless somebody else listens too. A
   * WebSocket that nobody serves is refused here: an ordinary answer would puzzle its client.
   */
  readonly #shouldUpgrade: ShouldUpgrade = (request) => {
    if (this.#isAlone) return isForWebSocket(request);
    if (isForWebSocket(request) && this.#find(request) !== undefined) return true;
    return this.#before?.call(this.#server, request) ?? false;
  };

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const attachment = isForWebSocket(request) ? this.#find(request) : undefined;
    if (attachment !== undefined) attachment.onUpgrade(request, socket, head);
    else if (this.#isAlone) decline(request, socket);
  };

  /** No other listener could answer what we do not. */
  get #isAlone(): boolean {
    return this.#server.listenerCount('upgrade') === 1;
  }
}

function isForWebSocket(request: IncomingMessage): boolean {
  return hasToken(request.headers.upgrade, 'websocket');
}

/** A WebSocket nobody serves; on Node 20 any upgrade, for the ordinary handler has lost it there. */
function decline(request: IncomingMessage, socket: Duplex): void {
  const response = isForWebSocket(request)
    ? refusalHead(404, undefined, 'no WebSocket at this path\n')
    : refusalHead(426, { Upgrade: 'websocket' }, 'only a WebSocket can be upgraded to\n');
  dismiss(socket, response, systemClock);
}
