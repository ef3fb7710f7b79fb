/** One HTTP request of our own, whichever way leads to whoever serves. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TunnelError } from '../errors.ts';
import type { Exchange, ExchangeSink } from './client/exchange.ts';
import { writeRequestHead } from './client/request-head.ts';
import type { Upstream } from './forward.ts';
import type { Framing } from './hop-by-hop.ts';
import { prepareFields } from './prepare.ts';
import { toTunnelError } from './upstream-error.ts';

/** Nothing is sent before `begin`. */
export function ask(
  request: IncomingMessage,
  upstream: Upstream,
  framing: Framing,
  sink: ExchangeSink,
  isUpgrade: boolean = false,
): Exchange | TunnelError {
  const { connections, name = '', method = request.method ?? '' } = upstream;
  const fields = upstream.headers ?? prepareFields(request, isUpgrade, framing);
  if (fields instanceof TunnelError) return fields;
  const head = writeRequestHead(method, upstream.path ?? request.url ?? '', fields);
  if (head instanceof TunnelError) return head;
  try {
    return connections.ask(name, { method, head, framing }, sink);
  } catch (error) {
    return toTunnelError(error as Error, false);
  }
}

/** Calls `connected` once the stream is: at once for one that is reused. */
export function whenConnected(stream: Duplex, connected: () => void): void {
  // A stream of a session is connected as soon as it is there.
  const isConnecting = 'connecting' in stream && stream.connecting === true;
  if (!isConnecting && !stream.destroyed) connected();
  else stream.once('encrypted' in stream ? 'secureConnect' : 'connect', connected);
}
