/** What the scenarios ask; `peers/go/src/yamux/service.go` is the same in Go. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'framewire';
import { pseudoRandomOctets } from '../contents.ts';

/** A request that others ask about. */
class Thing {
  readonly arrived: Promise<void>;
  readonly released: Promise<void>;
  readonly over: Promise<string>;
  written = 0;
  arrive!: () => void;
  release!: () => void;
  end!: (outcome: string) => void;

  constructor() {
    this.arrived = new Promise((resolve) => (this.arrive = resolve));
    this.released = new Promise((resolve) => (this.release = resolve));
    this.over = new Promise((resolve) => (this.end = resolve));
  }
}

/** Those who are let go when all of them are there. */
interface Crowd {
  left: number;
  readonly all: Promise<void>;
  readonly go: () => void;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly size: number;
  readonly thing: Thing;
}

type Handler = (exchange: Exchange) => void | Promise<void>;

export class OurService implements AsyncDisposable {
  readonly #server: http.Server;
  readonly #webSockets: WebSocketServer;
  readonly #sockets = new Set<Socket>();
  readonly #things = new Map<string, Thing>();
  readonly #crowds = new Map<string, Crowd>();
  readonly #handlers: ReadonlyMap<string, Handler>;

  private constructor() {
    this.#handlers = new Map<string, Handler>([
      ...HANDLERS,
      ['/crowd', (exchange) => this.#crowd(exchange)],
    ]);
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      // Whoever broke off has been asked about.
      this.#handle(request, response).catch(() => response.destroy());
    };
    this.#server = http.createServer(onRequest);
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      if (request.url !== '/refuse') response.writeContinue();
      onRequest(request, response);
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#webSockets = new WebSocketServer({
      protocols: ['chat'],
      onConnection: async (connection) => {
        for await (const message of connection) await connection.send(message);
      },
    });
    this.#webSockets.attach(this.#server, { path: '/ws' });
  }

  static async listen(): Promise<OurService> {
    const service = new OurService();
    service.#server.listen(0, '127.0.0.1');
    await once(service.#server, 'listening');
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await this.#webSockets.close();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://target');
    const handler = this.#handlers.get(pathname);
    if (handler === undefined) {
      response.writeHead(404).end();
      return;
    }
    const id = query.get('id') ?? '';
    const thing = this.#things.get(id) ?? new Thing();
    this.#things.set(id, thing);
    await handler({ request, response, query, size: Number(query.get('size')), thing });
  }

  async #crowd({ response, query, size }: Exchange): Promise<void> {
    const id = query.get('id') ?? '';
    const crowd = this.#crowds.get(id) ?? newCrowd(size);
    this.#crowds.set(id, crowd);
    crowd.left--;
    if (crowd.left === 0) crowd.go();
    await crowd.all;
    response.end('all are here');
  }
}

function newCrowd(left: number): Crowd {
  let go!: () => void;
  const all = new Promise<void>((resolve) => (go = resolve));
  return { left, all, go };
}

const HANDLERS: readonly (readonly [string, Handler])[] = [
  ['/hello', ({ response }) => void response.end('hello\n')],
  ['/echo', echo],
  ['/sum', sum],
  ['/bytes', ({ response, size }) => void response.end(pseudoRandomOctets(size))],
  [
    '/status',
    ({ response, query }) => {
      response.writeHead(Number(query.get('code')), { ETag: '"1"' }).end();
    },
  ],
  ['/trailers', trailers],
  ['/refuse', ({ response }) => void response.writeHead(417, { Connection: 'close' }).end('no\n')],
  ['/early', ({ response }) => void response.writeHead(413, { Connection: 'close' }).end('no\n')],
  ['/hold', hold],
  [
    '/gated',
    async (exchange) => {
      exchange.thing.arrive();
      await exchange.thing.released;
      await sum(exchange);
    },
  ],
  ['/watch', watch],
  ['/pour', pour],
  ['/cut', cut],
  [
    '/release',
    ({ response, thing }) => {
      thing.release();
      response.end();
    },
  ],
  [
    '/arrived',
    async ({ response, thing }) => {
      await thing.arrived;
      response.end();
    },
  ],
  ['/outcome', async ({ response, thing }) => void response.end(await thing.over)],
  ['/written', ({ response, thing }) => void response.end(String(thing.written))],
];

async function echo({ request, response }: Exchange): Promise<void> {
  response.setHeader('Trailer', 'X-Sum');
  const hash = createHash('sha256');
  for await (const piece of request as AsyncIterable<Buffer>) {
    hash.update(piece);
    if (!response.write(piece)) await drained(response);
  }
  response.addTrailers({ 'X-Sum': hash.digest('hex') });
  response.end();
}

async function sum({ request, response }: Exchange): Promise<void> {
  const hash = createHash('sha256');
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    hash.update(piece);
    length += piece.length;
  }
  response.end(`${length} ${hash.digest('hex')}`);
}

async function trailers({ request, response }: Exchange): Promise<void> {
  request.resume();
  await once(request, 'end');
  const names = Object.keys(request.trailers);
  response.setHeader('Trailer', names.join(', '));
  response.write('trailers follow');
  for (const name of names) response.addTrailers({ [name]: request.trailers[name] ?? '' });
  response.end();
}

async function hold({ response, thing }: Exchange): Promise<void> {
  thing.arrive();
  response.once('close', () => thing.end(response.writableFinished ? 'done' : 'aborted'));
  await thing.released;
  response.end('released');
}

async function watch({ request, thing }: Exchange): Promise<void> {
  thing.arrive();
  request.once('error', () => thing.end('aborted')).once('end', () => thing.end('done'));
  request.resume();
}

async function pour({ response, thing, size }: Exchange): Promise<void> {
  thing.arrive();
  response.once('close', () => thing.end(response.writableFinished ? 'done' : 'aborted'));
  response.writeHead(200, { 'Content-Length': size });
  const piece = Buffer.alloc(16 * 1024);
  while (thing.written < size && !response.destroyed) {
    thing.written += piece.length;
    if (!response.write(piece)) await drained(response);
  }
  response.end();
}

/** Breaks off in the middle: by the end of its connection, or by a reset of it. */
async function cut({ request, response, query, size }: Exchange): Promise<void> {
  await new Promise((resolve) => response.write(Buffer.alloc(size), resolve));
  if (query.get('manner') === 'rst') request.socket.resetAndDestroy();
  else request.socket.end();
}

/** There is room again, or nobody to have it. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    response.on('drain', settle).on('close', settle);
  });
}
