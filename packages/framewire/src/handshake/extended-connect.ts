/**
 * RFC 8441 — the opening handshake over HTTP/2: a stream becomes the transport by an extended CONNECT.
 * There is no Upgrade, no key and no Accept (§5); all else is as RFC 6455 §4 has it.
 */
import { HandshakeError, invalidArgument } from '../errors.ts';
import { agreementOf, complain, composeRequest, judgeFields } from './client-handshake.ts';
import type { Agreement, AnswerHead, ClientRequest } from './client-handshake.ts';
import { toFieldRecord, type FieldRecord } from './field-record.ts';
import { equalsToken, headerEntries, quote } from './header-values.ts';
import type { HeaderMap, HeadersLike } from './header-values.ts';
import { refuseOwnedHeaders } from './owned-headers.ts';
import { isHost, splitTarget } from './request-target.ts';
import {
  agreementFields,
  composeRefusal,
  judgeBody,
  judgeFields as judgeOffer,
  refuse,
} from './server-handshake.ts';
import type { ComposedRefusal, ServerOffer } from './server-handshake.ts';

export type { FieldRecord };

/** RFC 9113 §8.2.2 — fields of one hop, which HTTP/2 does not have. */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  'keep-alive',
  'proxy-connection',
  'http2-settings',
]);

/**
 * The fields of a client's request (§5.1). Throws a TypeError if a value does not fit its place, or a
 * header is the handshake's own or one that HTTP/2 does not have.
 */
export function connectFields(request: ClientRequest, scheme: 'http' | 'https'): FieldRecord {
  const { host, fields } = composeRequest(request);
  return {
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': scheme,
    ':authority': host,
    ':path': request.target,
    ...toRecord(fields),
  };
}

/** Judges the rest of an answer with a status of success, any of which opens the connection (§5.1). */
export function judgeConnectResponse(
  response: AnswerHead,
  request: ClientRequest,
): Agreement | HandshakeError {
  const flaw = judgeFields(response, request);
  return flaw === undefined ? agreementOf(response) : complain(flaw, response);
}

/**
 * Judges a server's request by §4 and §5, in this order: the method (405), its :protocol (501), the
 * absence of a body (400), :scheme, :authority and :path (400), Sec-WebSocket-Version (400), and the
 * fields that both versions of HTTP have.
 */
export function judgeConnect(headers: HeaderMap): ServerOffer | HandshakeError {
  const method = headers.get(':method');
  if (method !== 'CONNECT') {
    return refuse('ERR_WS_EXTENDED_CONNECT', `:method is ${quote(method)}`, 405);
  }
  const protocol = headers.get(':protocol');
  // RFC 9220 §3 gives the status for a protocol that is not known, and RFC 9110 §9.1 the same one for
  // what is implemented nowhere, such as the tunnel that a CONNECT without a protocol asks for.
  if (protocol === undefined || !equalsToken(protocol, 'websocket')) {
    return refuse('ERR_WS_EXTENDED_CONNECT', `:protocol is ${quote(protocol)}`, 501);
  }
  const flaw = judgeBody(headers);
  if (flaw !== undefined) return flaw;
  const scheme = headers.get(':scheme');
  if (scheme !== 'https' && scheme !== 'http') {
    return refuse('ERR_WS_EXTENDED_CONNECT', `:scheme is ${quote(scheme)}`);
  }
  const host = authorityOf(headers);
  if (host === undefined) return refuse('ERR_WS_HOST', quote(headers.get(':authority')));
  const path = headers.get(':path') ?? '';
  const target = path.startsWith('/') ? splitTarget(path) : undefined;
  if (target === undefined) return refuse('ERR_WS_EXTENDED_CONNECT', `:path is ${quote(path)}`);
  const version = headers.get('sec-websocket-version');
  if (version !== '13') return refuse('ERR_WS_VERSION', quote(version), 400);
  const offer = judgeOffer(headers);
  if (offer instanceof HandshakeError) return offer;
  const { protocols, origin, extensions } = offer;
  return { protocols, origin, extensions, host, path: target.path, query: target.query };
}

/** RFC 9113 §8.3.1 — the authority, which a Host field may repeat and not contradict. */
function authorityOf(headers: HeaderMap): string | undefined {
  const host = headers.get('host');
  const authority = headers.get(':authority') ?? host;
  if (authority === undefined || !isHost(authority)) return undefined;
  const agrees = host === undefined || host.toLowerCase() === authority.toLowerCase();
  return agrees ? authority : undefined;
}

/** The fields of the answer that opens the connection (§5.1). Throws a TypeError as `acceptanceHead`. */
export function connectAcceptance(
  offer: ServerOffer,
  protocol: string | undefined,
  extensions: string | undefined,
  headers: HeadersLike | undefined,
): FieldRecord {
  const entries = headerEntries(headers);
  refuseOwnedHeaders(entries);
  const agreed = agreementFields(offer, protocol, extensions);
  return { ':status': '200', ...toRecord([...agreed, ...entries]) };
}

/** What refuses an extended CONNECT. Throws a TypeError as `refusalHead`. */
export function connectRefusal(
  status: number,
  headers: HeadersLike | undefined,
  body: string,
): { readonly fields: FieldRecord; readonly content: Uint8Array } {
  const { fields, content }: ComposedRefusal = composeRefusal(status, headers, body);
  // RFC 9110 §7.8: there is no upgrade within HTTP/2.
  const kept = fields.filter(([name]) => !equalsToken(name, 'Upgrade'));
  return { fields: { ':status': String(status), ...toRecord(kept) }, content };
}

function toRecord(entries: readonly (readonly [string, string])[]): FieldRecord {
  // RFC 9113 §8.2: names are in lower case.
  const record = toFieldRecord(
    entries.map(([name, value]) => {
      const key = name.toLowerCase();
      if (!CONNECTION_SPECIFIC.has(key)) return [key, value];
      throw invalidArgument(`the header ${name} does not exist in HTTP/2`);
    }),
  );
  // §8.2.2: the one field of one hop that is left, with one value.
  if (record['te'] !== undefined && record['te'] !== 'trailers') {
    throw invalidArgument('in HTTP/2 the header TE can only be "trailers"');
  }
  return record;
}
