/** The library's server at the end of a route, and what goes over the route. */
import assert from 'node:assert/strict';
import { createSecureServer, createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import {
  WebSocketServer,
  type CloseInfo,
  type Connection,
  type HandshakeRequest,
  type Message,
  type ServerOptions,
} from 'framewire';
import { pseudoRandomOctets } from '../contents.ts';
import { EventQueue, patiently } from '../event-queue.ts';

export type Accepted = Connection<HandshakeRequest>;

/** PEM. */
export interface Keys {
  readonly key: Buffer;
  readonly cert: Buffer;
}

type OurOptions = Pick<ServerOptions, 'perMessageDeflate' | 'closeTimeout'>;

/** The library's server, which sends every message back. */
export class OurServer implements AsyncDisposable {
  readonly accepted: EventQueue<Accepted> = new EventQueue('connection at the server');
  readonly webSockets: WebSocketServer<HandshakeRequest>;
  /** Of HTTP/2, where there is one. */
  readonly #http: Http2Server | undefined;
  #port = 0;
  /** Opening handshakes that reached it. */
  handshakes = 0;

  private constructor(options: OurOptions, http?: Http2Server) {
    this.#http = http;
    this.webSockets = new WebSocketServer<HandshakeRequest>({
      protocols: ['chat'],
      ...options,
      authorize: (request) => {
        this.handshakes++;
        return { accept: true, context: request };
      },
      onConnection: async (connection) => {
        this.accepted.push(connection);
        for await (const message of connection) await connection.send(message);
      },
    });
  }

  /** On HTTP/1.1. */
  static async listen(tls?: Keys): Promise<OurServer> {
    const server = new OurServer({ perMessageDeflate: true });
    const { port } = await server.webSockets.listen({ host: '127.0.0.1', port: 0, tls });
    server.#port = port;
    return server;
  }

  /** On HTTP/2: by prior knowledge, or with TLS and HTTP/1.1 as well; with a page at `/`. */
  static async listenHttp2(tls?: Keys, options: OurOptions = {}): Promise<OurServer> {
    const http =
      tls === undefined ? createServer() : createSecureServer({ ...tls, allowHTTP1: true });
    const server = new OurServer({ perMessageDeflate: true, ...options }, http);
    server.webSockets.attach(http);
    http.on('request', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<!doctype html><title>interop</title>');
    });
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    server.#port = (http.address() as AddressInfo).port;
    return server;
  }

  get port(): number {
    return this.#port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.webSockets.close({ timeout: 500 });
    this.#http?.close();
  }
}

/** What was seen of both ends while the connection was open. */
export interface Sight {
  readonly localPort: number | undefined;
  readonly remotePort: number | undefined;
  /** The client's stream is one of HTTP/2. */
  readonly isOnHttp2: boolean;
  /** From here on the server's. */
  readonly peerPort: number | undefined;
  readonly httpVersion: string;
  readonly isCompressed: boolean;
}

const TEXT = 'Grüße, 漢字 and 👋';
const MEBIBYTE: Uint8Array = pseudoRandomOctets(1_048_576);

/** Text, 1 MiB and a Close, there and back, as both ends see them. */
export async function exchange(client: Connection, server: OurServer): Promise<Sight> {
  const accepted = await server.accepted.next();
  const { localPort, remotePort, transport } = client;
  const sight = {
    ...{ localPort, remotePort, isOnHttp2: 'session' in transport },
    peerPort: accepted.remotePort,
    httpVersion: accepted.context.httpVersion,
    isCompressed: accepted.perMessageDeflate !== undefined,
  };
  await echo(client);
  await closeClean(client, accepted);
  return sight;
}

export async function echo(client: Connection): Promise<void> {
  await client.send(TEXT);
  assert.equal(await received(client), TEXT);
  await client.send(MEBIBYTE);
  const octets = await received(client);
  assert.ok(octets instanceof Uint8Array && octets.length === MEBIBYTE.length, 'not 1 MiB');
  assert.ok(Buffer.compare(octets, MEBIBYTE) === 0, 'the octets differ from those sent');
}

export async function closeClean(client: Connection, accepted: Accepted): Promise<void> {
  const ours = await patiently('end of the connection', client.close(1000, 'done'));
  const theirs = await patiently('end at the server', accepted.closed);
  for (const { code, wasClean } of [ours, theirs]) {
    assert.deepEqual({ code, wasClean }, { code: 1000, wasClean: true });
  }
  assert.equal(theirs.reason, 'done');
}

export function received(client: Connection): Promise<Message | undefined> {
  return patiently('message', client.receive());
}

export function ended(connection: Connection | Accepted): Promise<CloseInfo> {
  return patiently('end of the connection', connection.closed);
}
