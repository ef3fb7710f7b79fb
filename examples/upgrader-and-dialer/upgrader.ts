/**
 * A tour of gorilla's `Upgrader`, and of what one sets on its `Conn`, in terms of this library.
 * Each comment begins with the name in Go. All of it has a default: `new WebSocketServer()` is
 * safe.
 *
 *     node examples/.build/upgrader-and-dialer/upgrader.js [port]      then run dialer.js
 */
import { prepareMessage, WebSocketServer } from 'framewire';

type Print = (line: string) => void;

export async function start(
  port = 0,
  print: Print = console.log,
): Promise<{ url: string; close: () => Promise<void> }> {
  // NewPreparedMessage: encoded once, sent to any number of connections.
  const welcome = prepareMessage('welcome to the tour');

  const server = new WebSocketServer<{ readonly session: string }>({
    // Upgrader.HandshakeTimeout: for reading the request, `authorize` and the answer together.
    handshakeTimeout: 5_000,
    // Upgrader.CheckOrigin: by default 'same', the page's host is ours; also 'any' or a function.
    origins: ['https://example.com', 'https://*.example.com'],
    // Upgrader.Subprotocols: the client's first that is in the list; a function chooses otherwise.
    protocols: ['tour.v2', 'tour.v1'],
    // Upgrader.Error: is told why, and may answer in its own words.
    onRefused(error, request) {
      print(`refused ${request?.origin ?? 'a client'}: ${error.code}`);
      return error.code === 'ERR_WS_ORIGIN' ? { body: 'not from this page\n' } : undefined;
    },
    // The responseHeader of Upgrade(w, r, responseHeader), checked against response splitting.
    authorize() {
      const session = crypto.randomUUID();
      const headers = { 'Set-Cookie': `session=${session}; HttpOnly` };
      return { accept: true, headers, context: { session } };
    },

    // Upgrader.ReadBufferSize, WriteBufferSize, WriteBufferPool: buffers are pooled inside. This is
    // the number of octets that may wait in each direction before the other side is held back.
    highWaterMark: 64 * 1024,
    // Conn.SetReadLimit: above it the connection fails with 1009.
    maxMessageSize: 32 * 1024,
    // Upgrader.EnableCompression, with Conn.SetCompressionLevel. Conn.EnableWriteCompression is the
    // option `compress` of each `send`.
    perMessageDeflate: { level: 1 },
    // Conn.SetReadDeadline, a ticker that writes Pings, and a PongHandler that moves the deadline.
    heartbeat: { interval: 30_000, timeout: 10_000 },
    // Conn.SetWriteDeadline: a peer that takes nothing for so long is given up.
    sendTimeout: 10_000,
    // The deadline one gives to WriteControl(CloseMessage, …), and the wait for the answer.
    closeTimeout: 5_000,

    handler: {
      // What follows after Upgrade returned the Conn. WritePreparedMessage:
      open: (connection) => void connection.send(welcome),
      // ReadMessage in a loop, and WriteMessage. Any number of sends at once is safe.
      message: (connection, message) => void connection.send(message),
      // SetPingHandler: to watch only, the Pong is sent already.
      ping: (_, payload) => print(`a Ping with ${payload.length} octets`),
      // SetPongHandler: nobody has to move a deadline here.
      pong: () => print('a Pong'),
      // SetCloseHandler: the Close was answered. `info` says who closed, with what, and why.
      closed: (connection, info) => print(`${connection.remoteAddress} closed with ${info.code}`),
    },
  });

  const { url } = await server.listen({ port, host: '127.0.0.1' });
  return { url, close: () => server.close() };
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.argv[2] ?? 8080));
  console.log(`The tour is at ${url}`);
}
