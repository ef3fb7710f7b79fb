/** Proxies: those that do what they are asked, and a raw peer in the place of one. */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { openThroughProxy } from '#src/client/tunnel.js';
import { resolveProxy, type Proxy, type ProxyChoice } from '#src/client/proxy.js';
import { ManualClock, memoryPair } from 'framewire/testing';
import type { HandshakeError } from 'framewire';
import type { Certificate } from '../connection/certificate.ts';
import { RawPeer, within } from '../connection/raw-peer.ts';

export interface Target {
  readonly hostname: string;
  readonly port: number;
}

export interface Approach {
  readonly near: Duplex;
  /** Stands where the proxy is. */
  readonly peer: RawPeer;
  readonly proxy: Proxy;
  readonly controller: AbortController;
  readonly clock: ManualClock;
  readonly opening: Promise<void>;
  /** Event names and how many listen, as it was before. */
  readonly listenersBefore: Readonly<Record<string, number>>;
}

export const TARGET: Target = { hostname: 'target.example', port: 443 };

export function proxyOf(choice: ProxyChoice): Proxy {
  const proxy = resolveProxy(choice, { ...TARGET, isSecure: true }, {});
  if (proxy === undefined) throw new Error('no proxy');
  return proxy;
}

/** A tunnel that is asked for over a pair of streams in memory, or over a stream that is given. */
export function approach(
  choice: ProxyChoice,
  target: Target = TARGET,
  pair: readonly [Duplex, Duplex] = memoryPair(),
): Approach {
  const [near, far] = pair;
  const peer = new RawPeer(far, 'server');
  const proxy = proxyOf(choice);
  const controller = new AbortController();
  const clock = new ManualClock();
  const listenersBefore = listenersOf(near);
  const opening = openThroughProxy(near, proxy, target, controller.signal, clock);
  opening.catch(() => {});
  return { near, peer, proxy, controller, clock, opening, listenersBefore };
}

export function listenersOf(stream: Duplex): Record<string, number> {
  const names = stream.eventNames().filter((name) => stream.listenerCount(name) > 0);
  return Object.fromEntries(names.map((name) => [String(name), stream.listenerCount(name)]));
}

/** What the stream has in its buffer: from Node 26 on `read()` takes one chunk of it only. */
export function buffered(stream: Duplex): string {
  let text = '';
  for (let chunk: unknown = stream.read(); chunk !== null; chunk = stream.read()) {
    text += (chunk as Buffer).toString('latin1');
  }
  return text;
}

/** What a promise rejects with; an error when it does not. */
export async function rejection(promise: Promise<unknown>): Promise<HandshakeError> {
  const outcome = promise.then(
    () => new Error('it was fulfilled'),
    (reason: unknown) => ({ reason }),
  );
  const rejected = await within(outcome, 'the rejection');
  if (rejected instanceof Error) throw rejected;
  return rejected.reason as HandshakeError;
}

export interface RunningProxy {
  readonly url: string;
  readonly port: number;
  /** What was asked for, as `host:port`. */
  readonly asked: readonly string[];
}

/** A proxy that opens every tunnel; with a certificate, one that is reached by TLS. */
export async function startHttpProxy(
  t: TestContext,
  certificate?: Certificate,
): Promise<RunningProxy> {
  const asked: string[] = [];
  const server = certificate === undefined ? http.createServer() : https.createServer(certificate);
  server.on('connect', ({ url = '' }: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    asked.push(url);
    const { hostname, port } = new URL(`ftp://${url}`);
    socket.unshift(head);
    join(
      socket,
      net.connect(Number(port), hostname),
      'HTTP/1.1 200 Connection established\r\n\r\n',
    );
  });
  return start(t, server, certificate === undefined ? 'http' : 'https', asked);
}

/** The same for SOCKS 5, without authentication and for names only. */
export async function startSocksProxy(t: TestContext): Promise<RunningProxy> {
  const asked: string[] = [];
  const server = net.createServer((socket) => {
    // Whoever gives up in the middle is no failure of the test.
    serveSocks(socket, asked).catch(() => socket.destroy());
  });
  return start(t, server, 'socks5', asked);
}

/** A client that waits for each answer sends each message alone. */
async function serveSocks(socket: net.Socket, asked: string[]): Promise<void> {
  await once(socket, 'data');
  socket.write(Buffer.of(5, 0));
  const [request] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  const hostname = request.toString('latin1', 5, request.length - 2);
  const port = request.readUInt16BE(request.length - 2);
  asked.push(`${hostname}:${port}`);
  join(socket, net.connect(port, hostname), Buffer.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 0));
}

async function start(
  t: TestContext,
  server: net.Server,
  scheme: string,
  asked: readonly string[],
): Promise<RunningProxy> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as net.AddressInfo;
  return { url: `${scheme}://127.0.0.1:${port}`, port, asked };
}

function join(near: Duplex, far: net.Socket, answer: string | Uint8Array): void {
  near.on('error', () => far.destroy()).on('close', () => far.destroy());
  far.on('error', () => near.destroy()).on('close', () => near.destroy());
  far.once('connect', () => {
    near.write(answer);
    near.pipe(far).pipe(near);
  });
}
