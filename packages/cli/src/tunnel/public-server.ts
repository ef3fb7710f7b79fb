/** The port that the world, and agents, come to. */
import http from 'node:http';
import http2, { type Http2SecureServer } from 'node:http2';
import https from 'node:https';
import type { RelayServer } from '@framewire/tunnel';
import { endingOfHttp1, endingOfHttp2, type ServerEnding } from '../server-ending.ts';
import type { Certificate } from './certificate.ts';

export interface PublicServerOptions {
  readonly certificate: Certificate | undefined;
  readonly http2: boolean;
  /** Milliseconds. */
  readonly headersTimeout: number;
  /** Octets. */
  readonly maxHeaderSize: number;
}

export interface PublicServer extends ServerEnding {
  readonly server: RelayServer;
  /** For connections that begin from now on. */
  setCertificate(certificate: Certificate): void;
}

/** Milliseconds that a connection waits for the next request: more than proxies in front do. */
const KEEP_ALIVE = 75_000;

export function createPublicServer(options: PublicServerOptions): PublicServer {
  const { certificate, headersTimeout, maxHeaderSize } = options;
  // How long a body may take is for the relay to say, which sees whether it moves.
  const common = { headersTimeout, maxHeaderSize, requestTimeout: 0, keepAliveTimeout: KEEP_ALIVE };
  if (certificate === undefined) return ofHttp1(http.createServer(common));
  // Who calls need not show a certificate: the relay looks at those of agents.
  const asking = { requestCert: certificate.ca !== undefined, rejectUnauthorized: false };
  const secure = { ...common, ...certificate, ...asking };
  if (!options.http2) return ofHttp1(https.createServer(secure));
  const server = http2.createSecureServer({
    ...secure,
    allowHTTP1: true,
    settings: { maxHeaderListSize: maxHeaderSize },
  });
  // Node takes these of HTTP/1.1 as properties only.
  return ofHttp2(Object.assign(server, common));
}

function ofHttp1(server: http.Server | https.Server): PublicServer {
  return {
    server,
    setCertificate: (certificate) => {
      if (server instanceof https.Server) server.setSecureContext(certificate);
    },
    ...endingOfHttp1(server),
  };
}

function ofHttp2(server: Http2SecureServer): PublicServer {
  return {
    server,
    setCertificate: (certificate) => server.setSecureContext(certificate),
    ...endingOfHttp2(server),
  };
}
