/** How a server of HTTP ends: nobody is taken in any more, and what is left is cut off later. */
import type http from 'node:http';
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type https from 'node:https';
import type { Socket } from 'node:net';

export interface ServerEnding {
  /** Takes no connection any more; those that wait for a request end, what is open goes on. */
  stop(): void;
  /** Ends what is left. */
  destroy(): void;
}

export function endingOfHttp1(server: http.Server | https.Server): ServerEnding {
  return {
    stop: () => {
      server.close();
      server.closeIdleConnections();
    },
    destroy: () => server.closeAllConnections(),
  };
}

/** A server of `node:http2` does not know its sessions and sockets itself. */
export function endingOfHttp2(server: Http2SecureServer): ServerEnding {
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
    stop: () => {
      server.close();
      // RFC 9113 §6.8: what is open on them, such as a WebSocket, lasts as long as it does.
      for (const session of sessions) session.close();
    },
    destroy: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}
