/** The options of `connect`, resolved once. */
import type { Agent } from 'node:http';
import { Duplex } from 'node:stream';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { ConnectionHandler } from '../connection/handler.ts';
import {
  resolveConnectionOptions,
  type ConnectionOptions,
  type ConnectionSettings,
} from '../connection/options.ts';
import { isTransported } from '../connection/transport.ts';
import { invalidArgument } from '../errors.ts';
import { headerEntries, type HeadersLike } from '../handshake/header-values.ts';
import { checkSubprotocolNames } from '../handshake/subprotocol.ts';
import { requirePositive } from '../protocol/limits.ts';
import { authorizationOf, type Authentication } from './authentication.ts';
import type { CookieJar } from './cookies.ts';
import type { Dial, Dialling, ProxyFunction, TcpOptions } from './dial.ts';
import type { ProxyChoice } from './proxy.ts';

/**
 * Asked once for each call of `connect`, such as for a token that expires. `connect` rejects with what it
 * throws.
 */
export type HeadersFunction = () => HeadersLike | Promise<HeadersLike>;

export interface ConnectOptions extends ConnectionOptions {
  /** Subprotocols to offer, best first (RFC 6455 §1.9). A server that chooses none is an error. */
  readonly protocols?: string | readonly string[] | undefined;
  /**
   * Further headers of the request, or a function that is asked for them. Those of the handshake
   * itself cannot be set.
   */
  readonly headers?: HeadersLike | HeadersFunction | undefined;
  /**
   * Authorization: Basic for a user name and a password (RFC 7617), Bearer for a token (RFC 6750).
   * Takes the place of the URL's user information; a header of that name takes the place of both.
   */
  readonly auth?: Authentication | undefined;
  /** Gives the Cookie header, and takes every Set-Cookie: a `CookieJar` of tough-cookie, for one. */
  readonly cookieJar?: CookieJar | undefined;
  /** The Origin header (§10.2), which only browsers have to send. */
  readonly origin?: string | undefined;
  /**
   * Ends the opening handshake in any of its phases; has no effect on an open connection. When the
   * server has refused already, that is told, with as much of the body as has come.
   */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for all of it, from the first question to the last answer. Default 45 000. */
  readonly handshakeTimeout?: number | undefined;
  /**
   * Redirects to follow; one more is `ERR_WS_REDIRECT`, as is one from `wss:` to `ws:`. Another origin
   * gets no Authorization, Cookie or Host header, no `auth`, and of `tls` nothing that says who the client
   * is or which server it expects (certificate and key, PSK, session, `servername`, a `secureContext` as a
   * whole); the cookie jar knows what it may have. With an `agent` another origin is `ERR_WS_REDIRECT`. Default
   * 0: a redirect is a refusal.
   */
  readonly maxRedirects?: number | undefined;
  /**
   * `'auto'` offers HTTP/2 in ALPN for `wss:`, uses it where the server has WebSockets over it
   * (RFC 8441), and HTTP/1.1 elsewhere; `2` has no use for other servers (`ERR_WS_HTTP2`), and speaks
   * HTTP/2 on `ws:` too. Connections to one server, dialled with the same options, share a session as
   * long as it has room; the last of them closes it, and the socket is destroyed if it is still there
   * `closeTimeout` later. Default 1.
   */
  readonly httpVersion?: 1 | 2 | 'auto' | undefined;
  /**
   * The proxy to go through: its URL, `'environment'` for the one that WSS_PROXY, HTTPS_PROXY or
   * ALL_PROXY names (`ws:`: WS_PROXY, HTTP_PROXY, ALL_PROXY) unless NO_PROXY excepts the host, or a
   * function that chooses for a URL. What it refuses is `ERR_WS_PROXY`. Default: none.
   */
  readonly proxy?: ProxyChoice | ProxyFunction | undefined;
  /** How `wss:` is dialled: certificates, `servername`, `rejectUnauthorized` and the like. */
  readonly tls?: TlsOptions | undefined;
  /** How TCP is dialled: `localAddress`, `lookup`, `family`, `autoSelectFamily`, `keepAlive` … */
  readonly tcp?: TcpOptions | undefined;
  /** A unix socket to dial, whatever the host of the URL; proxies have no part in it. */
  readonly socketPath?: string | undefined;
  /** Dials TCP in place of `net.connect`: to the proxy, where there is one. TLS is put upon it. */
  readonly dial?: Dial | undefined;
  /** Dials a `wss:` server, TLS included, where there is no proxy; `tls` has no part in it. */
  readonly dialTls?: Dial | undefined;
  /** Asks through an agent of Node's HTTP client, such as one for proxies; HTTP/1.1 only. */
  readonly agent?: Agent | undefined;
  /** A stream that is connected, or about to be, for `wss:` with TLS on it; nothing is dialled. */
  readonly transport?: Duplex | undefined;
  readonly handler?: ConnectionHandler<undefined, undefined> | undefined;
}

/** What a client is to do, with the defaults filled in. */
export interface Plan {
  readonly settings: ConnectionSettings;
  readonly handshakeTimeout: number;
  readonly signal: AbortSignal | undefined;
  readonly protocols: readonly string[];
  readonly headers: readonly [string, string][] | HeadersFunction;
  /** The value of Authorization. */
  readonly authorization: string | undefined;
  readonly origin: string | undefined;
  readonly cookieJar: CookieJar | undefined;
  readonly maxRedirects: number;
  readonly httpVersion: 1 | 2 | 'auto';
  readonly dialling: Dialling;
  readonly agent: Agent | undefined;
  readonly transport: Duplex | undefined;
  readonly handler: ConnectionHandler<undefined, undefined> | undefined;
}

/** A `TypeError` or `RangeError` names the option that is wrong. */
export function resolvePlan(options: ConnectOptions): Plan {
  const settings = resolveConnectionOptions(options);
  const { protocols = [], headers, handshakeTimeout = 45_000 } = options;
  const { maxRedirects = 0, httpVersion = 1 } = options;
  const { tcp = {}, tls = {}, dial, dialTls, proxy } = options;
  requirePositive('handshakeTimeout', handshakeTimeout);
  const names = typeof protocols === 'string' ? [protocols] : [...protocols];
  checkSubprotocolNames(names);
  checkRoute(options, httpVersion, maxRedirects);
  return {
    settings,
    handshakeTimeout,
    signal: options.signal,
    protocols: names,
    headers: typeof headers === 'function' ? headers : headerEntries(headers),
    authorization: options.auth && authorizationOf(options.auth),
    origin: options.origin,
    cookieJar: options.cookieJar,
    maxRedirects,
    httpVersion,
    // Copies: what is changed later is for others.
    dialling: { tcp: { ...tcp }, tls: { ...tls }, dial, dialTls, proxy },
    agent: options.agent,
    transport: options.transport,
    handler: options.handler,
  };
}

function checkRoute(options: ConnectOptions, httpVersion: unknown, maxRedirects: number): void {
  const { transport, agent, proxy, dial, dialTls, tcp } = options;
  if (httpVersion !== 1 && httpVersion !== 2 && httpVersion !== 'auto') {
    throw invalidArgument(`httpVersion must be 1, 2 or 'auto', got ${String(httpVersion)}`);
  }
  if (!Number.isInteger(maxRedirects) || maxRedirects < 0) {
    throw invalidArgument(`maxRedirects must be a number of redirects, got ${maxRedirects}`);
  }
  if (transport !== undefined) {
    if (!(transport instanceof Duplex)) throw invalidArgument('transport is not a Duplex');
    if (isTransported(transport)) {
      throw invalidArgument('transport is used by another connection');
    }
    if (maxRedirects > 0) throw invalidArgument('a transport leads to one server only');
  }
  const others = [proxy || undefined, dial, dialTls, tcp].some((option) => option !== undefined);
  const isWhole = [transport, agent].filter((option) => option !== undefined).length;
  if (isWhole > 1 || (isWhole === 1 && (others || httpVersion !== 1))) {
    throw invalidArgument('transport and agent go with no other way of dialling');
  }
}
