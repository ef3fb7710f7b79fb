/** What `framewire tunnel demo` puts behind its tunnel: a page, a WebSocket and a stream of events. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { WebSocketServer } from 'framewire';
import { composePage, readPageParts, servePage } from '../echo-page.ts';
import { listen } from './listening.ts';

/** Milliseconds between events. */
const INTERVAL = 1000;

export class SampleService implements AsyncDisposable {
  readonly #events = new Set<ServerResponse>();
  readonly #sockets: WebSocketServer;
  readonly #server: http.Server;
  #timer: NodeJS.Timeout | undefined;
  #count = 0;

  constructor() {
    const settings = { path: '/socket', subprotocols: [] };
    const serveDemo = servePage(composePage(readPageParts('demo'), settings));
    this.#server = http.createServer((request, response) => {
      const [path] = (request.url ?? '').split('?', 1);
      if (path === '/events') this.#stream(response);
      else if (path === '/hello') answerHello(request, response);
      else serveDemo(request, response);
    });
    this.#sockets = new WebSocketServer({
      handler: {
        message: async (connection, message) => {
          await connection.send(message);
        },
      },
    });
    this.#sockets.attach(this.#server, { path: '/socket' });
  }

  /** The port it got. */
  async start(): Promise<number> {
    this.#timer = setInterval(() => this.#tick(), INTERVAL);
    return listen(this.#server, { host: '127.0.0.1', port: 0 }, 'try again');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#server.close();
    for (const response of this.#events) response.end();
    await this.#sockets.close({ timeout: 1000 });
    this.#server.closeAllConnections();
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
    });
    this.#events.add(response);
    response.once('close', () => this.#events.delete(response));
    response.write(eventOf(this.#count));
  }

  #tick(): void {
    this.#count++;
    for (const response of this.#events) response.write(eventOf(this.#count));
  }
}

function eventOf(number: number): string {
  return `id: ${number}\ndata: ${JSON.stringify({ number, sent: Date.now() })}\n\n`;
}

/** What a tunnel has to say to a service. */
const SHOWN = [
  'host',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
];

function answerHello(
  { method, url, headers, socket }: IncomingMessage,
  response: ServerResponse,
): void {
  const shown = SHOWN.flatMap((name) =>
    headers[name] === undefined ? [] : [[name, headers[name]]],
  );
  const said = {
    message: 'hello through the tunnel',
    request: `${method} ${url}`,
    service: `127.0.0.1:${socket.localPort}`,
    headers: Object.fromEntries(shown) as Record<string, string>,
  };
  const body = `${JSON.stringify(said, null, 2)}\n`;
  response.writeHead(200, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
}
