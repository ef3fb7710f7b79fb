/** A port, or a unix socket, of the server's own. */
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { invalidArgument } from '../errors.ts';

export interface ListenOptions {
  /** 0 lets the system choose. */
  readonly port?: number | undefined;
  /** The address to listen on. Default: all, as Node does. */
  readonly host?: string | undefined;
  /** A unix socket instead of a port. */
  readonly path?: string | undefined;
  /** Serves `wss:` with these certificates. */
  readonly tls?: tls.TlsOptions | undefined;
  /** Connections the system keeps waiting to be accepted. Default 511. */
  readonly backlog?: number | undefined;
}

export interface ListenAddress {
  /** 0 for a unix socket. */
  readonly port: number;
  /** The address, or the path of a unix socket. */
  readonly host: string;
  /** For `connect`. */
  readonly url: string;
}

export interface ListenerLimits {
  /** Milliseconds for the handshake of TLS. */
  readonly handshakeTimeout: number;
  readonly maxConnections: number;
}

/** Sockets beyond `maxConnections` that may wait to say what they want. */
const MAX_UNASKED = 256;

export class Listener {
  readonly #onSocket: (socket: Duplex) => void;
  readonly #limits: ListenerLimits;
  readonly #sockets = new Set<Duplex>();
  #server: net.Server | undefined;

  constructor(onSocket: (socket: Duplex) => void, limits: ListenerLimits) {
    this.#onSocket = onSocket;
    this.#limits = limits;
  }

  listen(options: ListenOptions): Promise<ListenAddress> {
    const { port, host, path, backlog } = options;
    if (port === undefined && path === undefined) throw invalidArgument('port or path is needed');
    const server = this.#create(options.tls);
    this.#server = server;
    const where = path === undefined ? { port, host } : { path };
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ ...where, backlog }, () => {
        server.off('error', reject);
        // A failure to accept one socket, such as EMFILE, is no failure of the server.
        server.on('error', (error) => process.emitWarning(error));
        resolve(addressOf(server, options));
      });
    });
  }

  /** Accepts nobody any more; resolves when the last socket is gone. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#server?.listening === true) this.#server.close(() => resolve());
      else resolve();
    });
  }

  /** Destroys the sockets below TLS that are left, whatever state they are in. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #create(options: tls.TlsOptions | undefined): net.Server {
    const { handshakeTimeout, maxConnections } = this.#limits;
    const server =
      options === undefined
        ? // The closing handshake decides when our side ends, not the peer's FIN.
          net.createServer({ allowHalfOpen: true, noDelay: true }, this.#onSocket)
        : tls.createServer(
            { ALPNProtocols: ['http/1.1'], handshakeTimeout, ...options },
            this.#onSocket,
          );
    // Those who have not asked yet are not counted above, and must not be without number.
    if (maxConnections !== Infinity) server.maxConnections = maxConnections + MAX_UNASKED;
    // Whoever never finishes the handshake of TLS is there all the same.
    if (options !== undefined) server.on('connection', (socket: net.Socket) => this.#track(socket));
    return server;
  }

  #track(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

function addressOf(server: net.Server, options: ListenOptions): ListenAddress {
  const scheme = options.tls === undefined ? 'ws' : 'wss';
  const address = server.address();
  if (address === null || typeof address === 'string') {
    const path = options.path ?? '';
    const encoded = path.split('/').map(encodeURIComponent).join('/');
    return { port: 0, host: path, url: `${scheme}+unix:${encoded}:/` };
  }
  const { port, family } = address;
  const host = reachable(address.address);
  const authority = family === 'IPv6' && host.includes(':') ? `[${host}]` : host;
  return { port, host: address.address, url: `${scheme}://${authority}:${port}/` };
}

/** "All addresses" is none to connect to. */
function reachable(address: string): string {
  return address === '::' || address === '0.0.0.0' ? 'localhost' : address;
}
