/**
 * An echo with npm's ws. `plain` as its documentation shows it; `corked` with all answers to one read
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

serve(async ({ style, deflate }: ServerSettings) => {
  const echo = ECHOES[style] ?? unknownStyle(style);
  const http = createServer();
  const server = new WebSocketServer({
    server: http,
    // Nothing here wants the set of all connections.
    clientTracking: false,
    perMessageDeflate: deflate === undefined ? false : deflateOptions(deflate),
  });
  server.on('connection', (socket, request) => {
    socket.on('error', () => {});
    echo(socket, request.socket);
  });
  http.listen(0, HOST, BACKLOG);
  await once(http, 'listening');
  return (http.address() as AddressInfo).port;
});
