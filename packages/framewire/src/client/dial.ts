/** The transport a client needs: TCP, TLS or a unix socket. */
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { Destination } from './url.ts';

/** Begins to connect. `connected` tells when; errors are the stream's own. */
export function dial(destination: Destination, options: tls.ConnectionOptions): Duplex {
  const { isSecure, hostname, port, socketPath } = destination;
  const endpoint = socketPath === undefined ? { host: hostname, port } : { path: socketPath };
  if (!isSecure) return net.connect(endpoint);
  return tls.connect({
    // RFC 6066 §3: a server name is a name, not an address.
    ...(net.isIP(hostname) === 0 && { servername: hostname }),
    ALPNProtocols: ['http/1.1'],
    ...options,
    ...endpoint,
  });
}

/** Resolves when the stream can carry the handshake: for TLS, when the certificate was accepted. */
export function connected(duplex: Duplex): Promise<void> {
  if (isSecuring(duplex)) return once(duplex, 'secureConnect');
  if (duplex instanceof net.Socket && duplex.connecting) return once(duplex, 'connect');
  return Promise.resolve();
}

/** Not so for a socket that was given when its own handshake was over. */
function isSecuring(duplex: Duplex): boolean {
  return (
    duplex instanceof tls.TLSSocket &&
    'secureConnecting' in duplex &&
    duplex.secureConnecting === true
  );
}

function once(duplex: Duplex, event: string): Promise<void> {
  return new Promise((resolve) => {
    duplex.once(event, resolve);
  });
}
