/**
 * framewire. `handler`: one for all connections; `borrowing`: one that borrows its messages; `loop`:
 * `for await` for each; `attached`: a handler, on the port of an http.Server, or with a certificate of
 * an https.Server; `attached-http2`: the same of HTTP/2.
 */
import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import {
  WebSocketServer,
  type Connection,
  type PerMessageDeflateOptions,
  type ServerOptions,
} from 'framewire';
import {
  COMPRESS_ALL,
  type Certificate,
  type DeflateSettings,
  type ServerSettings,
} from '../operations.ts';
import { BACKLOG, HOST, serve, unknownStyle } from './serving.ts';

const ECHO: ServerOptions = {
  handler: {
    message(connection, message) {
      void connection.send(message);
    },
  },
};

const BORROWING_ECHO: ServerOptions = { handler: { ...ECHO.handler, borrowsMessages: true } };

async function echo(connection: Connection): Promise<void> {
  for await (const message of connection) await connection.send(message);
}

const STYLES: Readonly<Record<string, ServerOptions>> = {
  handler: ECHO,
  borrowing: BORROWING_ECHO,
  attached: ECHO,
  'attached-http2': ECHO,
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

/** Streams of a session, of which Node allows as many as one likes unless it is told. */
const HTTP2 = { settings: { maxConcurrentStreams: 100_000 } };

type Attachable = http.Server | https.Server | http2.Http2Server | http2.Http2SecureServer;

function createAttachable(style: string, certificate: Certificate | undefined): Attachable {
  if (style === 'attached') {
    return certificate === undefined ? http.createServer() : https.createServer(certificate);
  }
  if (certificate === undefined) return http2.createServer(HTTP2);
  return http2.createSecureServer({ ...HTTP2, ...certificate, allowHTTP1: true });
}

let attached: Server | undefined;

async function attach(
  server: WebSocketServer,
  style: string,
  certificate: Certificate | undefined,
): Promise<number> {
  const http = createAttachable(style, certificate);
  attached = http;
  server.attach(http);
  http.listen(0, HOST, BACKLOG);
  await once(http, 'listening');
  return (http.address() as AddressInfo).port;
}

function countSockets(): Promise<number> {
  return new Promise((resolve, reject) => {
    if (attached === undefined) throw new Error('only what is attached counts sockets');
    attached.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

serve(({ task, style, deflate, certificate }: ServerSettings) => {
  if (task === 'broadcast') return listen(broadcaster());
  const server = new WebSocketServer({
    ...(STYLES[style] ?? unknownStyle(style)),
    perMessageDeflate: deflate === undefined ? false : deflateOptions(deflate),
  });
  return style.startsWith('attached') ? attach(server, style, certificate) : listen(server);
}, countSockets);
