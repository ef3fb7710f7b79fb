/** What the relay itself answers a caller, in the form of Go's `http.Error`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from 'framewire';
import type { TunnelError } from '../errors.ts';
import { streamOf } from '../http/caller.ts';

export const FAILURE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/plain; charset=utf-8',
  'X-Content-Type-Options': 'nosniff',
};

export function answer(response: ServerResponse, status: number, text: string): void {
  const body = `${text}\n`;
  response.statusCode = status;
  // Go's words for a status it has no name for.
  if (status === 526) response.statusMessage = `status code ${status}`;
  for (const [name, value] of Object.entries(FAILURE_HEADERS)) response.setHeader(name, value);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.end(body);
}

/** Go's words where it has any. */
export function failureText(error: TunnelError): string {
  switch (error.code) {
    case 'ERR_TUNNEL_NO_AGENT':
      return 'No proxy available';
    case 'ERR_TUNNEL_BUSY':
      return 'Unable to get a proxy connection';
    default:
      return `Unable to get http response : ${error.message}`;
  }
}

/**
 * A caller that was answered before the end of its request goes on sending. Destroying its connection
 * at once could destroy the answer on its way (RFC 9112 §9.6), so that it has some time to end.
 */
export function linger(
  request: IncomingMessage,
  response: ServerResponse,
  { clock, lingerTimeout }: { readonly clock: Clock; readonly lingerTimeout: number },
): void {
  if (response.destroyed) return;
  if (request.complete || request.destroyed || lingerTimeout === Infinity) return;
  const timer = clock.setTimer(lingerTimeout, () => request.destroy());
  const stop = (): void => timer.cancel();
  request.once('end', stop).once('close', stop);
  request.on('error', () => {});
  request.resume();
}

/**
 * Resolves when the answer has gone out, or cannot any more. A caller that does not take the rest of it
 * has some time, too.
 */
export function sent(
  response: ServerResponse,
  { clock, bodyIdleTimeout }: { readonly clock: Clock; readonly bodyIdleTimeout: number },
): Promise<void> {
  const isOver = response.destroyed || response.writableFinished;
  // HTTP/2 tells it of its stream only.
  if (isOver || streamOf(response)?.destroyed === true) return Promise.resolve();
  return new Promise((resolve) => {
    const onOver = (): void => {
      timer?.cancel();
      response.off('finish', onOver).off('close', onOver);
      resolve();
    };
    const onExpired = (): void => {
      response.destroy();
      // One that waits for its turn on the connection has no end to tell of.
      onOver();
    };
    const timer =
      bodyIdleTimeout === Infinity ? undefined : clock.setTimer(bodyIdleTimeout, onExpired);
    response.on('finish', onOver).on('close', onOver);
  });
}
