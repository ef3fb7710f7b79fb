/** Which proxy a client goes through, if any, and what it is told there. */
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { invalidArgument } from '../errors.ts';
import { headerEntries, quote, type HeadersLike } from '../handshake/header-values.ts';
import { basic, type Credentials } from './authentication.ts';
import {
  proxyFromEnvironment,
  type Environment,
  type ProxiedDestination,
} from './proxy-environment.ts';
import { socks5Messages } from './socks5.ts';

export interface ProxyOptions {
  /**
   * `http:` and `https:` for CONNECT, `socks5:`, `socks5h:` or `socks:` for SOCKS 5, where names
   * are always resolved by the proxy. Without a scheme it is `http:`; the ports are 80, 443 and
   * 1080 unless it names another. Its user information authenticates.
   */
  readonly url: string | URL;
  /**
   * Further headers of CONNECT, not for SOCKS. A Proxy-Authorization among them takes the place of
   * the user information.
   */
  readonly headers?: HeadersLike | undefined;
  /** How an `https:` proxy is dialled: certificates, `servername` and the like. */
  readonly tls?: TlsOptions | undefined;
}

/**
 * A proxy; `'environment'` for the first that is set of WSS_PROXY, HTTPS_PROXY and ALL_PROXY, for `ws:`
 * of WS_PROXY, HTTP_PROXY and ALL_PROXY, each in lower case before upper case, and none for what
 * NO_PROXY lists; `false` or `undefined` for none.
 */
export type ProxyChoice = string | URL | ProxyOptions | false | undefined;

export interface Proxy {
  readonly kind: 'http' | 'https' | 'socks5';
  /** IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly credentials: Credentials | undefined;
  readonly headers: readonly (readonly [string, string])[];
  readonly tls: TlsOptions;
  /** As it is shown, without credentials. */
  readonly url: string;
}

interface Scheme {
  readonly kind: Proxy['kind'];
  readonly port: number;
}

const SOCKS5: Scheme = { kind: 'socks5', port: 1080 };

const SCHEMES: ReadonlyMap<string, Scheme> = new Map([
  ['http:', { kind: 'http', port: 80 }],
  ['https:', { kind: 'https', port: 443 }],
  ['socks:', SOCKS5],
  ['socks5:', SOCKS5],
  ['socks5h:', SOCKS5],
]);

/** RFC 9110 §7.2 and §9.3.6: the target stands in Host, and a CONNECT has no content. */
const OWNED_HEADERS: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding']);

/**
 * The proxy to dial instead of the destination. Throws a `TypeError` for one that cannot be used,
 * before anything is dialled. No error shows what may be a part of the credentials.
 */
export function resolveProxy(
  choice: ProxyChoice,
  destination: ProxiedDestination,
  environment: Environment = process.env,
): Proxy | undefined {
  const chosen = choice === 'environment' ? proxyFromEnvironment(destination, environment) : choice;
  if (chosen === undefined || chosen === false) return undefined;
  const proxy = toProxy(toOptions(chosen));
  const { kind, credentials, headers } = proxy;
  // Only to find out whether all of it can be said.
  if (kind === 'socks5') {
    if (headers.length > 0) throw invalidArgument('a SOCKS proxy takes no headers');
    socks5Messages(destination, credentials);
  } else if (credentials !== undefined) {
    basic(credentials);
  }
  return proxy;
}

function toProxy(options: ProxyOptions): Proxy {
  const url = toUrl(options.url);
  const scheme = SCHEMES.get(url.protocol);
  if (scheme === undefined) {
    throw invalidArgument(`the scheme ${quote(url.protocol)} is none of a proxy`);
  }
  const { kind } = scheme;
  const port = url.port === '' ? scheme.port : Number(url.port);
  if (port === 0) throw invalidArgument('port 0 of the proxy cannot be dialled');
  const headers = toHeaders(options.headers);
  const isAuthorized = headers.some(([name]) => isProxyAuthorization(name));
  const host = hostOf(url);
  return {
    kind,
    hostname: host.replace(/^\[(.*)\]$/u, '$1'),
    port,
    credentials: isAuthorized ? undefined : credentialsOf(url),
    headers,
    tls: options.tls ?? {},
    url: `${kind}://${host}:${port}`,
  };
}

function toOptions(chosen: string | URL | ProxyOptions): ProxyOptions {
  if (typeof chosen === 'string' || chosen instanceof URL) return { url: chosen };
  const url: unknown = typeof chosen === 'object' && chosen !== null ? chosen.url : undefined;
  if (typeof url === 'string' || url instanceof URL) return chosen;
  throw invalidArgument('proxy is neither a URL nor an object with one');
}

function toUrl(given: string | URL): URL {
  const text = String(given).trim();
  // `proxy.example:3128` would be a URL with a scheme, too.
  const url = parse(/^[a-z][a-z0-9+.-]*:\/\//iu.test(text) ? text : `http://${text}`);
  if (/^\/?$/u.test(url.pathname) && url.search === '' && url.hash === '') return url;
  throw invalidArgument('the URL of the proxy has more than a host and a port');
}

/** As browsers read hosts, which they do for the schemes they know only; IPv6 in brackets. */
function hostOf(url: URL): string {
  return parse(`http://${url.hostname}/`).hostname;
}

/** Without a cause, for that of Node has the whole text. */
function parse(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw invalidArgument('the proxy cannot be read as a URL; it is not shown as it may be secret');
  }
}

function credentialsOf({ username, password }: URL): Credentials | undefined {
  if (username === '' && password === '') return undefined;
  return { username: decode(username), password: decode(password) };
}

/** RFC 7617 §2: no control characters, which are nobody's intention in SOCKS either. */
function decode(text: string): string {
  try {
    const decoded = decodeURIComponent(text);
    if (!/\p{Cc}/u.test(decoded)) return decoded;
  } catch {
    // It is as wrong as the other.
  }
  throw invalidArgument('the user information of the proxy is not printable text in UTF-8');
}

function toHeaders(given: HeadersLike | undefined): readonly (readonly [string, string])[] {
  const headers = headerEntries(given);
  for (const [name] of headers) {
    if (OWNED_HEADERS.has(name.toLowerCase())) {
      throw invalidArgument(`the header ${name} of the proxy belongs to CONNECT itself`);
    }
  }
  if (headers.filter(([name]) => isProxyAuthorization(name)).length > 1) {
    throw invalidArgument('the Proxy-Authorization is given twice');
  }
  return headers;
}

function isProxyAuthorization(name: string): boolean {
  return name.toLowerCase() === 'proxy-authorization';
}
