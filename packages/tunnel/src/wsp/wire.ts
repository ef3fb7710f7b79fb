/**
 * What wsp puts into its messages: the greeting of an agent, and the heads of requests and answers as
 * JSON in the form of Go's `encoding/json`. Pure: text in, values out.
 */
import { TunnelError } from '../errors.ts';
import { canonicalName, isFieldValue, isToken, type Fields } from './fields.ts';

/** The status that stands for a failure of the relay, and the one for a failure of the agent. */
export const RELAY_FAILED = 526;
export const AGENT_FAILED = 527;

/** Octets a greeting may have: an id is a UUID as a rule. */
export const MAX_GREETING = 1024;

export interface Greeting {
  readonly id: string;
  /** Idle connections the agent wants to have. */
  readonly size: number;
}

export interface RequestHead {
  /** In upper case. */
  readonly method: string;
  readonly url: string;
  readonly fields: Fields;
  /** Octets of the body; -1 where nobody knows yet. */
  readonly contentLength: number;
}

export interface ResponseHead {
  readonly statusCode: number;
  readonly fields: Fields;
  readonly contentLength: number;
}

/** Idle connections that a greeting may ask for; what is more counts as this many. */
export const MOST_IDLE = 10_000;

/** Whether a Go relay takes the greeting for what it is: it splits at every underscore. */
export function isAgentId(id: string): boolean {
  return id.length > 0 && id.length <= 255 && /^[\x21-\x7e]+$/.test(id) && !id.includes('_');
}

export function encodeGreeting({ id, size }: Greeting): string {
  return `${id}_${size}`;
}

/** The last underscore divides, so that ids with others in them are understood too. */
export function decodeGreeting(text: string): Greeting | TunnelError {
  const at = text.lastIndexOf('_');
  const [id, size] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 0 || !/^[+-]?\d{1,9}$/.test(size) || !/^[\x20-\x7e]{0,255}$/.test(id)) {
    return wireError('the greeting is not an id and a number');
  }
  return { id, size: Math.min(Math.max(Number(size), 0), MOST_IDLE) };
}

export function encodeRequestHead(head: RequestHead): string {
  const { method, url, contentLength } = head;
  const Header = toHeader(head.fields);
  return toGoJson({ Method: method, URL: url, Header, ContentLength: contentLength });
}

export function encodeResponseHead(head: ResponseHead): string {
  const { statusCode, contentLength } = head;
  return toGoJson({
    StatusCode: statusCode,
    Header: toHeader(head.fields),
    ContentLength: contentLength,
  });
}

export function decodeRequestHead(text: string): RequestHead | TunnelError {
  const entries = parseObject(text);
  if (entries instanceof TunnelError) return entries;
  const method = entries.get('method') ?? '';
  const url = entries.get('url') ?? '';
  const fields = toFields(entries.get('header'));
  const contentLength = entries.get('contentlength') ?? 0;
  if (fields instanceof TunnelError) return fields;
  if (typeof method !== 'string' || (method !== '' && !isToken(method))) {
    return wireError('Method is not a token');
  }
  if (typeof url !== 'string') return wireError('URL is not a string');
  if (!isLength(contentLength)) return wireError('ContentLength is not a length');
  // Go's own clients read no method as GET. Node sends upper case, so that is what rules are asked about.
  const asked = method === '' ? 'GET' : method.toUpperCase();
  return { method: asked, url, fields, contentLength };
}

export function decodeResponseHead(text: string): ResponseHead | TunnelError {
  const entries = parseObject(text);
  if (entries instanceof TunnelError) return entries;
  const statusCode = entries.get('statuscode');
  const fields = toFields(entries.get('header'));
  const contentLength = entries.get('contentlength') ?? 0;
  if (fields instanceof TunnelError) return fields;
  // A 101 would promise what wsp cannot keep, and no 1xx is an answer (RFC 9110 §15.2).
  if (!Number.isInteger(statusCode) || Number(statusCode) < 200 || Number(statusCode) > 999) {
    return wireError('StatusCode is not one of an answer');
  }
  if (!isLength(contentLength)) return wireError('ContentLength is not a length');
  return { statusCode: Number(statusCode), fields, contentLength };
}

export function wireError(detail: string): TunnelError {
  return new TunnelError('ERR_TUNNEL_WSP_WIRE', detail);
}

function isLength(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= -1;
}

/** As Go's decoder: names in any case, the last of several counts, null is as good as none. */
function parseObject(text: string): ReadonlyMap<string, unknown> | TunnelError {
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return wireError('the head is no JSON object');
  }
  const entries = new Map<string, unknown>();
  for (const [name, entry] of Object.entries(value)) {
    if (entry !== null) entries.set(name.toLowerCase(), entry);
  }
  return entries;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function toFields(header: unknown): Fields | TunnelError {
  const fields = new Map<string, string[]>();
  if (header === undefined) return fields;
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    return wireError('Header is no object');
  }
  for (const [written, values] of Object.entries(header)) {
    const name = canonicalName(written);
    if (!isToken(name)) return wireError('Header has a name that is no token');
    if (values === null) continue;
    if (!Array.isArray(values)) return wireError(`the values of ${name} are no list`);
    for (const value of values as unknown[]) {
      if (typeof value !== 'string' || !isFieldValue(value)) {
        return wireError(`a value of ${name} is none`);
      }
      const others = fields.get(name);
      if (others === undefined) fields.set(name, [value]);
      else others.push(value);
    }
  }
  return fields;
}

/** Go sorts the keys of a map. Without a prototype, so that no name means anything else. */
function toHeader(fields: Fields): Record<string, readonly string[]> {
  const header = Object.create(null) as Record<string, readonly string[]>;
  for (const name of [...fields.keys()].sort()) header[name] = fields.get(name) ?? [];
  return header;
}

/** JSON as `encoding/json` writes it: safe inside of HTML and of JavaScript. */
function toGoJson(value: object): string {
  // An escape is taken whole, so that the second backslash of two begins none.
  return JSON.stringify(value).replace(
    /\\.|[&<>\u2028\u2029]/g,
    (found) => ESCAPES[found] ?? found,
  );
}

/** Go, before 1.22, has no short form for two controls. */
const ESCAPES: Readonly<Record<string, string>> = {
  '\\b': '\\u0008',
  '\\f': '\\u000c',
  '&': '\\u0026',
  '<': '\\u003c',
  '>': '\\u003e',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};
