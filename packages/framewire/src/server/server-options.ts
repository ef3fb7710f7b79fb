/** The options of a server, resolved once. */
import type { Connection } from '../connection/connection.ts';
import type { ConnectionHandler } from '../connection/handler.ts';
import {
  resolveConnectionOptions,
  type ConnectionOptions,
  type ConnectionSettings,
} from '../connection/options.ts';
import { invalidArgument, type HandshakeError, type TimeoutError } from '../errors.ts';
import type { HeadersLike } from '../handshake/header-values.ts';
import { checkOriginPatterns, type OriginPolicy } from '../handshake/origin.ts';
import { checkSubprotocolNames } from '../handshake/subprotocol.ts';
import { requirePositive } from '../protocol/limits.ts';
import type { HandshakeRequest } from './handshake-request.ts';

/** What `authorize` decides. */
export type Decision<Context = undefined> = Acceptance<Context> | Refusal;

/** `context` becomes `connection.context`, and is needed where that has a type of its own. */
export type Acceptance<Context> = AcceptanceOptions &
  (undefined extends Context
    ? { readonly context?: Context | undefined }
    : { readonly context: Context });

export interface AcceptanceOptions {
  readonly accept: true;
  /** A subprotocol the client offered; takes the place of the server's own choice. */
  readonly protocol?: string | undefined;
  /** Further headers of the 101. */
  readonly headers?: HeadersLike | undefined;
}

export interface Refusal {
  readonly accept: false;
  /**
   * 300 to 599 except 304, as a rule 401 or 403, whatever the version of HTTP. With any other number
   * there is no decision: as when `authorize` throws, the client is answered with 500.
   */
  readonly status: number;
  readonly headers?: HeadersLike | undefined;
  readonly body?: string | undefined;
}

/** Why an opening handshake failed: `TimeoutError` when it took too long. */
export type RefusalError = HandshakeError | TimeoutError;

/** An answer of the application's own to a handshake that was refused. */
export interface RefusalResponse {
  /** As that of a `Refusal`; with any other number the whole of this answer is left out. */
  readonly status?: number | undefined;
  readonly headers?: HeadersLike | undefined;
  readonly body?: string | undefined;
}

/** Which requests are for this server: a path exactly, or a pattern, matched as it is written. */
export type PathPattern = string | RegExp;

export interface ServerOptions<Context = undefined> extends ConnectionOptions {
  /**
   * Subprotocols the server speaks, or a function that chooses one of those offered. Of a list the
   * client's first is chosen; none in common means none is agreed. Default: none, and what a client
   * offers is never echoed.
   */
  readonly protocols?: readonly string[] | SubprotocolChoice | undefined;
  /**
   * Which pages may connect (RFC 6455 §10.2): those of the `same` host, `any`, a list of origins,
   * `*.`-wildcards and patterns, which may contain `same`, or a function. Others get 403. Default
   * `same`; no Origin at all is no browser.
   */
  readonly origins?: 'same' | 'any' | readonly (string | RegExp)[] | OriginChoice | undefined;
  /** The decision of the application, after all checks of the protocol; may take its time. */
  readonly authorize?:
    ((request: HandshakeRequest) => Decision<Context> | Promise<Decision<Context>>) | undefined;
  /** Milliseconds for a whole opening handshake, `authorize` included; then 408. Default 10 000. */
  readonly handshakeTimeout?: number | undefined;
  /** Connections, with those that `authorize` decides on; more get 503. Default `Infinity`. */
  readonly maxConnections?: number | undefined;
  /** The path for `listen` and `serve`, and for `attach` without one; others get 404. Default: any. */
  readonly path?: PathPattern | undefined;
  /** Receives the events of all connections: one object, called for each. */
  readonly handler?: ConnectionHandler<Context, HandshakeRequest> | undefined;
  /**
   * Called with each connection of `listen` and `attach`, to read it in a loop. What it throws fails
   * that connection alone, with 1011; that the connection itself ended badly is no mistake. Returning
   * does not close the connection.
   */
  readonly onConnection?: ((connection: Connection<Context>) => void | Promise<void>) | undefined;
  /**
   * Told of every handshake that failed; may answer it with a status, headers and body of its own,
   * unless `authorize` has answered. The request is undefined when it could not be read.
   */
  readonly onRefused?:
    | ((
        error: RefusalError,
        request: HandshakeRequest | undefined,
      ) => RefusalResponse | undefined | void)
    | undefined;
}

export type SubprotocolChoice = (
  offered: readonly string[],
  request: HandshakeRequest,
) => string | undefined;

export type OriginChoice = (origin: string | undefined, request: HandshakeRequest) => boolean;

export interface ServerSettings<Context> {
  readonly connection: ConnectionSettings;
  readonly protocols: readonly string[] | SubprotocolChoice;
  readonly origins: OriginPolicy | OriginChoice;
  readonly authorize: ServerOptions<Context>['authorize'];
  readonly handshakeTimeout: number;
  readonly maxConnections: number;
  readonly path: PathPattern | undefined;
  readonly handler: ConnectionHandler<Context, HandshakeRequest> | undefined;
  readonly onConnection: ServerOptions<Context>['onConnection'];
  readonly onRefused: ServerOptions<Context>['onRefused'];
}

/** The defaults filled in; a `TypeError` or `RangeError` names the option that is wrong. */
export function resolveServerOptions<Context>(
  options: ServerOptions<Context>,
): ServerSettings<Context> {
  const { handshakeTimeout = 10_000, maxConnections = Infinity } = options;
  const { protocols = [], origins = 'same' } = options;
  requirePositive('handshakeTimeout', handshakeTimeout);
  requirePositive('maxConnections', maxConnections);
  if (typeof protocols !== 'function') checkSubprotocolNames(protocols);
  if (Array.isArray(origins)) checkOriginPatterns(origins);
  else if (typeof origins !== 'function' && origins !== 'same' && origins !== 'any') {
    throw invalidArgument(
      `origins must be 'same', 'any', a list or a function, got ${String(origins)}`,
    );
  }
  return Object.freeze({
    connection: resolveConnectionOptions(options),
    protocols,
    origins,
    authorize: options.authorize,
    handshakeTimeout,
    maxConnections,
    path: options.path,
    handler: options.handler,
    onConnection: options.onConnection,
    onRefused: options.onRefused,
  });
}

export function matchesPath(pattern: PathPattern | undefined, path: string): boolean {
  if (pattern === undefined) return true;
  return typeof pattern === 'string' ? pattern === path : path.search(pattern) >= 0;
}
