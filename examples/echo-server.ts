/**
 * The smallest whole server: a port of its own, a loop over connections, a loop over messages.
 *
 * In Go: gorilla's echo server, `c.ReadMessage()` and `c.WriteMessage(mt, message)` in a loop, in a
 * goroutine for each connection. Here an async function takes the goroutine's place.
 *
 *     node examples/.build/echo-server.js [port]
 */
import { WebSocketServer, type Connection } from 'framewire';

export async function start(port = 0): Promise<{ url: string; close: () => Promise<void> }> {
  const server = new WebSocketServer();
  const { url } = await server.listen({ port, host: '127.0.0.1' });
  void acceptAll(server);
  return { url, close: () => server.close() };
}

async function acceptAll(server: WebSocketServer): Promise<void> {
  // Not awaited: the connections are served beside each other.
  for await (const connection of server) void echo(connection);
}

async function echo(connection: Connection): Promise<void> {
  try {
    for await (const message of connection) {
      // `send` resolves when there is room. As long as it does not, no further message is read, and
      // a client that sends without reading is held back by TCP instead of filling our memory.
      await connection.send(message);
    }
  } catch {
    // The loop ends by itself after a Close, and throws after anything else. `closed` tells both.
  }
  const { code, reason, error } = await connection.closed;
  console.log(`closed with ${code} ${reason} ${error?.message ?? ''}`.trimEnd());
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.argv[2] ?? 8080));
  console.log(`Echoing at ${url}`);
}
