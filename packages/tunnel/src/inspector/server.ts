/** The page of the inspector and what it asks: for whoever has the token, on this machine. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock, type Clock } from 'framewire';
import { invalidArgument } from '../errors.ts';
import { answerApi, type ApiAnswer } from './api.ts';
import { InspectorRefusal, type Recorder } from './recorder.ts';
import { LiveFeed } from './live-feed.ts';
import { readPageFiles, type PageFile } from './page-files.ts';

export interface ServeInspectorOptions {
  /** Default `127.0.0.1`: nobody but this machine. */
  readonly host?: string | undefined;
  /** Default 0: any that is free. */
  readonly port?: number | undefined;
  /** Further names for browsers to ask by, with a port if it has another. Default: none. */
  readonly allowedHosts?: readonly string[] | undefined;
  readonly clock?: Clock | undefined;
}

export interface InspectorServer extends AsyncDisposable {
  /** To be opened in a browser. Whoever has it sees everything. */
  readonly url: URL;
  readonly port: number;
  close(): Promise<void>;
}

export async function openInspectorServer(
  recorder: Recorder,
  options: ServeInspectorOptions,
): Promise<InspectorServer> {
  const server = new RunningServer(recorder, options);
  await server.listen();
  return server;
}

/** Octets of what the page sends, such as an edited request. */
const MAX_QUESTION = 1024 * 1024;

const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    `default-src 'none'`,
    `script-src 'self'`,
    `style-src 'self'`,
    `connect-src 'self'`,
    // Images of bodies, and the icon of the tab.
    `img-src data:`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
    `require-trusted-types-for 'script'`,
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

const HEADERS: Readonly<Record<string, string>> = {
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
};

class RunningServer implements InspectorServer {
  url: URL = new URL('http://localhost');
  port = 0;
  readonly #recorder: Recorder;
  readonly #host: string;
  readonly #askedPort: number;
  readonly #allowedHosts: readonly string[];
  readonly #token = randomBytes(24).toString('base64url');
  readonly #server: http.Server;
  readonly #feed: LiveFeed;
  readonly #files: ReadonlyMap<string, PageFile> = readPageFiles();
  readonly #stop = new AbortController();
  #hosts: ReadonlySet<string> = new Set();
  #closing: Promise<void> | undefined;

  constructor(recorder: Recorder, options: ServeInspectorOptions) {
    const { host = '127.0.0.1', port = 0, allowedHosts = [], clock = systemClock } = options;
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw invalidArgument(`port must be 0 to 65535, got ${port}`);
    }
    this.#recorder = recorder;
    this.#host = host;
    this.#askedPort = port;
    this.#allowedHosts = allowedHosts.map((name) => name.toLowerCase());
    this.#server = http.createServer({ headersTimeout: 10_000, requestTimeout: 30_000 });
    this.#server.maxConnections = 256;
    this.#server.on('request', (request, response) => void this.#answer(request, response));
    this.#feed = new LiveFeed(recorder, clock, {
      isHost: (name) => this.#isHost(name),
      isToken: (token) => this.#isToken(token),
    });
    this.#feed.attach(this.#server);
  }

  async listen(): Promise<void> {
    const server = this.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#askedPort, this.#host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    this.port = (server.address() as AddressInfo).port;
    const own = this.#host.includes(':') ? `[${this.#host}]` : this.#host;
    const names = ['127.0.0.1', 'localhost', '[::1]', own.toLowerCase()];
    const withPort = names.map((name) => `${name}:${this.port}`);
    this.#hosts = new Set([
      ...withPort,
      ...(this.port === 80 ? names : []),
      ...this.#allowedHosts,
      ...this.#allowedHosts.map((name) => `${name}:${this.port}`),
    ]);
    const shown = /^(?:0\.0\.0\.0|::)$/u.test(this.#host) ? 'localhost' : own;
    // A browser sends no fragment to anybody, and shows it to the page alone. A cookie would go to
    // every port of this machine.
    this.url = new URL(`http://${shown}:${this.port}/#${this.#token}`);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#feed.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    request.on('error', () => {});
    response.on('error', () => {});
    // A page of another site that has let its name lead here (DNS rebinding) says its own name.
    if (!this.#isHost(request.headers.host)) {
      send(response, 421, 'text/plain; charset=utf-8', 'this is not the name of the inspector\n');
      return;
    }
    if (!path.startsWith('/api/')) {
      this.#answerFile(request, response, path);
      return;
    }
    const refusal = this.#refusal(request);
    const answer = refusal ?? (await this.#ask(request, path, query));
    if (answer !== undefined) sendJson(response, answer);
  }

  #answerFile(request: IncomingMessage, response: ServerResponse, path: string): void {
    const file = this.#files.get(path);
    if (file === undefined) {
      send(response, 404, 'text/plain; charset=utf-8', 'there is nothing here\n');
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      send(response, 405, 'text/plain; charset=utf-8', 'only GET is answered here\n');
    } else {
      for (const [name, value] of Object.entries(PAGE_HEADERS)) response.setHeader(name, value);
      send(response, 200, file.type, request.method === 'HEAD' ? '' : file.content);
    }
  }

  /** Whoever may not ask: another site, or somebody without the token. */
  #refusal(request: IncomingMessage): ApiAnswer | undefined {
    const { origin, host, authorization = '' } = request.headers;
    const site = request.headers['sec-fetch-site'];
    if (origin !== undefined && origin !== `http://${host}`) {
      return { status: 403, value: { error: 'another site may not ask' } };
    }
    if (site !== undefined && site !== 'same-origin' && site !== 'none') {
      return { status: 403, value: { error: 'another site may not ask' } };
    }
    if (this.#isToken(/^Bearer (.+)$/u.exec(authorization)?.[1] ?? '')) return undefined;
    return { status: 401, value: { error: 'open the address that the terminal shows' } };
  }

  async #ask(
    request: IncomingMessage,
    path: string,
    query: string,
  ): Promise<ApiAnswer | undefined> {
    try {
      const body = await readBody(request);
      if (body === undefined) return { status: 413, value: { error: 'this is too much' } };
      const { method = '' } = request;
      const question = { method, path, query: new URLSearchParams(query), body };
      return await answerApi(this.#recorder, question, this.#stop.signal);
    } catch (error) {
      if (error instanceof InspectorRefusal) {
        return { status: 409, value: { error: error.message } };
      }
      if (error instanceof SyntaxError) return { status: 400, value: { error: error.message } };
      // The one who asked has gone while it was read.
      if (request.destroyed && !request.complete) return undefined;
      process.emitWarning(error instanceof Error ? error : String(error));
      return { status: 500, value: { error: 'the inspector failed: the terminal says how' } };
    }
  }

  #isHost(name: string | undefined): boolean {
    return name !== undefined && this.#hosts.has(name.toLowerCase());
  }

  #isToken(token: string): boolean {
    const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
    return timingSafeEqual(digest(token), digest(this.#token));
  }
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_QUESTION) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function sendJson(response: ServerResponse, { status, value }: ApiAnswer): void {
  send(response, status, 'application/json', JSON.stringify(value));
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    ...HEADERS,
    'Content-Type': type,
    ...(response.req.method !== 'HEAD' && { 'Content-Length': Buffer.byteLength(body) }),
  });
  response.end(body);
}
