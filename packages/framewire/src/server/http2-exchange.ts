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
  readonly target: string;
  /** With the pseudo-headers. */
  readonly #fields: HeaderMap;
  readonly #stream: ServerHttp2Stream;
  readonly #clock: Clock;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, clock: Clock) {
    this.#fields = toHeaderMap(headers);
    this.target = this.#fields.get(':path') ?? '';
    this.headers = withoutPseudoHeaders(this.#fields);
    this.#stream = stream;
    this.#clock = clock;
  }

  judge(): ServerOffer | HandshakeError {
    return judgeConnect(this.#fields);
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

/** As HTTP/1.1 has them, so that who reads them need not know the version: the authority is the Host. */
function withoutPseudoHeaders(fields: HeaderMap): HeaderMap {
  const headers = new Map([...fields].filter(([name]) => !name.startsWith(':')));
  const authority = fields.get(':authority');
  if (authority !== undefined) headers.set('host', authority);
  return headers;
}

function toHeaderMap(headers: IncomingHttpHeaders): HeaderMap {
  const map = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, typeof value === 'string' ? value : value.join(', '));
  }
  return map;
}
