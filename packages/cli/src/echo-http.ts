/** The HTTP below the echo server: in the clear, with TLS, or in both versions on one port. */
import http from 'node:http';
import http2, { type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { PageListener } from './echo-page.ts';

export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface EchoHttp {
  readonly server: http.Server | https.Server | Http2SecureServer;
  readonly isSecure: boolean;
  readonly http2: boolean;
  /** Takes nobody in any more; WebSockets go on. */
  stop(): void;
  /** Ends what is left. */
  destroy(): void;
}

export function createEchoHttp(
  serve: PageListener,
  files: TlsFiles | undefined,
  bothVersions: boolean,
): EchoHttp {
  if (files === undefined) return ofHttp1(http.createServer(serve), false);
  if (!bothVersions) return ofHttp1(https.createServer(files, serve), true);
  return ofHttp2(http2.createSecureServer({ ...files, allowHTTP1: true }, serve));
}

function ofHttp1(server: http.Server | https.Server, isSecure: boolean): EchoHttp {
  return {
    server,
    isSecure,
    http2: false,
    stop: () => {
      server.close();
      server.closeIdleConnections();
    },
    destroy: () => server.closeAllConnections(),
  };
}

/** A server of `node:http2` does not know its sessions and sockets itself. */
function ofHttp2(server: Http2SecureServer): EchoHttp {
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  return {
    server,
    isSecure: true,
    http2: true,
    stop: () => {
      server.close();
      // RFC 9113 §6.8: those with a WebSocket last as long as that does.
      for (const session of sessions) session.close();
    },
    destroy: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}
