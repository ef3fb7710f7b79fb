/** Servers for tests, and what raw clients make of them. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { WebSocketServer, type ServerOptions } from 'framewire';
import { RawPeer, requestHead, type Head, type HeaderChanges } from '../connection/raw-peer.ts';

/** How a server gets its connections: with a parser of its own, or Node's. */
export const FRONTS = ['listen', 'attach'] as const;
export type Front = (typeof FRONTS)[number];

export interface Serving<Context> {
  readonly server: WebSocketServer<Context>;
  readonly port: number;
  readonly url: string;
}

/** A server on a port. All is gone when the test ends. */
export async function serve<Context = undefined>(
  t: TestContext,
  options: ServerOptions<Context> = {},
  front: Front = 'listen',
): Promise<Serving<Context>> {
  const server = new WebSocketServer<Context>(options);
  t.after(async () => {
    for (const connection of server.connections) connection.terminate();
    await server.close({ timeout: 50 });
  });
  if (front === 'listen') {
    const { port, url } = await server.listen({ port: 0, host: '127.0.0.1' });
    return { server, port, url };
  }
  const { port } = await serveHttp(t, (httpServer) => void server.attach(httpServer));
  return { server, port, url: `ws://127.0.0.1:${port}/` };
}

export interface ServingHttp {
  readonly httpServer: http.Server;
  readonly port: number;
}

/** An HTTP server that answers every ordinary request with 200. */
export async function serveHttp(
  t: TestContext,
  setUp: (httpServer: http.Server) => void = () => {},
): Promise<ServingHttp> {
  const httpServer = http.createServer((_request, response) => void response.end('hello'));
  setUp(httpServer);
  await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    httpServer.close();
    httpServer.closeAllConnections();
  });
  return { httpServer, port: (httpServer.address() as AddressInfo).port };
}

export interface Answer extends Head {
  readonly body: string;
}

/** What a request is answered with. */
export async function ask(
  port: number,
  ...octets: readonly (string | Uint8Array)[]
): Promise<Answer> {
  const peer = await RawPeer.dial(port);
  peer.send(...octets);
  const head = await peer.readHead();
  const length = head.headers.get('content-length');
  const body =
    head.status === 101
      ? new Uint8Array(0)
      : await (length === undefined ? peer.readRest() : peer.read(Number(length)));
  peer.stream.destroy();
  return { ...head, body: Buffer.from(body).toString() };
}

export function askWith(port: number, changes: HeaderChanges, line?: string): Promise<Answer> {
  return ask(port, requestHead(changes, line));
}
