/** RFC 9110 §9.3.6 — CONNECT: an HTTP proxy that is asked for a tunnel. */
import { isIPv6 } from 'node:net';
import type { Clock } from '../connection/clock.ts';
import { HandshakeError } from '../errors.ts';
import { HeadReader, parseResponseHead, serializeRequestHead } from '../handshake/http1-head.ts';
import { basic } from './authentication.ts';
import type { BorrowedStream } from './borrowed-stream.ts';
import { MAX_INFORMATIONAL, tooManyInformational } from './informational.ts';
import type { Proxy } from './proxy.ts';
import { readRefusal } from './refusal.ts';

/** Throws a TypeError for a target that cannot stand in a request. */
export function connectRequest(
  target: { readonly hostname: string; readonly port: number },
  { credentials, headers }: Proxy,
): Uint8Array {
  const host = isIPv6(target.hostname) ? `[${target.hostname}]` : target.hostname;
  const authority = `${host}:${target.port}`;
  const fields: (readonly [string, string])[] = [['Host', authority]];
  if (credentials !== undefined) fields.push(['Proxy-Authorization', basic(credentials)]);
  return serializeRequestHead('CONNECT', authority, [...fields, ...headers]);
}

/** Has the proxy open a tunnel; what follows on the stream is the target's. */
export async function openByConnect(
  stream: BorrowedStream,
  request: Uint8Array,
  clock: Clock,
): Promise<void> {
  stream.write(request);
  const reader = new HeadReader();
  for (let informational = 0; ; informational++) {
    const response = parseResponseHead(await stream.readHead(reader));
    if (response instanceof HandshakeError) throw response;
    const { status, headers } = response;
    // Right behind the blank line is the tunnel, whatever Content-Length or Transfer-Encoding say.
    if (status >= 200 && status < 300) return;
    if (status >= 300) throw await readRefusal(stream, response, clock, 'ERR_WS_PROXY');
    if (status === 101) {
      throw new HandshakeError('ERR_WS_PROXY', 'it switched to another protocol', {
        status,
        headers,
      });
    }
    if (informational === MAX_INFORMATIONAL) throw tooManyInformational('ERR_WS_PROXY');
  }
}
