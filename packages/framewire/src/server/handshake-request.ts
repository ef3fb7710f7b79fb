/** What an application is told about an opening handshake when it decides on it. */
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HeaderMap } from '../handshake/header-values.ts';
import type { ServerOffer } from '../handshake/server-handshake.ts';

export class HandshakeRequest {
  readonly method = 'GET';
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
  /** Node's request, where the handshake came through an `http.Server`. */
  readonly message: IncomingMessage | undefined;
  readonly #query: string;
  readonly #duplex: Duplex;
  #remoteAddress: string | undefined;

  /** @internal */
  constructor(
    target: string,
    headers: HeaderMap,
    offer: ServerOffer,
    duplex: Duplex,
    message: IncomingMessage | undefined,
  ) {
    this.target = target;
    this.path = offer.path;
    this.headers = headers;
    this.origin = offer.origin;
    this.host = offer.host;
    this.protocols = offer.protocols;
    this.encrypted = isEncrypted(duplex);
    this.message = message;
    this.#query = offer.query;
    this.#duplex = duplex;
  }

  get remoteAddress(): string | undefined {
    if (this.#duplex instanceof Socket) this.#remoteAddress ??= this.#duplex.remoteAddress;
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

export function isEncrypted(duplex: Duplex): boolean {
  return 'encrypted' in duplex && duplex.encrypted === true;
}
