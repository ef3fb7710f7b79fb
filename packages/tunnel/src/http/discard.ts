/** RFC 9112 §9.6 — the rest of a request that is answered already. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from 'framewire';
import { dismiss, streamOf } from './caller.ts';

/** Milliseconds, and octets, for which a caller may go on sending what nobody reads. */
const MAX_TIME = 5_000;
const MAX_OCTETS = 16 * 1024 * 1024;

/**
 * Reads what is left and drops it. To close at once would reset the connection, and with it perhaps
 * the answer that is on its way. A caller that stops in time keeps its connection.
 */
export function discardRest(
  request: IncomingMessage,
  response: ServerResponse,
  clock: Clock,
): void {
  const stream = streamOf(response);
  if (stream !== undefined) {
    // That it was cancelled is told when it has been read to its end.
    request.resume();
    // RFC 9113 §8.1: HTTP/2 has a word for it, which takes nothing away from the answer. In a turn of its
    // own, as Node 20 spoils its memory where a stream is closed while it tells that it has finished.
    const dismissSoon = (): void => void setImmediate(dismiss, request, response);
    if (stream.writableFinished) dismissSoon();
    else stream.once('finish', dismissSoon);
    return;
  }
  if (request.complete && request.readableLength === 0) return;
  let octets = 0;
  const timer = clock.setTimer(MAX_TIME, () => dismiss(request, response));
  const end = (): void => timer.cancel();
  request
    .on('data', (chunk: Uint8Array) => {
      octets += chunk.length;
      if (octets > MAX_OCTETS) dismiss(request, response);
    })
    .on('end', end)
    .on('close', end)
    .resume();
}
