/**
 * RFC 9112 — the head of an HTTP/1.1 request or response, on a stream that no HTTP server reads.
 *
 * Strict, because two parsers that disagree about one message are how requests are smuggled
 * (RFC 9112 §11.2): lines end in CRLF, nothing is folded, nothing stands before a colon.
 */
import { HandshakeError, invalidArgument, statusOf } from '../errors.ts';
import type { HandshakeErrorCode } from '../errors.ts';
import { addField, isFieldValue, isToken, quote, trimSpace } from './header-values.ts';
import type { HeaderMap } from './header-values.ts';
import { decodeLatin1, encodeLatin1 } from './latin1.ts';
import { isAuthorityForm, splitTarget } from './request-target.ts';

export interface RequestHead {
  readonly method: string;
  /** In origin-form or absolute-form, as it was sent. */
  readonly target: string;
  readonly httpVersion: '1.0' | '1.1';
  readonly headers: HeaderMap;
}

export interface ResponseHead {
  readonly httpVersion: '1.0' | '1.1';
  readonly status: number;
  readonly reason: string;
  readonly headers: HeaderMap;
  /** The values of Set-Cookie, which joined could not be told apart (RFC 6265 §3). */
  readonly cookies: readonly string[];
}

export interface HeadLimits {
  /** Octets of a head, its blank line included. Default 16 384, as Node's HTTP parser. */
  readonly maxHeadSize: number;
  /** Header fields, repeated ones counted each. Default 100. */
  readonly maxHeaders: number;
}

export const DEFAULT_HEAD_LIMITS: HeadLimits = Object.freeze({
  maxHeadSize: 16_384,
  maxHeaders: 100,
});

export type HeadResult =
  | { readonly kind: 'needMore' }
  | {
      readonly kind: 'head';
      /** From the start line through the blank line: a view of the chunk if that had all of it. */
      readonly head: Uint8Array;
      /** A view of what follows the head in the last chunk; perhaps empty. */
      readonly rest: Uint8Array;
    }
  | { readonly kind: 'refusal'; readonly error: HandshakeError };

type Complaint = (code: HandshakeErrorCode, detail: string) => HandshakeError;

/** A server's error carries the status to answer with; a client's, only one it received. */
const complainOfRequest: Complaint = (code, detail) =>
  new HandshakeError(code, detail, { status: statusOf(code) });
const complainOfResponse: Complaint = (code, detail) => new HandshakeError(code, detail);

const EMPTY = new Uint8Array(0);

const LF = 0x0a;
const CR = 0x0d;
const LINE_END = '\r\n';
const HEAD_END = '\r\n\r\n';

/** How much of the CR LF CR LF that ends a head has been seen. */
const Seen = { nothing: 0, cr: 1, crlf: 2, crlfcr: 3 } as const;
type Seen = (typeof Seen)[keyof typeof Seen];

/**
 * Collects the octets of a head, whatever slices they come in. Every octet is looked at once and
 * copied a bounded number of times; no more than `maxHeadSize` octets are kept. It refuses with
 * ERR_WS_HEAD_TOO_LARGE once the head is longer, and with ERR_WS_HEAD_MALFORMED at the first CR or
 * LF that stands alone. A refusal is final; after a head, the reader begins with the next one,
 * which is how a client gets past interim responses (RFC 9110 §15.2).
 */
export class HeadReader {
  readonly #limits: HeadLimits;
  readonly #complain: Complaint;
  #octets: Uint8Array = EMPTY;
  #length = 0;
  #seen: Seen = Seen.nothing;
  #refusal: HandshakeError | undefined;

  /** With `reads: 'request'` a refusal carries the status that a server answers with. */
  constructor(
    limits: HeadLimits = DEFAULT_HEAD_LIMITS,
    reads: 'request' | 'response' = 'response',
  ) {
    this.#limits = limits;
    this.#complain = reads === 'request' ? complainOfRequest : complainOfResponse;
  }

  push(chunk: Uint8Array): HeadResult {
    if (this.#refusal !== undefined) return { kind: 'refusal', error: this.#refusal };
    const room = this.#limits.maxHeadSize - this.#length;
    const scanned = Math.min(chunk.length, room);
    for (let index = 0; index < scanned; index++) {
      const octet = chunk[index]!;
      if (octet === LF && this.#seen === Seen.crlfcr) return this.#finish(chunk, index + 1);
      const seen = advance(this.#seen, octet);
      if (seen === undefined) {
        const where = `a CR or LF stands alone near octet ${this.#length + index}`;
        return this.#refuse('ERR_WS_HEAD_MALFORMED', where);
      }
      this.#seen = seen;
    }
    if (chunk.length >= room) {
      return this.#refuse('ERR_WS_HEAD_TOO_LARGE', tooManyOctets(this.#limits));
    }
    this.#append(chunk);
    return { kind: 'needMore' };
  }

  #finish(chunk: Uint8Array, end: number): HeadResult {
    let head = chunk.subarray(0, end);
    if (this.#length > 0) {
      this.#append(head);
      head = this.#octets.subarray(0, this.#length);
    }
    this.#reset();
    return { kind: 'head', head, rest: chunk.subarray(end) };
  }

  #refuse(code: HandshakeErrorCode, detail: string): HeadResult {
    this.#reset();
    const error = this.#complain(code, detail);
    this.#refusal = error;
    return { kind: 'refusal', error };
  }

  #reset(): void {
    this.#octets = EMPTY;
    this.#length = 0;
    this.#seen = Seen.nothing;
  }

  #append(octets: Uint8Array): void {
    const length = this.#length + octets.length;
    if (length > this.#octets.length) {
      // Doubling keeps the copying linear when a peer sends one octet at a time.
      const capacity = Math.max(length, 2 * this.#octets.length);
      const larger = new Uint8Array(Math.min(capacity, this.#limits.maxHeadSize));
      larger.set(this.#octets.subarray(0, this.#length));
      this.#octets = larger;
    }
    this.#octets.set(octets, this.#length);
    this.#length = length;
  }
}

/** The next state but for the LF that ends the head; undefined for a CR or LF that stands alone. */
function advance(seen: Seen, octet: number): Seen | undefined {
  const afterCr = seen === Seen.cr || seen === Seen.crlfcr;
  if (octet === LF) return afterCr ? Seen.crlf : undefined;
  if (afterCr) return undefined;
  if (octet !== CR) return Seen.nothing;
  return seen === Seen.crlf ? Seen.crlfcr : Seen.cr;
}

function tooManyOctets({ maxHeadSize }: HeadLimits): string {
  return `more than ${maxHeadSize} octets`;
}

/** RFC 9112 §3 — the head of a request, or why it is refused (with a status to answer with). */
export function parseRequestHead(
  head: Uint8Array,
  limits: HeadLimits = DEFAULT_HEAD_LIMITS,
): RequestHead | HandshakeError {
  const parts = parseHead(head, limits, complainOfRequest);
  if (parts instanceof HandshakeError) return parts;
  const [method = '', target = '', version = '', ...more] = parts.startLine.split(' ');
  if (more.length > 0 || !isToken(method)) {
    return complainOfRequest('ERR_WS_HEAD_MALFORMED', `request line ${quote(parts.startLine)}`);
  }
  // The version goes before the target, for HTTP/2's preface asks for "*".
  const httpVersion = parseVersion(version, complainOfRequest);
  if (httpVersion instanceof HandshakeError) return httpVersion;
  if (splitTarget(target) === undefined) {
    return complainOfRequest('ERR_WS_HEAD_MALFORMED', `request target ${quote(target)}`);
  }
  return { method, target, httpVersion, headers: parts.headers };
}

/** RFC 9112 §4 — a version, a status, and a reason that many servers leave out with its space. */
const STATUS_LINE = /^([^ ]*) ([1-9][0-9]{2})(?: ([^]*))?$/;

/** RFC 9112 §4 — the head of a response, or why it is refused. */
export function parseResponseHead(
  head: Uint8Array,
  limits: HeadLimits = DEFAULT_HEAD_LIMITS,
): ResponseHead | HandshakeError {
  const parts = parseHead(head, limits, complainOfResponse);
  if (parts instanceof HandshakeError) return parts;
  const [line, version = '', status = '', reason = ''] = STATUS_LINE.exec(parts.startLine) ?? [];
  if (line === undefined || !isFieldValue(reason)) {
    return complainOfResponse('ERR_WS_HEAD_MALFORMED', `status line ${quote(parts.startLine)}`);
  }
  const httpVersion = parseVersion(version, complainOfResponse);
  if (httpVersion instanceof HandshakeError) return httpVersion;
  const { headers, text } = parts;
  const cookies = headers.has('set-cookie') ? valuesOf('set-cookie', text) : [];
  return { httpVersion, status: Number(status), reason, headers, cookies };
}

/** RFC 9110 §2.5 — a minor version above 1 is read as the highest one known. */
function parseVersion(version: string, complain: Complaint): '1.0' | '1.1' | HandshakeError {
  if (!/^HTTP\/[0-9]\.[0-9]$/.test(version)) {
    return complain('ERR_WS_HEAD_MALFORMED', `HTTP version ${quote(version)}`);
  }
  if (!version.startsWith('HTTP/1.')) return complain('ERR_WS_HTTP_VERSION', version);
  return version === 'HTTP/1.0' ? '1.0' : '1.1';
}

interface HeadParts {
  /** All of the head. */
  readonly text: string;
  readonly startLine: string;
  readonly headers: HeaderMap;
}

function parseHead(
  head: Uint8Array,
  limits: HeadLimits,
  complain: Complaint,
): HeadParts | HandshakeError {
  if (head.length > limits.maxHeadSize) {
    return complain('ERR_WS_HEAD_TOO_LARGE', tooManyOctets(limits));
  }
  // Views of one string: what outlives the handshake is copied by whoever keeps it.
  const text = decodeLatin1(head);
  if (!text.endsWith(HEAD_END)) {
    return complain('ERR_WS_HEAD_MALFORMED', 'it does not end in a blank line');
  }
  const last = text.length - HEAD_END.length;
  const headers = new Map<string, string>();
  const startLineEnd = text.indexOf(LINE_END);
  for (let at = startLineEnd, fields = 1; at < last; fields++) {
    if (fields > limits.maxHeaders) {
      return complain('ERR_WS_HEAD_TOO_LARGE', `more than ${limits.maxHeaders} fields`);
    }
    const start = at + LINE_END.length;
    at = text.indexOf(LINE_END, start);
    if (!readFieldLine(text, start, at, headers)) {
      return complain('ERR_WS_HEAD_MALFORMED', `field ${quote(text.slice(start, at))}`);
    }
  }
  return { text, startLine: text.slice(0, startLineEnd), headers };
}

/**
 * RFC 9112 §5 — a name, a colon, a value. A folded line (§5.2) begins with a space and a space
 * before the colon (§5.1) ends the name: neither leaves a token.
 */
function readFieldLine(
  text: string,
  start: number,
  end: number,
  headers: Map<string, string>,
): boolean {
  const colon = text.indexOf(':', start);
  if (colon < start || colon > end) return false;
  const name = text.slice(start, colon);
  const value = trimSpace(text, colon + 1, end);
  if (!isToken(name) || !isFieldValue(value)) return false;
  addField(headers, name, value);
  return true;
}

/** The values of a repeated field, each for itself, in a head that has been read. */
function valuesOf(name: string, text: string): string[] {
  const values: string[] = [];
  for (const line of text.split(LINE_END)) {
    const colon = line.indexOf(':');
    if (colon < 0 || line.slice(0, colon).toLowerCase() !== name) continue;
    values.push(trimSpace(line, colon + 1));
  }
  return values;
}

/**
 * The head of a request, for CONNECT with a target in authority-form (RFC 9112 §3.2.3). Throws a
 * TypeError if anything in it would break out of its place.
 */
export function serializeRequestHead(
  method: string,
  target: string,
  headers: readonly (readonly [string, string])[],
): Uint8Array {
  if (!isToken(method)) throw invalidArgument(`the method ${quote(method)} is not a token`);
  const isConnect = method === 'CONNECT';
  if (isConnect ? !isAuthorityForm(target) : splitTarget(target) === undefined) {
    throw invalidArgument(`${quote(target)} is not a request target`);
  }
  return serializeHead(`${method} ${target} HTTP/1.1`, headers);
}

/** The head of a response. Throws a TypeError if anything in it would break out of its place. */
export function serializeResponseHead(
  status: number,
  reason: string,
  headers: readonly (readonly [string, string])[],
): Uint8Array {
  if (!Number.isInteger(status) || status < 100 || status > 999) {
    throw invalidArgument(`${status} is not an HTTP status`);
  }
  if (!isFieldValue(reason)) throw invalidArgument(`${quote(reason)} is not a reason phrase`);
  return serializeHead(`HTTP/1.1 ${status} ${reason}`, headers);
}

function serializeHead(
  startLine: string,
  headers: readonly (readonly [string, string])[],
): Uint8Array {
  let text = `${startLine}\r\n`;
  for (const [name, value] of headers) {
    if (!isToken(name) || !isFieldValue(value)) {
      throw invalidArgument(`the header ${quote(name)} has a forbidden character`);
    }
    text += `${name}: ${value}\r\n`;
  }
  text += '\r\n';
  return encodeLatin1(text);
}

/** RFC 9110 §15 — the phrases for what an opening handshake is answered with. */
const REASON_PHRASES: ReadonlyMap<number, string> = new Map([
  [101, 'Switching Protocols'],
  [200, 'OK'],
  [204, 'No Content'],
  [301, 'Moved Permanently'],
  [302, 'Found'],
  [303, 'See Other'],
  [304, 'Not Modified'],
  [307, 'Temporary Redirect'],
  [308, 'Permanent Redirect'],
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [402, 'Payment Required'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [407, 'Proxy Authentication Required'],
  [408, 'Request Timeout'],
  [409, 'Conflict'],
  [410, 'Gone'],
  [413, 'Content Too Large'],
  [421, 'Misdirected Request'],
  [422, 'Unprocessable Content'],
  [426, 'Upgrade Required'],
  [429, 'Too Many Requests'],
  [431, 'Request Header Fields Too Large'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
  [502, 'Bad Gateway'],
  [503, 'Service Unavailable'],
  [504, 'Gateway Timeout'],
  [505, 'HTTP Version Not Supported'],
]);

/** The usual phrase for a status, or the empty string, which is a valid phrase too. */
export function reasonPhrase(status: number): string {
  return REASON_PHRASES.get(status) ?? '';
}

/** A status for an error's sentence: with the usual phrase, or the server's own words in quotes. */
export function describeStatus(status: number, reason: string): string {
  const usual = reasonPhrase(status);
  const words = reason === '' || reason === usual ? usual : quote(reason);
  return trimSpace(`${status} ${words}`);
}
