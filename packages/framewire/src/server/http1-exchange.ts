/** RFC 6455 §4.2 — an opening handshake over HTTP/1.1, answered in octets on its transport. */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../connection/clock.ts';
import type { Transport } from '../connection/transport.ts';
import type { HandshakeError } from '../errors.ts';
import type { HeaderMap, HeadersLike } from '../handshake/header-values.ts';
import type { RequestHead } from '../handshake/http1-head.ts';
import {
  acceptanceHead,
  judgeRequest,
  refusalHead,
  type UpgradeOffer,
} from '../handshake/server-handshake.ts';
import { dismiss } from './dismiss.ts';
import type { Exchange } from './exchange.ts';

export class Http1Exchange implements Exchange {
  readonly method = 'GET';
  readonly httpVersion = '1.1';
  readonly target: string;
  readonly headers: HeaderMap;
  readonly message: IncomingMessage | undefined;
  readonly #head: RequestHead;
  readonly #transport: Transport;
  readonly #clock: Clock;

  constructor(head: RequestHead, transport: Transport, clock: Clock, message?: IncomingMessage) {
    this.target = head.target;
    this.headers = head.headers;
    this.message = message;
    this.#head = head;
    this.#transport = transport;
    this.#clock = clock;
  }

  judge(): UpgradeOffer | HandshakeError {
    return judgeRequest(this.#head);
  }

  accept(
    offer: UpgradeOffer,
    protocol: string | undefined,
    extensions: string | undefined,
    headers: HeadersLike | undefined,
  ): () => void {
    const answer = acceptanceHead(offer, protocol, extensions, headers);
    return () => this.#transport.write(answer);
  }

  refuse(status: number, headers: HeadersLike | undefined, body: string): void {
    refuseHttp1(this.#transport, this.#clock, status, headers, body);
  }
}

/** Also for a request that could not be read. */
export function refuseHttp1(
  transport: Transport,
  clock: Clock,
  status: number,
  headers: HeadersLike | undefined,
  body: string,
): void {
  dismiss(transport.duplex, refusalHead(status, headers, body), clock);
}
