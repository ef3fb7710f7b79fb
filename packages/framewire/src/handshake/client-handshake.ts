/** RFC 6455 §4.1 — the client's part: what it sends, and what it takes for an answer. */
import { HandshakeError, invalidArgument } from '../errors.ts';
import type { HandshakeErrorCode } from '../errors.ts';
import { acceptFor, isValidKey } from './accept-key.ts';
import {
  equalsToken,
  hasToken,
  headerEntries,
  isFieldValue,
  parseExtensions,
  quote,
  trimSpace,
} from './header-values.ts';
import type { HeadersLike } from './header-values.ts';
import { serializeRequestHead } from './http1-head.ts';
import type { ResponseHead } from './http1-head.ts';
import { refuseOwnedHeaders } from './owned-headers.ts';
import { isHost, splitTarget } from './request-target.ts';
import { checkSubprotocolNames } from './subprotocol.ts';

export interface ClientRequest {
  /** Path and query of the URL. */
  readonly target: string;
  /** Host, and the port unless it is the scheme's default. */
  readonly host: string;
  /** Sec-WebSocket-Key: made with `createKey` of fresh random octets, for this request alone. */
  readonly key: string;
  /** Subprotocols in order of preference; empty to speak none. */
  readonly protocols: readonly string[];
  /** The value of Sec-WebSocket-Extensions; absent to offer none. */
  readonly extensions?: string | undefined;
  readonly origin?: string | undefined;
  /** Further headers, such as Authorization. A Host among them takes the place of `host`. */
  readonly headers?: HeadersLike;
}

/** What a client and a server agreed on. */
export interface Agreement {
  /** The subprotocol, or the empty string. */
  readonly protocol: string;
  /** The value of the response's Sec-WebSocket-Extensions, or the empty string. */
  readonly extensions: string;
}

/**
 * The octets of the opening handshake's request (§4.1 items 1–12). Throws a TypeError if a value
 * does not fit its place or a header is the handshake's own.
 */
export function clientRequestHead(request: ClientRequest): Uint8Array {
  return serializeRequestHead('GET', request.target, upgradeFields(request));
}

/** The fields of that request, in order. Throws as `clientRequestHead`. */
export function upgradeFields(request: ClientRequest): [string, string][] {
  const { host, fields } = composeRequest(request);
  if (!isValidKey(request.key)) throw invalidArgument('the key is not 16 octets in base64');
  return [
    ['Host', host],
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Key', request.key],
    ...fields,
  ];
}

export interface ComposedRequest {
  readonly host: string;
  /** What either version of HTTP sends beside its own fields. */
  readonly fields: [string, string][];
}

/** The fields of a request, whatever the version of HTTP. Throws as `clientRequestHead`. */
export function composeRequest(request: ClientRequest): ComposedRequest {
  const entries = headerEntries(request.headers);
  refuseOwnedHeaders(entries);
  checkRequest(request, entries);
  const hosts = entries.filter(([name]) => equalsToken(name, 'host'));
  const host = hosts[0]?.[1] ?? request.host;
  if (hosts.length > 1 || !isHost(host)) {
    throw invalidArgument(`${quote(host)} is not the one host that a request names`);
  }
  const fields: [string, string][] = [['Sec-WebSocket-Version', '13']];
  if (request.origin !== undefined) fields.push(['Origin', request.origin]);
  if (request.protocols.length > 0) {
    fields.push(['Sec-WebSocket-Protocol', request.protocols.join(', ')]);
  }
  if (request.extensions !== undefined) {
    fields.push(['Sec-WebSocket-Extensions', request.extensions]);
  }
  fields.push(...entries.filter(([name]) => !equalsToken(name, 'host')));
  return { host, fields };
}

function checkRequest(
  { target, protocols, extensions, origin }: ClientRequest,
  entries: readonly (readonly [string, string])[],
): void {
  if (splitTarget(target) === undefined) {
    throw invalidArgument(`${quote(target)} is not a request target`);
  }
  checkSubprotocolNames(protocols);
  if (origin !== undefined && !isFieldValue(origin)) {
    throw invalidArgument('the Origin has a forbidden character');
  }
  if (extensions !== undefined && parseExtensions(extensions) === undefined) {
    throw invalidArgument(`${quote(extensions)} is not a list of extensions`);
  }
  const origins = entries.filter(([name]) => equalsToken(name, 'origin')).length;
  if (origins > (origin === undefined ? 1 : 0)) {
    throw invalidArgument('the Origin is given twice');
  }
}

/**
 * Judges the rest of an answer with the status 101, in the order of §4.1; any other status is a refusal,
 * which the caller reads. The error's code and message name the header at fault, and carry the
 * response's status and headers.
 */
export function judgeResponse(
  response: ResponseHead,
  request: ClientRequest,
): Agreement | HandshakeError {
  const flaw =
    judgeBody(response) ??
    judgeUpgrade(response) ??
    judgeAccept(response, request.key) ??
    judgeFields(response, request);
  return flaw === undefined ? agreementOf(response) : complain(flaw, response);
}

/** What a response says was agreed on, once it has been judged. */
export function agreementOf({ headers }: AnswerHead): Agreement {
  return {
    protocol: headers.get('sec-websocket-protocol') ?? '',
    extensions: headers.get('sec-websocket-extensions') ?? '',
  };
}

export function complain({ code, detail }: Flaw, { status, headers }: AnswerHead): HandshakeError {
  return new HandshakeError(code, detail, { status, headers });
}

/** What a response of any version of HTTP has. */
export type AnswerHead = Pick<ResponseHead, 'status' | 'headers'>;

export interface Flaw {
  readonly code: HandshakeErrorCode;
  readonly detail: string;
}

/**
 * RFC 9112 §6.3 — a 101 has no body. One that announces a body was written by something that
 * takes the octets after it for HTTP. A length of 0 is harmless, and some servers send it.
 */
function judgeBody({ headers }: ResponseHead): Flaw | undefined {
  const code = 'ERR_WS_HEAD_MALFORMED';
  if (headers.has('transfer-encoding')) {
    return { code, detail: 'a 101 response has a Transfer-Encoding' };
  }
  const length = headers.get('content-length');
  if (length === undefined || length === '0') return undefined;
  return { code, detail: `a 101 response has the Content-Length ${quote(length)}` };
}

/** §4.1, the second check (the whole value) and the third (one of the elements). */
function judgeUpgrade({ headers }: ResponseHead): Flaw | undefined {
  const upgrade = headers.get('upgrade');
  if (!equalsToken(upgrade ?? '', 'websocket')) {
    return { code: 'ERR_WS_UPGRADE', detail: quote(upgrade) };
  }
  const connection = headers.get('connection');
  if (!hasToken(connection, 'Upgrade')) {
    return { code: 'ERR_WS_CONNECTION', detail: quote(connection) };
  }
  return undefined;
}

/** §4.1, the fourth check. Two values are joined with a comma, and hence not equal. */
function judgeAccept({ headers }: ResponseHead, key: string): Flaw | undefined {
  const accept = headers.get('sec-websocket-accept');
  if (accept !== undefined && trimSpace(accept) === acceptFor(key)) return undefined;
  return { code: 'ERR_WS_ACCEPT', detail: quote(accept) };
}

/** §4.1, the fifth and the sixth check, of what either version of HTTP says in its fields. */
export function judgeFields(response: AnswerHead, request: ClientRequest): Flaw | undefined {
  return (
    judgeExtensions(response, request.extensions) ?? judgeProtocol(response, request.protocols)
  );
}

/** §4.1, the fifth check. Parameters are for the extension itself to judge. */
function judgeExtensions({ headers }: AnswerHead, offer: string | undefined): Flaw | undefined {
  const value = headers.get('sec-websocket-extensions');
  if (value === undefined) return undefined;
  const code = 'ERR_WS_EXTENSION';
  const names = extensionNames(value);
  if (names === undefined) return { code, detail: `malformed: ${quote(value)}` };
  const offered = new Set(offer === undefined ? [] : extensionNames(offer));
  const stranger = names.find((name) => !offered.has(name));
  if (stranger !== undefined) return { code, detail: `${quote(stranger)} was not offered` };
  if (new Set(names).size === names.length) return undefined;
  return { code, detail: `an extension is accepted twice: ${quote(value)}` };
}

function extensionNames(value: string): string[] | undefined {
  return parseExtensions(value)?.map(({ name }) => name);
}

/**
 * §4.1, the sixth check. RFC 6455 lets a server leave the header out and the client go on without
 * a subprotocol. A client that asked for some can do nothing with that, and would find out at the
 * first message it misunderstands: browsers fail the connection (WHATWG WebSockets, "establish a
 * WebSocket connection"), and so does this one.
 */
function judgeProtocol({ headers }: AnswerHead, offered: readonly string[]): Flaw | undefined {
  const code = 'ERR_WS_SUBPROTOCOL';
  const protocol = headers.get('sec-websocket-protocol');
  if (protocol === undefined) {
    if (offered.length === 0) return undefined;
    return { code, detail: `the server chose none of ${quote(offered.join(', '))}` };
  }
  // Two values are joined with a comma, which no name that was offered contains.
  if (offered.includes(protocol)) return undefined;
  return { code, detail: `${quote(protocol)} was not offered` };
}
