/** The HTTP below the echo server: in the clear, with TLS, or in both versions on one port. */
import http from 'node:http';
import http2, { type Http2SecureServer } from 'node:http2';
import https from 'node:https';
import type { PageListener } from './echo-page.ts';
import { endingOfHttp1, endingOfHttp2, type ServerEnding } from './server-ending.ts';

export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface EchoHttp extends ServerEnding {
  readonly server: http.Server | https.Server | Http2SecureServer;
  readonly isSecure: boolean;
  readonly http2: boolean;
}

export function createEchoHttp(
  serve: PageListener,
  files: TlsFiles | undefined,
  bothVersions: boolean,
): EchoHttp {
  if (bothVersions && files !== undefined) {
    const server = http2.createSecureServer({ ...files, allowHTTP1: true }, serve);
    return { server, isSecure: true, http2: true, ...endingOfHttp2(server) };
  }
  const isSecure = files !== undefined;
  const server = isSecure ? https.createServer(files, serve) : http.createServer(serve);
  return { server, isSecure, http2: false, ...endingOfHttp1(server) };
}
