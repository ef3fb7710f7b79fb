/** RFC 6455 §4.2 — the server's part: which requests it takes, and how it answers. */
import { HandshakeError, invalidArgument, statusOf } from '../errors.ts';
import type { HandshakeErrorCode } from '../errors.ts';
import { acceptFor, isValidKey } from './accept-key.ts';
import { hasToken, headerEntries, isNamed, parseExtensions, quote } from './header-values.ts';
import type { HeaderMap, HeadersLike } from './header-values.ts';
import { reasonPhrase, serializeResponseHead } from './http1-head.ts';
import type { RequestHead } from './http1-head.ts';
import { encodeLatin1 } from './latin1.ts';
import { refuseOwnedHeaders } from './owned-headers.ts';
import { isHost, splitTarget } from './request-target.ts';
import { parseSubprotocols } from './subprotocol.ts';

/** What a client asks for, once its request is known to be an opening handshake (§4.2.1). */
export interface ServerOffer extends FieldOffer {
  /** Host, and perhaps port: of the target if it is absolute (RFC 9112 §3.2.2), else of Host. */
  readonly host: string;
  /** As it was sent: not decoded, not normalised. */
  readonly path: string;
  /** Without its "?"; the empty string if there is none. */
  readonly query: string;
}

/** An offer of HTTP/1.1, whose acceptance answers its key. */
export interface UpgradeOffer extends ServerOffer {
  readonly key: string;
}

/** What the fields of an opening handshake ask for, whatever the version of HTTP. */
export interface FieldOffer {
  /** Subprotocols in the client's order of preference. */
  readonly protocols: readonly string[];
  /** For the policy to judge (§10.2); absent for most clients that are no browser. */
  readonly origin: string | undefined;
  /** The value of Sec-WebSocket-Extensions, well-formed. */
  readonly extensions: string | undefined;
}

/** Seconds, for a 503 (RFC 9110 §10.2.3): long enough for a restart, short enough to be tried. */
const RETRY_AFTER = 5;

/**
 * Judges a request by §4.2.1, in this order: the HTTP version (505), the method (405), Upgrade
 * (426), Connection (400), the absence of a body (400), Host and target (400), Sec-WebSocket-Version
 * (426), Sec-WebSocket-Key (400), Sec-WebSocket-Protocol (400), Sec-WebSocket-Extensions (400).
 * What a client of plain HTTP gets wrong comes first, so that it is told about the Upgrade.
 * The error carries the status. The Origin is not judged here: what is allowed is the server's say.
 */
export function judgeRequest(request: RequestHead): UpgradeOffer | HandshakeError {
  const { headers } = request;
  const flaw = judgeRequestLine(request) ?? judgeUpgrade(headers) ?? judgeBody(headers);
  if (flaw !== undefined) return flaw;
  const host = headers.get('host');
  // RFC 9112 §3.2: one Host, well-formed, even beside an absolute target.
  if (host === undefined || !isHost(host)) return refuse('ERR_WS_HOST', quote(host));
  const target = splitTarget(request.target);
  if (target === undefined) return refuse('ERR_WS_HEAD_MALFORMED', quote(request.target));
  const version = headers.get('sec-websocket-version');
  if (version !== '13') return refuse('ERR_WS_VERSION', quote(version));
  const key = headers.get('sec-websocket-key');
  if (key === undefined || !isValidKey(key)) return refuse('ERR_WS_KEY', quote(key));
  const offer = judgeFields(headers);
  if (offer instanceof HandshakeError) return offer;
  // By name: spreading would cost ten times as much.
  const { protocols, origin, extensions } = offer;
  const { authority = host, path, query } = target;
  return { key, protocols, origin, extensions, host: authority, path, query };
}

/** Sec-WebSocket-Protocol (400), Sec-WebSocket-Extensions (400), and the Origin, which is not judged. */
export function judgeFields(headers: HeaderMap): FieldOffer | HandshakeError {
  const offeredProtocols = headers.get('sec-websocket-protocol');
  const protocols = parseSubprotocols(offeredProtocols);
  if (protocols === undefined) return refuse('ERR_WS_SUBPROTOCOL', quote(offeredProtocols));
  const extensions = headers.get('sec-websocket-extensions');
  if (extensions !== undefined && parseExtensions(extensions) === undefined) {
    return refuse('ERR_WS_EXTENSION', quote(extensions));
  }
  return { protocols, origin: headers.get('origin'), extensions };
}

/** An error with the status to answer with. */
export function refuse(
  code: HandshakeErrorCode,
  detail: string,
  status: number = statusOf(code),
): HandshakeError {
  return new HandshakeError(code, detail, { status });
}

/** §4.2.1 item 1: a GET of HTTP/1.1. RFC 9110 §7.8 has a server ignore an Upgrade in HTTP/1.0. */
function judgeRequestLine({ httpVersion, method }: RequestHead): HandshakeError | undefined {
  if (httpVersion !== '1.1') return refuse('ERR_WS_HTTP_VERSION', httpVersion);
  return method === 'GET' ? undefined : refuse('ERR_WS_METHOD', quote(method));
}

/**
 * §4.2.1 items 3 and 4. Both headers are lists, and the words in them have no case. Upgrade first: a
 * plain request has neither, and is best told which protocol there is to upgrade to.
 */
function judgeUpgrade(headers: HeaderMap): HandshakeError | undefined {
  const upgrade = headers.get('upgrade');
  if (!hasToken(upgrade, 'websocket')) return refuse('ERR_WS_UPGRADE', quote(upgrade));
  const connection = headers.get('connection');
  return hasToken(connection, 'Upgrade')
    ? undefined
    : refuse('ERR_WS_CONNECTION', quote(connection));
}

/**
 * RFC 9112 §11.2 — octets after the head are frames. A request that announces a body would have
 * them read as that body by a proxy in front, which is how a second request is smuggled past it.
 */
export function judgeBody(headers: HeaderMap): HandshakeError | undefined {
  if (headers.has('transfer-encoding')) {
    return refuse('ERR_WS_REQUEST_BODY', 'there is a Transfer-Encoding');
  }
  const length = headers.get('content-length');
  if (length === undefined || length === '0') return undefined;
  return refuse('ERR_WS_REQUEST_BODY', `the Content-Length is ${quote(length)}`);
}

/** What a refusal must tell beside its status, for each error that has something to tell. */
export function refusalHeaders(error: HandshakeError): [string, string][] {
  // RFC 9110 §15.5.22: a 426 names the protocol to upgrade to.
  const upgrade: [string, string][] = [
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
  ];
  switch (error.code) {
    case 'ERR_WS_METHOD':
      return [['Allow', 'GET']];
    case 'ERR_WS_EXTENDED_CONNECT':
      // RFC 9110 §15.5.6: a 405 names the methods that there are.
      return error.status === 405 ? [['Allow', 'CONNECT']] : [];
    case 'ERR_WS_UPGRADE':
      return upgrade;
    case 'ERR_WS_VERSION':
      return [['Sec-WebSocket-Version', '13'], ...upgrade];
    case 'ERR_WS_SHUTTING_DOWN':
    case 'ERR_WS_TOO_MANY_CONNECTIONS':
      return [['Retry-After', String(RETRY_AFTER)]];
    default:
      return [];
  }
}

/** The most common answer, all but the last value. */
const PLAIN_ACCEPTANCE =
  'HTTP/1.1 101 Switching Protocols\r\n' +
  'Upgrade: websocket\r\n' +
  'Connection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: ';

/**
 * The octets of a 101 (§4.2.2 step 5). Throws a TypeError if the subprotocol was not offered, if
 * extensions are agreed that were not, or if a header is the handshake's own or breaks out of its
 * line (the application's headers often hold what a user typed).
 */
export function acceptanceHead(
  offer: UpgradeOffer,
  protocol: string | undefined,
  extensions: string | undefined,
  headers: HeadersLike | undefined,
): Uint8Array {
  const accept = acceptFor(offer.key);
  if (protocol === undefined && extensions === undefined && headers === undefined) {
    return encodeLatin1(`${PLAIN_ACCEPTANCE}${accept}\r\n\r\n`);
  }
  const entries = headerEntries(headers);
  refuseOwnedHeaders(entries);
  const fields: [string, string][] = [
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Accept', accept],
    ...agreementFields(offer, protocol, extensions),
  ];
  return serializeResponseHead(101, reasonPhrase(101), [...fields, ...entries]);
}

/** What was agreed on, as fields. Throws a TypeError if the client has not offered it. */
export function agreementFields(
  offer: FieldOffer,
  protocol: string | undefined,
  extensions: string | undefined,
): [string, string][] {
  const fields: [string, string][] = [];
  if (protocol !== undefined) {
    if (!offer.protocols.includes(protocol)) {
      throw invalidArgument(`the client did not offer the subprotocol ${quote(protocol)}`);
    }
    fields.push(['Sec-WebSocket-Protocol', protocol]);
  }
  if (extensions !== undefined) {
    if (offer.extensions === undefined || parseExtensions(extensions) === undefined) {
      throw invalidArgument(`the extensions ${quote(extensions)} do not answer an offer`);
    }
    fields.push(['Sec-WebSocket-Extensions', extensions]);
  }
  return fields;
}

/**
 * Throws a TypeError for a status that does not refuse, in either version of HTTP: over HTTP/2 each one
 * of success opens the connection (RFC 8441 §5.1), and a 304 has no body (RFC 9110 §15.4.5).
 */
export function assertRefusalStatus(status: number): void {
  if (Number.isInteger(status) && status >= 300 && status <= 599 && status !== 304) return;
  throw invalidArgument(
    `${status} does not refuse an opening handshake, as 300 to 599 do except for 304`,
  );
}

/**
 * The octets of a whole response that refuses the handshake, after which the connection is closed
 * (§4.2.2 step 4). The body is UTF-8, `text/plain` unless the headers say otherwise. Throws a
 * TypeError for a status that does not refuse, for Content-Length, for Transfer-Encoding, and for a
 * header that breaks out of its line.
 */
export function refusalHead(
  status: number,
  headers: HeadersLike | undefined,
  body: string,
): Uint8Array {
  const { content, fields } = composeRefusal(status, headers, body);
  // RFC 9110 §7.8: whoever sends Upgrade lists it in Connection. Nothing else of the caller's is
  // taken over from there, for the connection does close.
  const connection = fields.some(isNamed('Upgrade')) ? 'close, Upgrade' : 'close';
  const head = serializeResponseHead(status, reasonPhrase(status), [
    ['Connection', connection],
    ...fields,
  ]);
  const response = new Uint8Array(head.length + content.length);
  response.set(head);
  response.set(content, head.length);
  return response;
}

export interface ComposedRefusal {
  /** Without Connection, which belongs to the version of HTTP. */
  readonly fields: readonly (readonly [string, string])[];
  readonly content: Uint8Array;
}

/** The fields and the body of a refusal, whatever the version of HTTP. Throws as `refusalHead`. */
export function composeRefusal(
  status: number,
  headers: HeadersLike | undefined,
  body: string,
): ComposedRefusal {
  assertRefusalStatus(status);
  const entries = headerEntries(headers);
  if (entries.some(isNamed('Content-Length')) || entries.some(isNamed('Transfer-Encoding'))) {
    throw invalidArgument('the length of a refusal follows from its body');
  }
  const fields = entries.filter((entry) => !isNamed('Connection')(entry));
  if (!entries.some(isNamed('Content-Type'))) {
    fields.push(['Content-Type', 'text/plain; charset=utf-8']);
  }
  const content = new TextEncoder().encode(body);
  fields.push(['Content-Length', String(content.length)]);
  return { fields, content };
}
