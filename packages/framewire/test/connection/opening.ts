/** Connections of either role with a raw peer at the other end. */
import net from 'node:net';
import type { TestContext } from 'node:test';
import {
  connect,
  WebSocketServer,
  type ConnectOptions,
  type Connection,
  type ConnectionHandler,
  type ConnectionOptions,
  type Role,
} from 'framewire';
import { memoryPair } from 'framewire/testing';
import { RawPeer, within } from './raw-peer.ts';

export const ROLES: readonly Role[] = ['client', 'server'];

export interface OpenOptions extends ConnectionOptions {
  readonly handler?: ConnectionHandler<undefined, unknown>;
}

export interface Opened {
  readonly connection: Connection<undefined>;
  readonly peer: RawPeer;
}

/** A connection of the role over a pair of streams in memory; the peer has the other role. */
export async function open(role: Role, options: OpenOptions = {}): Promise<Opened> {
  const [near, far] = memoryPair();
  if (role === 'client') {
    const peer = new RawPeer(far, 'server');
    const connecting = connect('ws://test.example/', { ...options, transport: near });
    await peer.openAsServer();
    return { connection: await within(connecting, 'connect'), peer };
  }
  const peer = new RawPeer(far, 'client');
  const serving = new WebSocketServer({ ...options }).serve(near);
  await peer.openAsClient();
  return { connection: await within(serving, 'serve'), peer };
}

/** The same over TCP. All is gone when the test ends. */
export async function openOnTcp(
  t: TestContext,
  role: Role,
  options: OpenOptions = {},
): Promise<Opened> {
  if (role === 'client') {
    const listener = await RawListener.start(t);
    const connecting = connect(listener.url, options);
    const peer = await listener.next();
    await peer.openAsServer();
    return { connection: await within(connecting, 'connect'), peer };
  }
  const opened: Connection<undefined>[] = [];
  const { handler } = options;
  const server = new WebSocketServer({
    ...options,
    handler: {
      ...handler,
      open(connection, request) {
        opened.push(connection);
        handler?.open?.(connection, request);
      },
    },
  });
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
  const peer = await RawPeer.dial(port);
  t.after(async () => {
    peer.stream.destroy();
    for (const connection of server.connections) connection.terminate();
    await server.close();
  });
  await peer.openAsClient();
  const connection = opened[0];
  if (connection === undefined) throw new Error('no connection was opened');
  return { connection, peer };
}

/** A TCP server that hands out what connects to it, as raw peers. */
export class RawListener {
  readonly #server: net.Server;
  readonly #all: RawPeer[] = [];
  /** Those of them that nobody has asked for. */
  readonly #peers: RawPeer[] = [];
  readonly #waiting: ((peer: RawPeer) => void)[] = [];

  private constructor(server: net.Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#add(new RawPeer(socket, 'server')));
  }

  static async start(t: TestContext, path?: string): Promise<RawListener> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true });
    const listener = new RawListener(server);
    await new Promise<void>((resolve) => {
      if (path === undefined) server.listen(0, '127.0.0.1', resolve);
      else server.listen(path, resolve);
    });
    t.after(() => listener.close());
    return listener;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  /** Sockets that are not gone. */
  get size(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  next(): Promise<RawPeer> {
    const peer = this.#peers.shift();
    if (peer !== undefined) return Promise.resolve(peer);
    return within(new Promise((resolve) => this.#waiting.push(resolve)), 'a client');
  }

  close(): void {
    this.#server.close();
    this.endAll();
  }

  /** Resolves when every client has ended its side. */
  async abandoned(): Promise<void> {
    for (const peer of this.#all) await peer.ended();
  }

  /** Destroys its end of all sockets. */
  endAll(): void {
    for (const { stream } of this.#all) stream.destroy();
  }

  #add(peer: RawPeer): void {
    this.#all.push(peer);
    const next = this.#waiting.shift();
    if (next === undefined) this.#peers.push(peer);
    else next(peer);
  }
}

export interface Pair {
  readonly server: WebSocketServer;
  readonly url: string;
  /** The client's end. */
  readonly near: Connection<undefined>;
  /** The server's end. */
  readonly far: Connection<undefined>;
}

/** A client and a server of the library, over TCP. */
export async function openPair(
  t: TestContext,
  serverOptions: OpenOptions = {},
  clientOptions: ConnectOptions = {},
): Promise<Pair> {
  const server = new WebSocketServer(serverOptions);
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => {
    for (const connection of server.connections) connection.terminate();
    return server.close();
  });
  const near = await connect(url, clientOptions);
  t.after(() => near.terminate());
  const [far] = server.connections;
  if (far === undefined) throw new Error('no connection was opened');
  return { server, url, near, far };
}
