/** One HTTP request of our own, whichever way leads to whoever serves. */
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Upstream } from './forward.ts';
import type { Framing } from './hop-by-hop.ts';
import { prepareFields } from './prepare.ts';
import { TunnelError } from '../errors.ts';
import { toTunnelError } from './upstream-error.ts';

/** Begins it; nothing is sent before `end`, `write` or `flushHeaders`. */
export function ask(
  request: IncomingMessage,
  upstream: Upstream,
  framing: Framing,
  isUpgrade: boolean = false,
): ClientRequest | TunnelError {
  const headers = upstream.headers ?? prepareFields(request, isUpgrade, framing);
  if (headers instanceof TunnelError) return headers;
  const { request: send } = upstream.protocol === 'https:' ? https : http;
  try {
    return send(completed(upstream, request, headers));
  } catch (error) {
    if (isInvalid(error)) return new TunnelError('ERR_TUNNEL_BAD_REQUEST', '', { cause: error });
    return toTunnelError(error as Error, false);
  }
}

/** Node copies it: where nothing is missing, once is enough. */
function completed(
  upstream: Upstream,
  request: IncomingMessage,
  headers: readonly string[],
): http.RequestOptions {
  const { method = request.method, path = request.url } = upstream;
  const isComplete = upstream.method === method && upstream.path === path;
  if (isComplete && upstream.headers === headers) return upstream;
  return { ...upstream, method, path, headers };
}

/** What Node does not send, as it would be no HTTP. */
function isInvalid(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return (
    code === 'ERR_UNESCAPED_CHARACTERS' ||
    code === 'ERR_INVALID_CHAR' ||
    code === 'ERR_INVALID_HTTP_TOKEN' ||
    code === 'ERR_HTTP_INVALID_HEADER_VALUE' ||
    code === 'ERR_HTTP_TRAILER_INVALID'
  );
}

/** Calls `connected` once the socket is: at once for one that is reused. */
export function whenConnected(socket: Socket, connected: () => void): void {
  // A stream of a session is connected as soon as it is there.
  if (!socket.connecting) connected();
  else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', connected);
}
