/** The interop peer for npm's ws: a program that speaks the lines of wire.ts. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { WebSocket, WebSocketServer, type PerMessageDeflateOptions, type ServerOptions } from 'ws';
import type { DialOptions, ListenOptions, Manner, SideOptions } from './endpoint.ts';
import { decodeOctets, encodeOctets, type Event, type Reply, type Request } from './wire.ts';

const CONTROL_TIMEOUT = 5000;

const links: WebSocket[] = [];
const servers: Map<number, WebSocketServer> = new Map();

type Answer = Omit<Reply, 'id'>;

function report(value: Event | Reply): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function add(socket: WebSocket, { echo = false }: SideOptions): number {
  const link = links.push(socket) - 1;
  socket.on('message', (data: Buffer, binary) => {
    const type = binary ? 'binary' : 'text';
    if (echo) return socket.send(data, { binary });
    report({ event: 'message', link, type, data: encodeOctets(data) });
  });
  socket.on('ping', (data) => report({ event: 'ping', link, data: encodeOctets(data) }));
  socket.on('pong', (data) => report({ event: 'pong', link, data: encodeOctets(data) }));
  socket.on('error', (error) => process.stderr.write(`${error.message}\n`));
  socket.on('close', (code, reason) =>
    report({ event: 'closed', link, code, reason: reason.toString() }),
  );
  return link;
}

function deflateOptions({ deflate = 'default' }: SideOptions): boolean | PerMessageDeflateOptions {
  return typeof deflate === 'string' ? deflate === 'default' : { ...deflate, threshold: 0 };
}

/** What was agreed on, once the library says by its name that it has taken it over. */
function extensionsOf(socket: WebSocket, answer: string): string {
  if (answer.split(';')[0] === socket.extensions) return answer;
  throw new Error(`the answer is "${answer}", the socket has "${socket.extensions}"`);
}

function serverOptions(options: ListenOptions): ServerOptions {
  const { protocols = [], origins, refuse, requireProtocol, maxMessageSize = 0 } = options;
  return {
    maxPayload: maxMessageSize,
    perMessageDeflate: deflateOptions(options),
    handleProtocols: (offered) =>
      [...offered].find((protocol) => protocols.includes(protocol)) ?? false,
    verifyClient: ({ origin, req }, answer) => {
      if (refuse !== undefined) return answer(false, refuse);
      const offered = req.headers['sec-websocket-protocol']?.split(/, */) ?? [];
      const speaks = requireProtocol === undefined || offered.includes(requireProtocol);
      answer(speaks && (origins?.includes(origin) ?? true), 403);
    },
  };
}

function listen(options: ListenOptions): Promise<Answer> {
  const { certificate, key } = options;
  const server =
    certificate === undefined || key === undefined
      ? createServer()
      : createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) });
  const sockets = new WebSocketServer({ ...serverOptions(options), server });
  const answers = new WeakMap<IncomingMessage, string>();
  sockets.on('headers', (lines, request) => {
    const prefix = 'Sec-WebSocket-Extensions: ';
    answers.set(request, lines.find((line) => line.startsWith(prefix))?.slice(prefix.length) ?? '');
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      sockets.on('connection', (socket, request) => {
        const headers = Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
        );
        const link = add(socket, options);
        const extensions = extensionsOf(socket, answers.get(request) ?? '');
        report({ event: 'accepted', port, link, protocol: socket.protocol, extensions, headers });
      });
      servers.set(port, sockets);
      resolve({ port });
    });
  });
}

function dial(options: DialOptions): Promise<Answer> {
  const { url, protocols = [], headers = {}, origin, certificate, maxMessageSize = 0 } = options;
  const socket = new WebSocket(url, [...protocols], {
    headers,
    ...(origin === undefined ? {} : { origin }),
    ...(certificate === undefined ? {} : { ca: readFileSync(certificate) }),
    maxPayload: maxMessageSize,
    perMessageDeflate: deflateOptions(options),
    handshakeTimeout: CONTROL_TIMEOUT,
  });
  // Listening from the start, because messages may follow the 101 at once.
  const link = add(socket, options);
  let answer = '';
  socket.on('upgrade', ({ headers }) => (answer = headers['sec-websocket-extensions'] ?? ''));
  return new Promise((resolve) => {
    socket.on('open', () => {
      const extensions = extensionsOf(socket, answer);
      resolve({ link, protocol: socket.protocol, extensions });
    });
    socket.on('error', (error) => resolve({ error: error.message }));
    socket.on('unexpected-response', (request, { statusCode = 0 }) => {
      request.destroy();
      resolve({ error: `status ${statusCode}`, status: statusCode });
    });
  });
}

function shutdown(port: number): Answer {
  const server = servers.get(port);
  servers.delete(port);
  for (const socket of server?.clients ?? []) socket.close(1001);
  server?.close();
  return {};
}

interface Sent {
  readonly data: string;
  readonly type: string;
  readonly manner?: Manner;
}

function send(socket: WebSocket, { data, type, manner }: Sent): void {
  socket.send(decodeOctets(data), { binary: type === 'binary', compress: manner !== 'plain' });
}

function perform(request: Request): Answer | Promise<Answer> {
  if (request.op === 'listen') return listen(request.options);
  if (request.op === 'dial') return dial(request.options);
  if (request.op === 'shutdown') return shutdown(request.port);
  const socket = links[request.link];
  if (socket === undefined) return { error: `no link ${request.link}` };
  switch (request.op) {
    case 'send':
      send(socket, request);
      break;
    case 'fragments':
      request.parts.forEach((part, index) => {
        const fin = index === request.parts.length - 1;
        socket.send(decodeOctets(part), { binary: request.type === 'binary', fin });
        if (index === 0) socket.ping(decodeOctets(request.data));
      });
      break;
    case 'ping':
      socket.ping(decodeOctets(request.data));
      break;
    case 'close':
      socket.close(request.code, request.reason);
      break;
    case 'abort':
      socket.terminate();
      break;
  }
  return {};
}

async function answer(line: string): Promise<void> {
  const request: Request = JSON.parse(line);
  try {
    report({ ...(await perform(request)), id: request.id });
  } catch (error) {
    report({ id: request.id, error: String(error) });
  }
}

const input = createInterface(process.stdin);
input.on('line', (line) => void answer(line));
input.on('close', () => process.exit());
