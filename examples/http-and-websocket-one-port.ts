/**
 * HTTP and WebSockets on one port: a page, a JSON API and a WebSocket beside each other.
 *
 * `attach` listens for the upgrades of an `http.Server` and takes those to its path. All other
 * requests stay with the server's own handler, so a framework that makes an `http.Server` works as
 * well.
 *
 * In Go: `http.HandleFunc("/", page)` and `http.HandleFunc("/ws", serveWs)` with one
 * `http.ListenAndServe`.
 *
 *     node examples/.build/http-and-websocket-one-port.js [port]      then open the page
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'framewire';

const PAGE = `<!doctype html>
<title>One port</title>
<p>Connections: <b id="count">?</b> <button id="ask">What time is it?</button> <i id="time"></i>
<script>
  // Page, API and WebSocket have the same host and port: the server needs to allow no origin.
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/ws');
  const show = (id, text) => (document.getElementById(id).textContent = text);
  socket.onmessage = (event) => show('time', event.data);
  socket.onopen = async () => {
    const status = await (await fetch('/api/status')).json();
    show('count', status.connections);
  };
  document.getElementById('ask').onclick = () => socket.send('time');
</script>
`;

export async function start(port = 0): Promise<{ url: string; close: () => Promise<void> }> {
  const websockets = new WebSocketServer({
    handler: {
      message(connection, message) {
        const answer = message === 'time' ? new Date().toISOString() : 'I only know the time.';
        void connection.send(answer);
      },
    },
  });

  const http = createServer((request, response) => {
    if (request.url === '/') {
      response.setHeader('Content-Type', 'text/html; charset=utf-8').end(PAGE);
    } else if (request.url === '/api/status') {
      const status = { connections: websockets.connections.size };
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(status));
    } else {
      response.writeHead(404).end();
    }
  });
  websockets.attach(http, { path: '/ws' });

  http.listen(port, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}/`,
    async close() {
      http.close();
      await websockets.close();
    },
  };
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.argv[2] ?? 8080));
  console.log(`Open ${url} in a browser`);
}
