/**
 * Hijacking: one `node:http` server that hands the connections of some requests to WebSockets.
 *
 * A request with an Upgrade header raises 'upgrade' and comes with its socket. From then on the
 * HTTP server has nothing more to do with that socket: whoever listens owns it, answers the
 * request, and has to handle the socket's errors. `server.upgrade` does all three, and gives a
 * connection.
 *
 * In Go: `http.Hijacker`, that is `conn, bufrw, err := w.(http.Hijacker).Hijack()`, and the
 * handshake that `websocket.Upgrader.Upgrade` then makes on `conn`. The `head` below is what
 * `bufrw` holds: octets that the client sent so early that the HTTP parser has read them already.
 *
 *     node examples/.build/hijack-echo.js [port]
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'framewire';

export async function start(port = 0): Promise<{ url: string; close: () => Promise<void> }> {
  const websockets = new WebSocketServer();

  const http = createServer((request, response) => {
    if (request.url === '/') response.end('An ordinary page. The echo is at /ws.\n');
    else response.writeHead(404).end('No such page.\n');
  });

  http.on('upgrade', (request, socket, head) => {
    if (request.url === '/ws') void echo(websockets, request, socket, head);
    else refuse(socket);
  });

  http.listen(port, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}/`,
    async close() {
      http.close(); // Accepts nobody any more; does not touch the sockets that were taken over.
      await websockets.close();
    },
  };
}

async function echo(
  websockets: WebSocketServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  try {
    const connection = await websockets.upgrade(request, socket, head);
    for await (const message of connection) await connection.send(message);
  } catch (error) {
    // The handshake was refused, which the client has been told, or the connection broke.
    console.error(String(error));
  }
}

/** Without the library the answer is written by hand, as in Go after `Hijack`. */
function refuse(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
  socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.argv[2] ?? 8080));
  console.log(`${url} is a page, ${url.replace('http', 'ws')}ws echoes`);
}
