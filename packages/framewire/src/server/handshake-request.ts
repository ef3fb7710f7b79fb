/** What an application is told about an opening handshake when it decides on it. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { socketOf } from '../connection/http2-stream.ts';
import type { HeaderMap } from '../handshake/header-values.ts';
import type { ServerOffer } from '../handshake/server-handshake.ts';
import type { Exchange } from './exchange.ts';

export class HandshakeRequest {
  /** `CONNECT` over HTTP/2 (RFC 8441 §4). */
  readonly method: 'GET' | 'CONNECT';
  readonly httpVersion: '1.1' | '2';
  /** As it was sent, such as `/chat?room=1`. */
  readonly target: string;
  /** The target without its query; neither decoded nor normalised. */
  readonly path: string;
  /** By lower-case name; repeated fields joined with a comma. */
  readonly headers: HeaderMap;
  /** The page the client says it runs on; absent for most clients that are no browsers. */
  readonly origin: string | undefined;
  readonly host: string;
  /** Subprotocols the client offers, best first. */
  readonly protocols: readonly string[];
  /** The transport itself is TLS; a proxy in front may have ended it. */
  readonly encrypted: boolean;
  /** Node's request, where the handshake came through an HTTP/1.1 server of Node. */
  readonly message: IncomingMessage | undefined;
  readonly #query: string;
  readonly #duplex: Duplex;
  #remoteAddress: string | undefined;

  /** @internal */
  constructor(exchange: Exchange, offer: ServerOffer, duplex: Duplex) {
    this.method = exchange.method;
    this.httpVersion = exchange.httpVersion;
    this.target = exchange.target;
    this.path = offer.path;
    this.headers = exchange.headers;
    this.origin = offer.origin;
    this.host = offer.host;
    this.protocols = offer.protocols;
    this.encrypted = isEncrypted(duplex);
    this.message = exchange.message;
    this.#query = offer.query;
    this.#duplex = duplex;
  }

  get remoteAddress(): string | undefined {
    this.#remoteAddress ??= socketOf(this.#duplex)?.remoteAddress;
    return this.#remoteAddress;
  }

  /** @internal Finds out what a socket that is closed does not know any more. */
  remember(): void {
    void this.remoteAddress;
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#query);
  }
}

function isEncrypted(duplex: Duplex): boolean {
  const socket = socketOf(duplex) ?? duplex;
  return 'encrypted' in socket && socket.encrypted === true;
}
