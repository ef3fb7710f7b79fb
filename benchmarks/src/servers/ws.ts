/**
 * npm's ws. `plain` as its documentation shows it; `corked` with all answers to one read
 * written at once, which an application has to do by hand; `string` for one that wants text as a string.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer, type PerMessageDeflateOptions, type WebSocket } from 'ws';
import { COMPRESS_ALL, type DeflateSettings, type ServerSettings } from '../operations.ts';
import { BACKLOG, HOST, serve, unknownStyle } from './serving.ts';

type Echo = (socket: WebSocket, transport: Socket) => void;

const ECHOES: Readonly<Record<string, Echo>> = {
  plain(socket) {
    socket.on('message', (data: Buffer, binary) => socket.send(data, { binary }));
  },
  corked(socket, transport) {
    let isCorked = false;
    const uncork = (): void => {
      isCorked = false;
      transport.uncork();
    };
    socket.on('message', (data: Buffer, binary) => {
      if (!isCorked) {
        isCorked = true;
        transport.cork();
        process.nextTick(uncork);
      }
      socket.send(data, { binary });
    });
  },
  string(socket) {
    socket.on('message', (data: Buffer, binary) => socket.send(binary ? data : data.toString()));
  },
};

function deflateOptions({ level, ...takeover }: DeflateSettings): PerMessageDeflateOptions {
  const zlibDeflateOptions = level === undefined ? {} : { level };
  return { ...takeover, threshold: COMPRESS_ALL, zlibDeflateOptions };
}

/** As its documentation shows it: a loop over `clients`. */
function broadcast(server: WebSocketServer, socket: WebSocket): void {
  socket.on('message', (data: Buffer, binary) => {
    for (const client of server.clients) {
      if (client !== socket && client.readyState === socket.OPEN) client.send(data, { binary });
    }
  });
}

serve(async ({ task, style, deflate }: ServerSettings) => {
  const echo = ECHOES[style] ?? unknownStyle(style);
  const http = createServer();
  const server = new WebSocketServer({
    server: http,
    // An echo does not want the set of all connections.
    clientTracking: task === 'broadcast',
    perMessageDeflate: deflate === undefined ? false : deflateOptions(deflate),
  });
  server.on('connection', (socket, request) => {
    socket.on('error', () => {});
    if (task === 'broadcast') broadcast(server, socket);
    else echo(socket, request.socket);
  });
  http.listen(0, HOST, BACKLOG);
  await once(http, 'listening');
  return (http.address() as AddressInfo).port;
});
