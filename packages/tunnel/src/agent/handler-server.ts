/** A function from Request to Response (Fetch) as something that takes sockets, or streams of a tunnel. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FetchHandler } from './target.ts';

/** An HTTP server that never listens: it is given its connections. */
export function createHandlerServer(handler: FetchHandler): http.Server {
  // The relay has bounded the head, and watches over the time.
  const server = http.createServer({ requestTimeout: 0, maxHeaderSize: 64 * 1024 });
  server.on('request', (request, response) => void answer(handler, request, response));
  return server;
}

async function answer(
  handler: FetchHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  try {
    const response = await handler(toRequest(incoming, gone.signal));
    await send(response, outgoing, incoming.method === 'HEAD');
  } catch (error) {
    if (!gone.signal.aborted) process.emitWarning(error instanceof Error ? error : String(error));
    fail(outgoing);
  }
}

/** What has begun cannot be taken back: it must not look like the whole. */
function fail(outgoing: ServerResponse): void {
  if (outgoing.headersSent) {
    outgoing.destroy();
    return;
  }
  outgoing.writeHead(500, { 'Content-Type': 'text/plain' }).end('the handler failed\n');
}

const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD']);

function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = 'GET', rawHeaders, headers } = incoming;
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http';
  const url = new URL(incoming.url ?? '/', `${scheme}://${headers.host ?? 'localhost'}`);
  const fields = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    fields.append(rawHeaders[index]!, rawHeaders[index + 1]!);
  }
  const init: RequestInit & { duplex?: 'half' } = { method, headers: fields, signal };
  if (!WITHOUT_BODY.has(method)) {
    init.body = Readable.toWeb(incoming) as unknown as NonNullable<RequestInit['body']>;
    init.duplex = 'half';
  }
  return new Request(url, init);
}

async function send(
  response: Response,
  outgoing: ServerResponse,
  headOnly: boolean,
): Promise<void> {
  const headers: string[] = [];
  response.headers.forEach((value, name) => {
    if (name !== 'set-cookie') headers.push(name, value);
  });
  for (const cookie of response.headers.getSetCookie()) headers.push('set-cookie', cookie);
  outgoing.writeHead(response.status, response.statusText, headers);
  if (response.body === null || headOnly) {
    await response.body?.cancel();
    outgoing.end();
    return;
  }
  outgoing.flushHeaders();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const gone = (): void => void reader.cancel().catch(() => {});
  outgoing.once('close', gone);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!outgoing.write(value)) await drained(outgoing);
  }
  outgoing.off('close', gone);
  if (outgoing.destroyed) return;
  outgoing.end();
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      outgoing.off('drain', settle).off('close', settle);
      resolve();
    };
    outgoing.on('drain', settle).on('close', settle);
  });
}
