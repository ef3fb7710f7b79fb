/** HTTP/2 for tests: servers of Node with WebSockets on them, and raw clients. */
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { WebSocketServer } from 'framewire';
import { RawPeer, within } from '../connection/raw-peer.ts';

export type Http2Server = http2.Http2Server | http2.Http2SecureServer;

/** The port of a server that listens from now on. All of it is gone when the test ends. */
export async function listen(t: TestContext, server: Http2Server): Promise<number> {
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A server without TLS that answers ordinary requests with 200. */
export async function serveHttp2<Context>(
  t: TestContext,
  server: WebSocketServer<Context>,
  path?: string,
): Promise<{ readonly httpServer: http2.Http2Server; readonly port: number }> {
  const httpServer = http2.createServer((_request, response) => void response.end('hello'));
  server.attach(httpServer, path === undefined ? {} : { path });
  t.after(async () => {
    for (const connection of server.connections) connection.terminate();
    await server.close({ timeout: 50 });
  });
  return { httpServer, port: await listen(t, httpServer) };
}

export interface Requested {
  readonly stream: http2.ClientHttp2Stream;
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
}

export class RawHttp2Client {
  readonly session: http2.ClientHttp2Session;

  private constructor(session: http2.ClientHttp2Session) {
    this.session = session;
  }

  /** Resolves when the server's SETTINGS have come. */
  static async dial(
    t: TestContext,
    port: number,
    options: http2.ClientSessionOptions = {},
  ): Promise<RawHttp2Client> {
    const session = http2.connect(`http://127.0.0.1:${port}`, options);
    session.on('error', () => {});
    t.after(() => session.destroy());
    await within(new Promise((resolve) => session.once('remoteSettings', resolve)), 'SETTINGS');
    return new RawHttp2Client(session);
  }

  /** An extended CONNECT with changes; resolves with the head of the answer. */
  async connect(changes: http2.OutgoingHttpHeaders = {}): Promise<Requested> {
    const fields: http2.OutgoingHttpHeaders = {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/',
      'sec-websocket-version': '13',
      ...changes,
    };
    for (const [name, value] of Object.entries(fields)) {
      if (value === undefined) delete fields[name];
    }
    const stream = this.session.request(fields, { endStream: false });
    const headers = await within(
      new Promise<http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader>((resolve, reject) => {
        stream.once('response', resolve).once('error', reject);
      }),
      'a response',
    );
    return { stream, status: headers[':status'] ?? 0, headers };
  }

  /** The same for a connection that is to open: its peer. */
  async open(changes: http2.OutgoingHttpHeaders = {}): Promise<RawPeer> {
    const { stream, status } = await this.connect(changes);
    if (status !== 200) throw new Error(`the answer is ${status}`);
    return new RawPeer(stream, 'client');
  }
}

export async function bodyOf(stream: http2.Http2Stream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
