/** A tunnel through a proxy: from its end on, a stream to the proxy is one to the target. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../connection/clock.ts';
import { HandshakeError } from '../errors.ts';
import { BorrowedStream } from './borrowed-stream.ts';
import { connectRequest, openByConnect } from './http-proxy.ts';
import type { Proxy } from './proxy.ts';
import { openBySocks5, socks5Messages } from './socks5.ts';

/**
 * Asks the proxy at the other end of a connected stream, which for `https:` has TLS on it. Rejects
 * with ERR_WS_PROXY when the proxy refuses, answers wrongly, ends or fails (`cause` has the error
 * of the network), and with the signal's reason when aborted, unless the proxy has refused already.
 * Octets of the target that came with the answer are left in the stream. The stream is never
 * destroyed, and nobody listens to it afterwards, not even to its errors: that is for the caller.
 */
export async function openThroughProxy(
  duplex: Duplex,
  proxy: Proxy,
  target: { readonly hostname: string; readonly port: number },
  signal: AbortSignal,
  clock: Clock,
): Promise<void> {
  const open = dialogue(proxy, target, clock);
  signal.throwIfAborted();
  const stream = new BorrowedStream(duplex, signal);
  try {
    await open(stream);
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw error;
    throw proxyError(error as Error, proxy.url);
  } finally {
    stream.release();
  }
}

/** What is to be said is put together first: a mistake costs no word with the proxy. */
function dialogue(
  proxy: Proxy,
  target: { readonly hostname: string; readonly port: number },
  clock: Clock,
): (stream: BorrowedStream) => Promise<void> {
  if (proxy.kind === 'socks5') {
    const messages = socks5Messages(target, proxy.credentials);
    return (stream) => openBySocks5(stream, messages);
  }
  const request = connectRequest(target, proxy);
  return (stream) => openByConnect(stream, request, clock);
}

/** A refusal gets to know its proxy; any other error is the cause of one. */
function proxyError(error: Error, proxy: string): HandshakeError {
  if (error instanceof HandshakeError && error.code === 'ERR_WS_PROXY') {
    return Object.assign(error, { proxy });
  }
  return new HandshakeError('ERR_WS_PROXY', error.message, { proxy, cause: error });
}
