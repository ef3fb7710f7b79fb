/**
 * WebSockets over HTTP/2 (RFC 8441): the server has pages and WebSockets on one port, and all that the
 * client opens goes over one session, which is one TCP connection. Without TLS here, so that no
 * certificate is needed; with it, `http2.createSecureServer({ cert, key, allowHTTP1: true })` serves
 * both versions, and the client's `httpVersion: 'auto'` finds out which to use.
 *
 * In Go: neither gorilla/websocket nor golang.org/x/net/websocket has it.
 *
 *     node examples/.build/http2.js
 */
import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { connect, WebSocketServer } from 'framewire';

type Print = (line: string) => void;

export async function main(print: Print = console.log): Promise<void> {
  const httpServer = http2.createServer((_, response) => void response.end('a page\n'));
  let sessions = 0;
  httpServer.on('session', () => void sessions++);
  const server = new WebSocketServer({
    path: '/chat',
    handler: {
      open: (_, request) => print(`${request?.method} over HTTP/${request?.httpVersion}`),
      message: (connection, message) => void connection.send(message),
    },
  });
  server.attach(httpServer);
  httpServer.listen(0, '127.0.0.1');
  await once(httpServer, 'listening');
  const { port } = httpServer.address() as AddressInfo;

  const url = `ws://127.0.0.1:${port}/chat`;
  const connections = await Promise.all(
    Array.from({ length: 3 }, () => connect(url, { httpVersion: 2 })),
  );
  for (const [index, connection] of connections.entries()) {
    await connection.send(`hello from ${index + 1}`);
    print(String(await connection.receive()));
  }
  print(`${connections.length} connections, sessions: ${sessions}`);

  // The last one closes the session.
  await Promise.all(connections.map((connection) => connection.close(1000)));
  httpServer.close();
}

if (process.argv[1] === import.meta.filename) await main();
