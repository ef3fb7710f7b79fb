/**
 * framewire. `handler`: one for all connections; `loop`: `for await` for each; `attached`: a handler, on
 * the port of an http.Server.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  WebSocketServer,
  type Connection,
  type PerMessageDeflateOptions,
  type ServerOptions,
} from 'framewire';
import { COMPRESS_ALL, type DeflateSettings, type ServerSettings } from '../operations.ts';
import { BACKLOG, HOST, serve, unknownStyle } from './serving.ts';

const ECHO: ServerOptions = {
  handler: {
    message(connection, message) {
      void connection.send(message);
    },
  },
};

async function echo(connection: Connection): Promise<void> {
  for await (const message of connection) await connection.send(message);
}

const STYLES: Readonly<Record<string, ServerOptions>> = {
  handler: ECHO,
  attached: ECHO,
  loop: { onConnection: echo },
};

function broadcaster(): WebSocketServer {
  const server = new WebSocketServer({
    handler: {
      message(connection, message) {
        server.broadcast(message, { except: connection });
      },
    },
    perMessageDeflate: false,
  });
  return server;
}

function deflateOptions(settings: DeflateSettings): PerMessageDeflateOptions {
  return { ...settings, threshold: COMPRESS_ALL };
}

async function listen(server: WebSocketServer): Promise<number> {
  const { port } = await server.listen({ port: 0, host: HOST, backlog: BACKLOG });
  return port;
}

async function attach(server: WebSocketServer): Promise<number> {
  const http = createServer();
  server.attach(http);
  http.listen(0, HOST, BACKLOG);
  await once(http, 'listening');
  return (http.address() as AddressInfo).port;
}

serve(({ task, style, deflate }: ServerSettings) => {
  if (task === 'broadcast') return listen(broadcaster());
  const server = new WebSocketServer({
    ...(STYLES[style] ?? unknownStyle(style)),
    perMessageDeflate: deflate === undefined ? false : deflateOptions(deflate),
  });
  return style === 'attached' ? attach(server) : listen(server);
});
