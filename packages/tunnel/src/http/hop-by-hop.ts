/**
 * RFC 9110 §7.6.1 — what a message says to the next hop only, and what a gateway passes on. Fields
 * are flat lists of names and values, as Node's `rawHeaders`: case, order and repetitions are kept.
 */
import type { IncomingMessage } from 'node:http';
import { TunnelError } from '../errors.ts';

export type Fields = string[];

/** What of a request makes up its head; `IncomingMessage` and `Http2ServerRequest` fit. */
export type RequestHead = Pick<
  IncomingMessage,
  'httpVersionMajor' | 'httpVersionMinor' | 'method' | 'rawHeaders'
>;

/**
 * Fields of one hop. `Proxy-*` are for proxies, of which a gateway is none (§11.7): what is said to
 * it would be said to the target. `HTTP2-Settings` belongs to an upgrade that is not passed on.
 */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Options that mean the connection itself, and say nothing about other fields. */
const PLAIN_OPTIONS: ReadonlySet<string> = new Set(['', 'close', 'keep-alive', 'upgrade']);

/**
 * Fields that `Connection` cannot take away: without them the message would be another one, and
 * whoever could take them from it could smuggle (RFC 9112 §11.2).
 */
const INDISPENSABLE: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'host',
  'set-cookie',
  'trailer',
]);

/** §6.5.1: what must be known before the content, and would come too late, or sneak in, after it. */
const NO_TRAILER: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...INDISPENSABLE,
  'cache-control',
  'content-encoding',
  'content-range',
  'forwarded',
  'max-forwards',
  'proxy-status',
  'x-real-ip',
]);

/** How the content of a message is delimited, which is taken off and put on again. */
export interface Framing {
  readonly isChunked: boolean;
  /** Undefined where no Content-Length says it. */
  readonly length: number | undefined;
}

/** §6.3 of RFC 9112; a TunnelError for a transfer coding that is not `chunked` alone. */
export function framingOf(
  rawHeaders: readonly string[],
  code: 'ERR_TUNNEL_BAD_REQUEST' | 'ERR_TUNNEL_BAD_RESPONSE',
): Framing | TunnelError {
  let isChunked = false;
  let length: number | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (name.length !== 14 && name.length !== 17) continue;
    const lower = name.toLowerCase();
    const value = rawHeaders[index + 1]!;
    if (lower === 'content-length') {
      if (length !== undefined) return new TunnelError(code, 'it has two lengths');
      length = /^[0-9]+$/.test(value) ? Number(value) : NaN;
    }
    if (lower !== 'transfer-encoding') continue;
    // Node's parser and ours take off `chunked` only: the octets of another coding would pass for the content.
    if (isChunked || value.trim().toLowerCase() !== 'chunked') {
      return new TunnelError(code, 'its transfer coding is not "chunked"');
    }
    isChunked = true;
  }
  if (length === undefined) return { isChunked, length };
  if (!Number.isSafeInteger(length)) return new TunnelError(code, 'its Content-Length is none');
  // It may be an attempt to smuggle, and ought to be handled as an error.
  return isChunked ? new TunnelError(code, 'it has two lengths') : { isChunked, length };
}

/** Methods whose requests are expected to have content (§8.6): theirs says so if it is empty. */
const WITHOUT_CONTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

export interface RequestFieldsOptions {
  readonly framing: Framing;
  /** Whether `Upgrade` is passed on, with the `Connection` that goes with it. Default false. */
  readonly isUpgrade?: boolean;
}

/** What of a request is passed on, in HTTP/1.1, with the framing it had. */
export function requestFields(
  request: RequestHead,
  { framing, isUpgrade = false }: RequestFieldsOptions,
): Fields {
  const isHttp2 = request.httpVersionMajor === 2;
  const raw = isHttp2 ? http1Fields(request.rawHeaders) : request.rawHeaders;
  const fields: Fields = [];
  const { upgrade, takesTrailers } = endToEnd(raw, fields, framing.isChunked);
  if (isUpgrade && upgrade !== undefined) fields.push('Connection', 'Upgrade', 'Upgrade', upgrade);
  // §10.1.4: TE is announced in Connection, as it is for the next hop.
  else if (takesTrailers) fields.push('TE', 'trailers', 'Connection', 'keep-alive, TE');
  if (framing.isChunked) fields.push('Transfer-Encoding', 'chunked');
  else if (framing.length === undefined && !WITHOUT_CONTENT.has(request.method ?? 'GET')) {
    fields.push('Content-Length', '0');
  }
  return fields;
}

export interface ResponseFieldsOptions {
  /** Whether it goes on in chunks, so that it may have trailers. */
  readonly isChunked: boolean;
  /** The status decides what becomes of `Upgrade`. */
  readonly status: number;
}

/** What of a response is passed on; its transfer coding is left to the next hop. */
export function responseFields(
  rawHeaders: readonly string[],
  { isChunked, status }: ResponseFieldsOptions,
): Fields {
  const fields: Fields = [];
  const { upgrade } = endToEnd(rawHeaders, fields, isChunked);
  if (upgrade === undefined) return fields;
  if (status === 101) fields.push('Connection', 'Upgrade', 'Upgrade', upgrade);
  // §15.5.22: it says what the resource wants, and upgrades are passed through.
  else if (status === 426) fields.push('Upgrade', upgrade);
  return fields;
}

/** The trailers that are passed on, as pairs. */
export function trailerPairs(rawTrailers: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index < rawTrailers.length; index += 2) {
    const name = rawTrailers[index]!;
    const lower = name.toLowerCase();
    if (NO_TRAILER.has(lower) || lower.startsWith('x-forwarded-')) continue;
    pairs.push([name, rawTrailers[index + 1]!]);
  }
  return pairs;
}

/** What the fields of one hop say that matters for the next one. */
interface Said {
  readonly upgrade: string | undefined;
  readonly takesTrailers: boolean;
}

/** Adds to `fields` what is not for one hop only. */
function endToEnd(raw: readonly string[], fields: Fields, isChunked: boolean): Said {
  const named = connectionOptions(raw);
  let upgrade: string | undefined;
  let takesTrailers = false;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    const lower = name.toLowerCase();
    const value = raw[index + 1]!;
    if (lower === 'upgrade') upgrade = upgrade === undefined ? value : `${upgrade}, ${value}`;
    // §10.1.4: of TE only this says something that a gateway passes on.
    if (lower === 'te') takesTrailers ||= /\btrailers\b/i.test(value);
    if (HOP_BY_HOP.has(lower) || named?.has(lower) === true) continue;
    // Node refuses to announce trailers where none can come.
    if (lower === 'trailer' && !isChunked) continue;
    // RFC 9112 §6.3: a Transfer-Encoding stands above it.
    if (lower === 'content-length' && isChunked) continue;
    fields.push(name, value);
  }
  return { upgrade, takesTrailers };
}

/** The names that Connection makes hop-by-hop; undefined if there are none, as nearly always. */
function connectionOptions(raw: readonly string[]): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    const value = raw[index + 1]!;
    if (value === 'keep-alive' || value === 'close') continue;
    for (const option of value.toLowerCase().split(',')) {
      const trimmed = option.trim();
      if (PLAIN_OPTIONS.has(trimmed) || INDISPENSABLE.has(trimmed)) continue;
      (named ??= new Set()).add(trimmed);
    }
  }
  return named;
}

/** RFC 9113 §8.3.1 and §8.2.3: Host for `:authority`, and one Cookie of its crumbs. */
function http1Fields(raw: readonly string[]): Fields {
  const fields: Fields = [];
  const crumbs: string[] = [];
  let host: string | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    const value = raw[index + 1]!;
    if (name === ':authority') host = value;
    else if (name === 'host') host ??= value;
    else if (name === 'cookie') crumbs.push(value);
    else if (!name.startsWith(':')) fields.push(name, value);
  }
  if (crumbs.length > 0) fields.push('Cookie', crumbs.join('; '));
  return host === undefined ? fields : ['Host', host, ...fields];
}
