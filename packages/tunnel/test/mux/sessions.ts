/** Sessions over connections in memory, with a session or a hand at the other end. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { MuxSession, type MuxSessionOptions, type MuxStream } from '@framewire/tunnel';
import { connect, WebSocketServer, type Connection } from 'framewire';
import { ManualClock, memoryPair } from 'framewire/testing';
import { turn, within } from '@framewire/test-support/waiting';

export type Role = MuxSessionOptions['role'];

export const ROLES: readonly Role[] = ['client', 'server'];

export const KIB = 1024;

export const WINDOW: number = 256 * KIB;

/** Milliseconds, where others may have megabytes to send before. */
export const PATIENCE = 20_000;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly length: number;
  readonly payload: Uint8Array;
}

/** A header as the specification of yamux draws it, written without any code of the package. */
export function header(type: number, flags: number, id: number, length: number): Buffer {
  const octets = Buffer.alloc(12);
  octets.writeUInt8(0, 0);
  octets.writeUInt8(type, 1);
  octets.writeUInt16BE(flags, 2);
  octets.writeUInt32BE(id, 4);
  octets.writeUInt32BE(length, 8);
  return octets;
}

export const SYN = 1;
export const ACK = 2;
export const FIN = 4;
export const RST = 8;

export function data(flags: number, id: number, payload: string | Uint8Array = ''): Buffer {
  const octets = Buffer.from(payload as Uint8Array);
  return Buffer.concat([header(0, flags, id, octets.length), octets]);
}

export function update(flags: number, id: number, octets: number = 0): Buffer {
  return header(1, flags, id, octets);
}

export function ping(flags: number, value: number): Buffer {
  return header(2, flags, 0, value);
}

export function goAway(code: number): Buffer {
  return header(3, 0, 0, code);
}

async function openConnections(role: Role): Promise<[Connection, Connection]> {
  const [here, there] = memoryPair();
  const [client, server] = await within(
    Promise.all([
      connect('ws://test.example/', { transport: here }),
      new WebSocketServer().serve(there),
    ]),
    'connections',
  );
  return role === 'client' ? [client, server] : [server, client];
}

/** What speaks yamux by hand. */
export class Hand {
  readonly connection: Connection;
  #octets: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  hasEnded = false;

  constructor(connection: Connection) {
    this.connection = connection;
    void this.#read();
  }

  /** All in one message. */
  send(...frames: readonly Uint8Array[]): void {
    void this.connection.send(Buffer.concat(frames));
  }

  async octets(count: number): Promise<Buffer> {
    await within(
      (async () => {
        while (this.#octets.length < count) {
          assert.ok(!this.hasEnded, `the connection ended before ${count} octets`);
          await new Promise<void>((resolve) => (this.#wake = resolve));
        }
      })(),
      `${count} octets`,
    );
    const octets = this.#octets.subarray(0, count);
    this.#octets = this.#octets.subarray(count);
    return octets;
  }

  async frame(): Promise<Frame> {
    const octets = await this.octets(12);
    assert.equal(octets.readUInt8(0), 0, 'version');
    const type = octets.readUInt8(1);
    const length = octets.readUInt32BE(8);
    const payload = type === 0 ? await this.octets(length) : Buffer.alloc(0);
    return { type, flags: octets.readUInt16BE(2), id: octets.readUInt32BE(4), length, payload };
  }

  /** The next octets are exactly these. */
  async expect(...frames: readonly Uint8Array[]): Promise<void> {
    for (const frame of frames) {
      const octets = await this.octets(frame.length);
      assert.equal(octets.toString('hex'), Buffer.from(frame).toString('hex'));
    }
  }

  /** Nothing was said up to here: the answer to a ping is what comes next. */
  async expectNothing(): Promise<void> {
    for (const value of [0xfffffff0, 0xfffffff1]) {
      await turn();
      this.send(ping(SYN, value));
      await this.expect(ping(ACK, value));
    }
  }

  async #read(): Promise<void> {
    try {
      for await (const message of this.connection) {
        assert.ok(typeof message !== 'string', 'yamux is binary');
        this.#octets = Buffer.concat([this.#octets, message]);
        this.#wake?.();
      }
    } catch {
      // What it ended with is asked of the connection.
    }
    this.hasEnded = true;
    this.#wake?.();
  }
}

export interface Handled {
  readonly session: MuxSession;
  readonly hand: Hand;
  readonly clock: ManualClock;
  readonly connection: Connection;
  /** The next stream that the hand has opened. */
  accepted(): Promise<MuxStream>;
  /** The id of the session's first stream, and of the hand's. */
  readonly own: number;
  readonly other: number;
}

export type Options = Omit<MuxSessionOptions, 'role'>;

/** A session in the role; all is gone when the test ends. */
export async function openSession(
  t: TestContext,
  role: Role,
  options: Options = {},
): Promise<Handled> {
  const [connection, far] = await openConnections(role);
  const clock = new ManualClock();
  const { streams, next } = queue<MuxStream>();
  const session = new MuxSession(connection, { role, clock, onStream: streams, ...options });
  const hand = new Hand(far);
  t.after(() => {
    far.terminate();
    connection.terminate();
    return session.closed;
  });
  const [own, other] = role === 'client' ? [1, 2] : [2, 1];
  return { session, hand, clock, connection, accepted: next, own, other };
}

export interface Pair {
  readonly near: MuxSession;
  readonly far: MuxSession;
  /** The next stream that near has opened, at the far end. */
  accepted(): Promise<MuxStream>;
  /** Both ends of a new stream. */
  open(): Promise<[MuxStream, MuxStream]>;
  readonly clock: ManualClock;
  readonly connections: readonly [Connection, Connection];
}

/** Two sessions; near is in the role. */
export async function openPair(
  t: TestContext,
  role: Role = 'client',
  nearOptions: Options = {},
  farOptions: Options = {},
): Promise<Pair> {
  const connections = await openConnections(role);
  const clock = new ManualClock();
  const { streams, next } = queue<MuxStream>();
  const near = new MuxSession(connections[0], { role, clock, ...nearOptions });
  const far = new MuxSession(connections[1], {
    role: role === 'client' ? 'server' : 'client',
    clock,
    onStream: streams,
    ...farOptions,
  });
  t.after(() => {
    for (const connection of connections) connection.terminate();
    return Promise.all([near.closed, far.closed]);
  });
  const open = async (): Promise<[MuxStream, MuxStream]> => {
    const stream = near.open();
    return [stream, await next()];
  };
  return { near, far, accepted: next, open, clock, connections };
}

function queue<Value>(): { streams: (value: Value) => void; next: () => Promise<Value> } {
  const values: Value[] = [];
  const waiting: ((value: Value) => void)[] = [];
  return {
    streams(value) {
      const next = waiting.shift();
      if (next === undefined) values.push(value);
      else next(value);
    },
    next() {
      const value = values.shift();
      if (value !== undefined) return Promise.resolve(value);
      return within(new Promise((resolve) => waiting.push(resolve)), 'a stream', PATIENCE);
    },
  };
}

/** How a stream ended for who reads it: `ended` with all octets, or the error's code without. */
export interface Ending {
  readonly octets: Buffer;
  readonly hasEnded: boolean;
  readonly code: string | undefined;
}

/** Reads to whatever end, and waits until the stream is gone if it ended otherwise than well. */
export function ending(stream: MuxStream): Promise<Ending> {
  const chunks: Buffer[] = [];
  let code: string | undefined;
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', (error: NodeJS.ErrnoException) => (code = error.code));
  return within(
    new Promise((resolve) => {
      const done = (hasEnded: boolean): void =>
        resolve({ octets: Buffer.concat(chunks), hasEnded, code });
      stream.on('end', () => done(true));
      stream.on('close', () => done(false));
    }),
    'the end of a stream',
    PATIENCE,
  );
}

export function event(emitter: NodeJS.EventEmitter, name: string): Promise<void> {
  return within(new Promise((resolve) => emitter.once(name, () => resolve())), name, PATIENCE);
}

/** The stream is gone, if it is not already. */
export function gone(stream: MuxStream): Promise<void> {
  return stream.closed ? Promise.resolve() : event(stream, 'close');
}

export function unexpected(): never {
  assert.fail('this should not have happened');
}
