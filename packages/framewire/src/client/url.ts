/** RFC 6455 §3 — WebSocket URIs, read as WHATWG URLs, and what has to be dialled for them. */
import { invalidUrl } from '../errors.ts';
import type { Credentials } from './authentication.ts';

export interface Destination {
  /** The URL as it is shown, without credentials. */
  readonly url: string;
  readonly isSecure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** A unix socket to dial instead of host and port. */
  readonly socketPath: string | undefined;
  /** The value of the Host header. */
  readonly host: string;
  /** Path and query: what is requested. */
  readonly target: string;
  /** The user information of the URL, for the Authorization header (RFC 7617). */
  readonly credentials: Credentials | undefined;
}

/** `ws:` and `wss:`, `http:` and `https:` for them, and their `+unix` kinds. */
const SCHEMES: ReadonlyMap<string, boolean> = new Map([
  ['ws:', false],
  ['http:', false],
  ['ws+unix:', false],
  ['wss:', true],
  ['https:', true],
  ['wss+unix:', true],
]);

/** Reads a URL; a `TypeError` with the code `ERR_WS_INVALID_URL` for one that cannot be dialled. */
export function parseUrl(input: string | URL, socketPath?: string): Destination {
  const url = toUrl(input);
  const credentials = credentialsOf(url);
  // From here on nothing shows them: not an error, not the connection.
  url.username = '';
  url.password = '';
  const isSecure = SCHEMES.get(url.protocol);
  if (isSecure === undefined) {
    throw invalidUrl(`${url.href}: the scheme is ${url.protocol} where ws: or wss: is needed`);
  }
  // §3: fragment identifiers are meaningless for WebSockets.
  if (url.hash !== '') throw invalidUrl(`${url.href}: it has a fragment`);
  if (url.port === '0') throw invalidUrl(`${url.href}: port 0 cannot be dialled`);
  if (url.protocol.endsWith('+unix:')) return unixDestination(url, isSecure);
  if (url.hostname === '') throw invalidUrl(`${url.href}: it has no host`);
  return {
    url: `${isSecure ? 'wss' : 'ws'}://${url.host}${url.pathname}${url.search}`,
    isSecure,
    hostname: url.hostname.replace(/^\[(.*)\]$/u, '$1'),
    port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
    socketPath,
    host: url.host,
    target: `${url.pathname}${url.search}`,
    credentials,
  };
}

/** The origin as pages, and cookies, know it: such as `https://example.com` for a `wss:` URL. */
export function originOf({ isSecure, host }: Destination): string {
  return `${isSecure ? 'https' : 'http'}://${host}`;
}

function toUrl(input: string | URL): URL {
  try {
    return new URL(input);
  } catch {
    // Without a cause, for that of Node has the whole text.
    throw invalidUrl(withoutSecrets(String(input)));
  }
}

/** A URL, or what should be one, to be shown: all before an "@" may be a password. */
export function withoutSecrets(text: string): string {
  const at = text.lastIndexOf('@');
  return at < 0 ? text : `…${text.slice(at)}`;
}

/** `ws+unix:/path/to/socket:/request/path`: the first colon ends the path of the socket. */
function unixDestination(url: URL, isSecure: boolean): Destination {
  const [socketPath, path = '/'] = splitOnce(url.pathname, ':');
  if (socketPath === '') throw invalidUrl(`${url.href}: it has no path of a socket`);
  return {
    url: url.href,
    isSecure,
    hostname: 'localhost',
    port: 0,
    socketPath: decode(socketPath),
    host: 'localhost',
    target: `${path === '' ? '/' : path}${url.search}`,
    credentials: undefined,
  };
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function credentialsOf({ username, password }: URL): Credentials | undefined {
  if (username === '' && password === '') return undefined;
  return { username: decode(username), password: decode(password) };
}

/** A percent sign that encodes nothing is left by the URL parser as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw invalidUrl('a part of it is not percent-encoded UTF-8', { cause });
  }
}
