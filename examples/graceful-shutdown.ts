/**
 * Ending on SIGTERM or Ctrl-C: newcomers are refused, everybody who is there gets a Close with
 * 1001, going away, and the process ends when all have answered, or when it has waited long enough.
 *
 * In Go: `signal.Notify` and `http.Server.Shutdown`, which says that it does not know of hijacked
 * connections: `RegisterOnShutdown` with one's own list, and a Close with `CloseGoingAway` to each.
 *
 *     node examples/.build/graceful-shutdown.js [port]      and press Ctrl-C
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'framewire';

export async function start(port = 0): Promise<{ url: string; close: () => Promise<void> }> {
  const websockets = new WebSocketServer({
    handler: { message: (connection, message) => void connection.send(message) },
  });
  const http = createServer((_, response) => response.end('An ordinary page.\n'));
  websockets.attach(http, { path: '/ws' });
  http.listen(port, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${address.port}/ws`,
    async close() {
      const closed = once(http, 'close');
      // No new TCP connections, and an end for those that wait for another request.
      http.close();
      // 503 for who is shaking hands, 1001 for the others; after 5 s those left are destroyed.
      await websockets.close({ reason: 'the server restarts', timeout: 5_000 });
      await closed;
    },
  };
}

if (process.argv[1] === import.meta.filename) {
  const server = await start(Number(process.argv[2] ?? 8080));
  console.log(`Echoing at ${server.url}`);
  const stop = async (signal: string): Promise<void> => {
    console.log(`${signal}: closing`);
    await server.close();
    // Nothing keeps the process alive any more; `process.exit` could cut off what is being sent.
    console.log('closed');
  };
  process.once('SIGTERM', (signal) => void stop(signal));
  process.once('SIGINT', (signal) => void stop(signal));
}
