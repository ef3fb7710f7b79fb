/** A function from Request to Response (Fetch) as something that takes sockets, or streams of a tunnel. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { systemClock, type Clock } from 'framewire';
import { TunnelError } from '../errors.ts';
import { Account } from '../http/forward.ts';
import type { OnlookedServer, Onlooker, OnlookerOfOne } from './onlooker.ts';
import type { FetchHandler } from './target.ts';

/** An HTTP server that never listens: it is given its connections. */
export function createHandlerServer(
  handler: FetchHandler,
  onlooker?: Onlooker,
  clock: Clock = systemClock,
): http.Server {
  // The relay has bounded the head, and watches over the time.
  const server = http.createServer({ requestTimeout: 0, maxHeaderSize: 64 * 1024 });
  const onlooked: OnlookedServer = {
    target: 'a function',
    accept: (connection) => void server.emit('connection', connection),
  };
  server.on('request', (request, response) => {
    const watching = onlooker?.onRequest(request, false, onlooked);
    const hooks = watching === undefined ? {} : account(watching, response, clock);
    void answer(handler, request, response, hooks);
  });
  return server;
}

type Hooks = Omit<OnlookerOfOne, 'onOutcome'>;

/** Counts what is passed on; tells the outcome when the answer has left, or the caller. */
function account(watching: OnlookerOfOne, outgoing: ServerResponse, clock: Clock): Hooks {
  const account = new Account(clock);
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) {
      const code = outgoing.errored === null ? 'ERR_TUNNEL_CALLER_GONE' : 'ERR_TUNNEL_ABORTED';
      account.error = new TunnelError(code);
    }
    watching.onOutcome(account.close());
  });
  return {
    onAnswer: (head) => {
      account.answered(head.status);
      watching.onAnswer?.(head);
    },
    onRequestChunk: (chunk) => {
      account.requestOctets += chunk.length;
      watching.onRequestChunk?.(chunk);
    },
    onAnswerChunk: (chunk) => {
      account.answerOctets += chunk.length;
      watching.onAnswerChunk?.(chunk);
    },
  };
}

async function answer(
  handler: FetchHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  hooks: Hooks,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  try {
    const response = await handler(toRequest(incoming, gone.signal, hooks));
    await send(response, outgoing, incoming.method === 'HEAD', hooks);
  } catch (error) {
    if (!gone.signal.aborted) process.emitWarning(error instanceof Error ? error : String(error));
    fail(outgoing, hooks);
  }
}

/** What has begun cannot be taken back: it must not look like the whole. */
function fail(outgoing: ServerResponse, { onAnswer, onAnswerChunk }: Hooks): void {
  if (outgoing.headersSent) {
    outgoing.destroy(new Error('the handler failed'));
    return;
  }
  const fields = ['Content-Type', 'text/plain'];
  onAnswer?.({ status: 500, reason: 'Internal Server Error', fields });
  const content = Buffer.from('the handler failed\n');
  onAnswerChunk?.(content);
  outgoing.writeHead(500, fields).end(content);
}

const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD']);

function toRequest(
  incoming: IncomingMessage,
  signal: AbortSignal,
  { onRequestChunk }: Hooks,
): Request {
  const { method = 'GET', rawHeaders, headers } = incoming;
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http';
  // Put together, as `//x` alone would be a host.
  const url = new URL(`${scheme}://${headers.host ?? 'localhost'}${incoming.url ?? '/'}`);
  const fields = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    fields.append(rawHeaders[index]!, rawHeaders[index + 1]!);
  }
  const init: RequestInit & { duplex?: 'half' } = { method, headers: fields, signal };
  if (!WITHOUT_BODY.has(method)) {
    const body = Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
    const watched =
      onRequestChunk === undefined ? body : body.pipeThrough(watchedBy(onRequestChunk));
    init.body = watched as unknown as NonNullable<RequestInit['body']>;
    init.duplex = 'half';
  }
  return new Request(url, init);
}

function watchedBy(onChunk: (chunk: Uint8Array) => void): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      onChunk(chunk);
      controller.enqueue(chunk);
    },
  });
}

async function send(
  response: Response,
  outgoing: ServerResponse,
  headOnly: boolean,
  { onAnswer, onAnswerChunk }: Hooks,
): Promise<void> {
  const headers: string[] = [];
  response.headers.forEach((value, name) => {
    if (name !== 'set-cookie') headers.push(name, value);
  });
  for (const cookie of response.headers.getSetCookie()) headers.push('set-cookie', cookie);
  const { status, statusText: reason } = response;
  onAnswer?.({ status, reason, fields: headers });
  outgoing.writeHead(status, reason, headers);
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
    onAnswerChunk?.(value);
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
