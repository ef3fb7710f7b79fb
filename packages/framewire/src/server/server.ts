/** RFC 6455 §4.2 — a WebSocket server: on a port of its own, beside HTTP, or on any stream. */
import type { IncomingMessage } from 'node:http';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { CloseCode } from '../protocol/close-code.ts';
import { assertClose } from '../protocol/control-frames.ts';
import type { Connection } from '../connection/connection.ts';
import { prepareMessage, type Sendable, type SendOptions } from '../connection/message.ts';
import type { OpeningStream } from '../connection/opening-stream.ts';
import { requirePositive } from '../protocol/limits.ts';
import { HandshakeError, misuse, statusOf, type HandshakeErrorCode } from '../errors.ts';
import { DEFAULT_HEAD_LIMITS, HeadReader, parseRequestHead } from '../handshake/http1-head.ts';
import { Acceptor, claim, type Admission, type Arrival } from './acceptor.ts';
import { ConnectionQueue } from './connection-queue.ts';
import { Http1Exchange } from './http1-exchange.ts';
import { attachToHttp1, toRequestHead, type AnyHttp1Server } from './http1-upgrade.ts';
import { attachToHttp2, type AnyHttp2Server } from './http2-connect.ts';
import { Http2Exchange } from './http2-exchange.ts';
import { Listener, type ListenAddress, type ListenOptions } from './listener.ts';
import {
  resolveServerOptions,
  type Decision,
  type PathPattern,
  type ServerOptions,
  type ServerSettings,
} from './server-options.ts';

/** A server of `node:http`, `node:https` or `node:http2`. */
export type AnyHttpServer = AnyHttp1Server | AnyHttp2Server;

export interface AttachOptions {
  /** The path to serve; others are left to the server's other handlers. Default: the server's. */
  readonly path?: PathPattern | undefined;
}

export interface BroadcastOptions<Context = unknown> extends SendOptions {
  /** A connection to leave out, such as the one a message came from. */
  readonly except?: Connection<Context> | undefined;
  /** Which connections receive the message. Default: all. */
  readonly filter?: ((connection: Connection<Context>) => boolean) | undefined;
}

export interface CloseOptions {
  /** Default 1001, going away. */
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
  /** Milliseconds until the transports that are left are destroyed. Default 10 000. */
  readonly timeout?: number | undefined;
}

/** Whom a connection goes to, or why there is none. */
interface Taker<Context> {
  readonly resolve: (connection: Connection<Context>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Accepts connections and hands them to its `onConnection` or its `handler`. Where there is neither, or
 * the handler has no `open` and no `message`, they wait for whoever iterates over the server:
 * `for await (const connection of server)`.
 */
export class WebSocketServer<Context = undefined> implements AsyncIterable<Connection<Context>> {
  readonly #settings: ServerSettings<Context>;
  readonly #acceptor: Acceptor<Context>;
  readonly #connections = new Set<Connection<Context>>();
  /** Connections nobody has taken yet. */
  readonly #queue = new ConnectionQueue<Connection<Context>>();
  readonly #listeners = new Set<Listener>();
  readonly #attachments = new Set<Disposable>();
  /** Raw streams whose request has not been read to its end. */
  readonly #reading = new Set<OpeningStream>();
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: ServerOptions<Context> = {}) {
    this.#settings = resolveServerOptions(options);
    const admission: Admission<Context> = {
      refusal: () => this.#refusal(),
      onOpened: (connection) => void this.#connections.add(connection),
      onFinished: (connection) => this.#onFinished(connection),
    };
    this.#acceptor = new Acceptor(this.#settings, admission);
  }

  /** The connections that are open or closing. */
  get connections(): ReadonlySet<Connection<Context>> {
    return this.#connections;
  }

  /**
   * Listens on a port or a unix socket, with TLS if asked for. What is no opening handshake is refused
   * with 426; to serve other HTTP on the port, `attach` to an `http.Server`. Rejects with Node's
   * error, such as `EADDRINUSE`, and with `ERR_WS_SHUTTING_DOWN` after `close`.
   */
  async listen(options: number | ListenOptions): Promise<ListenAddress> {
    if (this.#closing !== undefined) throw shuttingDown();
    const listener = new Listener((socket) => this.#serve(socket, this.#handOver), this.#settings);
    this.#listeners.add(listener);
    try {
      const address = await listener.listen(
        typeof options === 'number' ? { port: options } : options,
      );
      // The server may have been closed before there was a port to close.
      if (this.#closing !== undefined) throw shuttingDown();
      return address;
    } catch (error) {
      this.#listeners.delete(listener);
      void listener.close();
      throw error;
    }
  }

  /**
   * Serves WebSockets on the port of an `http.Server` or `https.Server`, or of a server of `node:http2`,
   * which announces them (RFC 8441) to sessions that begin from now on, and with `allowHTTP1` serves
   * both kinds. What is not for this server is left to its other 'upgrade', 'request' and 'stream'
   * listeners; such a 'stream' listener has to leave alone what has the `:protocol` websocket. Where
   * there are none, WebSockets at other paths are refused with 404, and other upgrades go on as ordinary
   * requests (Node 22.21, 24.9 and later) or are refused with 426. Disposing detaches; open connections
   * stay. Throws a `HandshakeError` with `ERR_WS_SHUTTING_DOWN` after `close`.
   */
  attach(server: AnyHttpServer, options: AttachOptions = {}): Disposable {
    if (this.#closing !== undefined) throw shuttingDown();
    const { path = this.#settings.path } = options;
    const attachment = this.#attachBoth(server, path);
    this.#attachments.add(attachment);
    return {
      [Symbol.dispose]: () => {
        this.#attachments.delete(attachment);
        attachment[Symbol.dispose]();
      },
    };
  }

  #attachBoth(server: AnyHttpServer, path: PathPattern | undefined): Disposable {
    const http1 = attachToHttp1(server, {
      path,
      onUpgrade: (request, socket, head) => {
        this.#upgrade(request, socket, head, path, undefined, this.#handOver);
      },
    });
    if (!('updateSettings' in server)) return http1;
    const http2 = attachToHttp2(server, {
      path,
      onConnect: (stream, headers) => {
        this.#upgradeStream(stream, headers, path, undefined, this.#handOver);
      },
    });
    return {
      [Symbol.dispose]: () => {
        http1[Symbol.dispose]();
        http2[Symbol.dispose]();
      },
    };
  }

  /**
   * Answers an 'upgrade' event: what adapters for frameworks are made of. The path is the caller's to
   * judge; with a decision, `authorize` is not asked. Rejects with `HandshakeError` or `TimeoutError`
   * when the handshake is refused, which the client has been told already, and with `ERR_WS_ALREADY_UPGRADED` for a socket seen before.
   */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    decision?: Decision<Context>,
  ): Promise<Connection<Context>> {
    return new Promise((resolve, reject) => {
      this.#upgrade(request, socket, head, undefined, decision, { resolve, reject });
    });
  }

  /**
   * As `upgrade`, for the 'stream' event of a server of `node:http2` (RFC 8441). The server has to
   * announce `enableConnectProtocol: true` in its settings.
   */
  upgradeStream(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    decision?: Decision<Context>,
  ): Promise<Connection<Context>> {
    return new Promise((resolve, reject) => {
      this.#upgradeStream(stream, headers, undefined, decision, { resolve, reject });
    });
  }

  /**
   * Reads an opening handshake from a raw stream, such as a socket of `net` or `tls`, with a strict
   * parser of its own, and answers it. Rejects as `upgrade` does. A `net.Server` should be made with
   * `allowHalfOpen: true`, so that what waits to be sent survives the peer's FIN.
   */
  serve(transport: Duplex): Promise<Connection<Context>> {
    return new Promise((resolve, reject) => this.#serve(transport, { resolve, reject }));
  }

  /**
   * Sends a message, encoded once, to all connections that are open. A connection that has more than
   * `maxBufferedAmount` waiting is dealt with as `slowConsumer` says, and counted as skipped.
   */
  broadcast(
    data: Sendable,
    options: BroadcastOptions<Context> = {},
  ): { readonly sent: number; readonly skipped: number } {
    const message = prepareMessage(data, options);
    let sent = 0;
    let skipped = 0;
    for (const connection of this.#connections) {
      if (connection === options.except || options.filter?.(connection) === false) continue;
      if (connection.offer(message, options)) sent++;
      else skipped++;
    }
    return { sent, skipped };
  }

  /** Connections that nothing else takes, as they open, until the server closes. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Connection<Context>> {
    return this.#queue.iterate();
  }

  /**
   * Shuts down: newcomers are refused (503), all connections are closed with 1001, and those that are
   * left after the timeout are destroyed. Resolves when all are gone. An `http.Server` that was
   * attached to goes on, without WebSockets.
   */
  close(options: CloseOptions = {}): Promise<void> {
    const { code = CloseCode.goingAway, reason = '', timeout = 10_000 } = options;
    assertClose(code, reason, 'server');
    requirePositive('timeout', timeout);
    this.#closing ??= this.#close(code, reason, timeout);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(code: number, reason: string, timeout: number): Promise<void> {
    const listeners = [...this.#listeners].map((listener) => listener.close());
    for (const stream of this.#reading) stream.fail(shuttingDown());
    for (const connection of this.#connections) void connection.close(code, reason);
    const timer = this.#settings.connection.clock.setTimer(timeout, () => {
      for (const connection of this.#connections) connection.terminate();
      for (const stream of this.#acceptor.deciding) stream.fail(shuttingDown());
      for (const listener of this.#listeners) listener.destroy();
    });
    if (this.#connections.size > 0) await new Promise<void>((done) => (this.#onIdle = done));
    await Promise.all(listeners);
    timer.cancel();
    for (const attachment of this.#attachments) attachment[Symbol.dispose]();
    this.#queue.end();
  }

  #upgrade(
    request: IncomingMessage,
    duplex: Duplex,
    early: Uint8Array,
    path: PathPattern | undefined,
    decision: Decision<Context> | undefined,
    taker: Taker<Context>,
  ): void {
    try {
      const transport = claim(duplex);
      const { clock } = this.#settings.connection;
      const exchange = new Http1Exchange(toRequestHead(request), transport, clock, request);
      this.#accept({ exchange, transport, early, path, decision }, taker);
    } catch (error) {
      taker.reject(error);
    }
  }

  #upgradeStream(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    path: PathPattern | undefined,
    decision: Decision<Context> | undefined,
    taker: Taker<Context>,
  ): void {
    try {
      if (stream.headersSent) throw misuse('ERR_WS_ALREADY_UPGRADED', 'its headers are sent');
      const transport = claim(stream);
      const exchange = new Http2Exchange(stream, headers, this.#settings.connection.clock);
      this.#accept({ exchange, transport, path, decision }, taker);
    } catch (error) {
      taker.reject(error);
    }
  }

  #serve(duplex: Duplex, taker: Taker<Context>): void {
    try {
      const transport = claim(duplex);
      const stream = this.#acceptor.read(transport);
      this.#reading.add(stream);
      const failed = (error: unknown): void => {
        this.#reading.delete(stream);
        this.#acceptor.refuse({ transport, stream }, error, undefined);
        taker.reject(error);
      };
      stream.awaitHead({
        reader: new HeadReader(DEFAULT_HEAD_LIMITS, 'request'),
        resolve: (octets) => {
          const head = parseRequestHead(octets);
          if (head instanceof HandshakeError) {
            failed(head);
            return;
          }
          this.#reading.delete(stream);
          const exchange = new Http1Exchange(head, transport, this.#settings.connection.clock);
          this.#accept({ exchange, transport, stream, path: this.#settings.path }, taker);
        },
        reject: failed,
      });
      if (this.#closing !== undefined) stream.fail(shuttingDown());
    } catch (error) {
      taker.reject(error);
    }
  }

  #accept(arrival: Arrival<Context>, taker: Taker<Context>): void {
    try {
      const accepted = this.#acceptor.accept(arrival);
      if (accepted instanceof Promise) void accepted.then(taker.resolve, taker.reject);
      else taker.resolve(accepted);
    } catch (error) {
      taker.reject(error);
    }
  }

  /** A connection nobody asked for by name: for the application's function, or for whoever iterates. */
  readonly #handOver: Taker<Context> = {
    resolve: (connection) => {
      const { handler, onConnection } = this.#settings;
      const isTaken = handler?.open !== undefined || handler?.message !== undefined;
      if (onConnection !== undefined) connection.run(() => onConnection(connection));
      else if (!isTaken && connection.readyState !== 'closed') this.#queue.push(connection);
    },
    // The client was told, and so were `onRefused` and the diagnostics channel.
    reject: () => {},
  };

  #refusal(): HandshakeErrorCode | undefined {
    if (this.#closing !== undefined) return 'ERR_WS_SHUTTING_DOWN';
    const size = this.#connections.size + this.#acceptor.deciding.size;
    return size >= this.#settings.maxConnections ? 'ERR_WS_TOO_MANY_CONNECTIONS' : undefined;
  }

  #onFinished(connection: Connection<Context>): void {
    this.#connections.delete(connection);
    this.#queue.delete(connection);
    if (this.#connections.size === 0) this.#onIdle?.();
  }
}

function shuttingDown(): HandshakeError {
  const code = 'ERR_WS_SHUTTING_DOWN';
  return new HandshakeError(code, '', { status: statusOf(code) });
}
