/** RFC 6455 §4.1 — a client's opening handshake, on a transport that is dialled or given. */
import { randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { Connection } from '../connection/connection.ts';
import type { ConnectionHandler } from '../connection/handler.ts';
import { OpeningStream } from '../connection/opening-stream.ts';
import {
  resolveConnectionOptions,
  type ConnectionOptions,
  type ConnectionSettings,
} from '../connection/options.ts';
import { isTransported, Transport } from '../connection/transport.ts';
import { HandshakeError, invalidArgument } from '../errors.ts';
import { createKey } from '../handshake/accept-key.ts';
import {
  clientRequestHead,
  judgeResponse,
  type ClientRequest,
} from '../handshake/client-handshake.ts';
import { headerEntries, type HeadersLike } from '../handshake/header-values.ts';
import { HeadReader, parseResponseHead, type ResponseHead } from '../handshake/http1-head.ts';
import { checkSubprotocolNames } from '../handshake/subprotocol.ts';
import { requirePositive } from '../protocol/limits.ts';
import { connected, dial } from './dial.ts';
import { readRefusal } from './refusal.ts';
import { parseUrl, type Destination } from './url.ts';

export interface ConnectOptions extends ConnectionOptions {
  /** Subprotocols to offer, best first (RFC 6455 §1.9). A server that chooses none is an error. */
  readonly protocols?: string | readonly string[] | undefined;
  /** Further headers of the request. Those of the handshake itself cannot be set. */
  readonly headers?: HeadersLike | undefined;
  /** The Origin header (§10.2), which only browsers have to send. */
  readonly origin?: string | undefined;
  /**
   * Ends the opening handshake in any of its phases; has no effect on an open connection. When the
   * server has refused already, that is told, with as much of the body as has come.
   */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from the first packet to the 101. Default 45 000. */
  readonly handshakeTimeout?: number | undefined;
  /** How `wss:` is dialled: certificates, `servername`, `rejectUnauthorized` and the like. */
  readonly tls?: TlsOptions | undefined;
  /** A unix socket to dial, whatever the host of the URL. */
  readonly socketPath?: string | undefined;
  /** A stream that is connected already, for `wss:` with TLS on it; nothing is dialled. */
  readonly transport?: Duplex | undefined;
  readonly handler?: ConnectionHandler<undefined, undefined> | undefined;
}

/** §4.1: informational answers may come before the final one; this many are read (RFC 9110 §15.2). */
const MAX_INFORMATIONAL = 10;

/**
 * Opens a connection. Rejects with a `TypeError` or `RangeError` for bad arguments, `HandshakeError`
 * when the server refuses, answers wrongly or cannot be reached (`cause` has the network's error),
 * `TimeoutError` after `handshakeTimeout`, and the signal's reason when aborted. Whatever the
 * outcome, nothing stays behind.
 */
export async function connect(
  url: string | URL,
  options: ConnectOptions = {},
): Promise<Connection<undefined>> {
  const destination = parseUrl(url, options.socketPath);
  const settings = resolveConnectionOptions(options);
  const timeout = options.handshakeTimeout ?? 45_000;
  requirePositive('handshakeTimeout', timeout);
  const request = toRequest(destination, settings, options);
  // Serialised before anything is dialled, so that a bad header costs no connection.
  const head = clientRequestHead(request);
  options.signal?.throwIfAborted();
  const duplex = options.transport ?? dial(destination, options.tls ?? {});
  if (!(duplex instanceof Duplex)) throw invalidArgument('transport is not a Duplex');
  if (isTransported(duplex)) throw invalidArgument('transport is used by another connection');
  const stream = new OpeningStream(new Transport(duplex), {
    clock: settings.clock,
    timeout,
    signal: options.signal,
    url: destination.url,
  });
  try {
    await stream.race(connected(duplex));
    duplex.write(head);
    const response = await readResponse(stream, settings);
    return open(stream, destination, request, response, settings, options);
  } catch (error) {
    stream.destroy();
    throw withUrl(error, destination.url);
  }
}

function toRequest(
  destination: Destination,
  settings: ConnectionSettings,
  options: ConnectOptions,
): ClientRequest {
  const { protocols = [], origin } = options;
  const names = typeof protocols === 'string' ? [protocols] : [...protocols];
  checkSubprotocolNames(names);
  const headers = headerEntries(options.headers);
  const { credentials } = destination;
  if (credentials !== undefined && !headers.some(([name]) => /^authorization$/iu.test(name))) {
    headers.push(['Authorization', `Basic ${Buffer.from(credentials).toString('base64')}`]);
  }
  return {
    target: destination.target,
    host: destination.host,
    key: createKey(randomBytes(16)),
    protocols: names,
    headers,
    extensions: settings.perMessageDeflate?.offer,
    origin,
  };
}

/** The final answer; a refusal rejects with what can be told of it. */
async function readResponse(
  stream: OpeningStream,
  settings: ConnectionSettings,
): Promise<ResponseHead> {
  const reader = new HeadReader();
  for (let informational = 0; ; informational++) {
    const response = parseResponseHead(await stream.readHead(reader));
    if (response instanceof HandshakeError) throw response;
    if (response.status === 101) return response;
    if (response.status >= 200) throw await readRefusal(stream, response, settings.clock);
    if (informational === MAX_INFORMATIONAL) {
      throw new HandshakeError('ERR_WS_STATUS', `more than ${MAX_INFORMATIONAL} of 1xx`);
    }
  }
}

function open(
  stream: OpeningStream,
  destination: Destination,
  request: ClientRequest,
  response: ResponseHead,
  settings: ConnectionSettings,
  options: ConnectOptions,
): Connection<undefined> {
  const agreement = judgeResponse(response, request);
  if (agreement instanceof HandshakeError) throw agreement;
  const compression = settings.perMessageDeflate?.judge(agreement.extensions);
  if (typeof compression === 'string') {
    const { status, headers } = response;
    throw new HandshakeError('ERR_WS_EXTENSION', compression, { status, headers });
  }
  const early = stream.release();
  const connection = new Connection<undefined>({
    endpoint: { role: 'client', settings, handler: options.handler },
    transport: stream.transport,
    url: destination.url,
    protocol: agreement.protocol,
    compression,
    context: undefined,
    responseHeaders: response.headers,
  });
  connection.start(early, undefined);
  return connection;
}

/** A `HandshakeError` tells the URL, wherever it was made. */
function withUrl(error: unknown, url: string): unknown {
  if (!(error instanceof HandshakeError) || error.url !== undefined) return error;
  return Object.assign(error, { url });
}
