/** A peer that speaks octets, so that it can say what no library would. */
import net from 'node:net';
import type { TestContext } from 'node:test';
import { within } from '@framewire/test-support/waiting';

/** How a stream of octets went away. */
export type Fate = 'end' | 'reset' | 'open';

export class RawPeer {
  readonly socket: net.Socket;
  #text = '';
  #fate: Fate = 'open';
  #isClosed = false;
  #wake: (() => void)[] = [];

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket
      .on('data', (chunk) => {
        this.#text += chunk.toString('latin1');
        this.#woken();
      })
      .on('end', () => {
        this.#fate = 'end';
        this.#woken();
      })
      .on('error', () => {
        this.#fate = 'reset';
        this.#woken();
      })
      .on('close', () => {
        this.#isClosed = true;
        this.#woken();
      });
  }

  static async dial(port: number): Promise<RawPeer> {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const peer = new RawPeer(socket);
    await within(new Promise((resolve) => socket.once('connect', resolve)), 'connection');
    return peer;
  }

  /** Strings are latin1. */
  send(...parts: readonly (string | Uint8Array)[]): this {
    const octets = parts.map((part) =>
      typeof part === 'string' ? Buffer.from(part, 'latin1') : part,
    );
    this.socket.write(Buffer.concat(octets));
    return this;
  }

  /** What has come up to the end of the text, which is taken. */
  async readTo(text: string): Promise<string> {
    await this.#until(() => this.#text.includes(text) || this.#fate !== 'open', `"${text}"`);
    const at = this.#text.indexOf(text);
    if (at === -1) throw new Error(`${this.#fate} instead of "${text}", after: ${this.#text}`);
    const end = at + text.length;
    const taken = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    return taken;
  }

  readHead(): Promise<string> {
    return this.readTo('\r\n\r\n');
  }

  /** A head, and the content that its Content-Length says. */
  async readAnswer(): Promise<{ readonly head: string; readonly body: string }> {
    const head = await this.readHead();
    const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? 0);
    await this.#until(() => this.#text.length >= length || this.#fate !== 'open', 'content');
    const body = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return { head, body };
  }

  /** All that comes before the end, and which kind of end it is. */
  async readRest(): Promise<{ readonly text: string; readonly fate: Fate }> {
    await this.#until(() => this.#fate !== 'open' || this.#isClosed, 'the end');
    return { text: this.#text, fate: this.#fate };
  }

  /** What has come and was not taken. */
  get unread(): string {
    return this.#text;
  }

  async closed(): Promise<Fate> {
    await this.#until(() => this.#isClosed, 'close');
    return this.#fate;
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  #woken(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const each of wake) each();
  }

  async #until(isThere: () => boolean, what: string): Promise<void> {
    while (!isThere()) {
      await within(new Promise<void>((resolve) => this.#wake.push(resolve)), what);
    }
  }
}

/** A server of octets: it hands out who connects. */
export class RawTarget {
  readonly port: number;
  readonly #peers: RawPeer[] = [];
  readonly #waiting: ((peer: RawPeer) => void)[] = [];
  /** Connections so far. */
  count = 0;

  private constructor(server: net.Server) {
    this.port = (server.address() as net.AddressInfo).port;
    server.on('connection', (socket) => {
      this.count++;
      const peer = new RawPeer(socket);
      const next = this.#waiting.shift();
      if (next === undefined) this.#peers.push(peer);
      else next(peer);
    });
  }

  static async start(t: TestContext): Promise<RawTarget> {
    const sockets = new Set<net.Socket>();
    const server = net.createServer({ allowHalfOpen: true, noDelay: true });
    server.on('connection', (socket) => sockets.add(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return new RawTarget(server);
  }

  next(): Promise<RawPeer> {
    const peer = this.#peers.shift();
    if (peer !== undefined) return Promise.resolve(peer);
    return within(new Promise((resolve) => this.#waiting.push(resolve)), 'a connection');
  }
}
