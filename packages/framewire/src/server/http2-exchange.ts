/** RFC 8441 — an opening handshake over HTTP/2, answered in the fields of its stream. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../connection/clock.ts';
import type { HandshakeError } from '../errors.ts';
import { connectAcceptance, connectRefusal, judgeConnect } from '../handshake/extended-connect.ts';
import type { HeaderMap, HeadersLike } from '../handshake/header-values.ts';
import type { ServerOffer } from '../handshake/server-handshake.ts';
import { dismiss } from './dismiss.ts';
import type { Exchange } from './exchange.ts';

export class Http2Exchange implements Exchange {
  readonly method = 'CONNECT';
  readonly httpVersion = '2';
  readonly headers: HeaderMap;
  readonly message = undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #clock: Clock;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, clock: Clock) {
    this.headers = toHeaderMap(headers);
    this.#stream = stream;
    this.#clock = clock;
  }

  get target(): string {
    return this.headers.get(':path') ?? '';
  }

  judge(): ServerOffer | HandshakeError {
    return judgeConnect(this.headers);
  }

  accept(
    offer: ServerOffer,
    protocol: string | undefined,
    extensions: string | undefined,
    headers: HeadersLike | undefined,
  ): () => void {
    const fields = connectAcceptance(offer, protocol, extensions, headers);
    return () => this.#stream.respond(fields);
  }

  refuse(status: number, headers: HeadersLike | undefined, body: string): void {
    refuseHttp2(this.#stream, this.#clock, status, headers, body);
  }
}

/** The answer, and the end of the stream; its session goes on. */
export function refuseHttp2(
  stream: ServerHttp2Stream,
  clock: Clock,
  status: number,
  headers: HeadersLike | undefined,
  body: string,
): void {
  const { fields, content } = connectRefusal(status, headers, body);
  stream.respond(fields);
  dismiss(stream, content, clock);
}

function toHeaderMap(headers: IncomingHttpHeaders): HeaderMap {
  const map = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, typeof value === 'string' ? value : value.join(', '));
  }
  return map;
}
