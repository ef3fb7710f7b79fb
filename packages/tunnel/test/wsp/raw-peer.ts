/** A peer that speaks octets: what the Go programs sent is sent again as it was. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import net from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { listen } from '../listening.ts';

export interface Frame {
  readonly octet0: number;
  readonly key: Uint8Array | undefined;
  /** Unmasked. */
  readonly payload: Buffer;
}

interface Line {
  readonly c: number;
  readonly d: 'A>S' | 'S>A';
  readonly hex?: string;
}

/** What one side of one captured connection sent, in order. */
export function captured(name: string, connection: number, direction: Line['d']): Buffer[] {
  const folder = join(import.meta.dirname, '../../../test/wsp/fixtures');
  const lines = readFileSync(join(folder, name), 'utf8').trim().split('\n');
  return lines
    .map((line) => JSON.parse(line) as Line)
    .filter(({ c, d, hex }) => c === connection && d === direction && hex !== undefined)
    .map(({ hex = '' }) => Buffer.from(hex, 'hex'));
}

/** The frames of octets that are whole frames; the rest is what is left over. */
export function framesOf(octets: Buffer): { readonly frames: Frame[]; readonly rest: Buffer } {
  const frames: Frame[] = [];
  let rest = octets;
  for (;;) {
    const length7 = (rest[1] ?? 0) & 0x7f;
    const headed = length7 < 126 ? 2 : length7 === 126 ? 4 : 10;
    if (rest.length < headed) return { frames, rest };
    const isMasked = ((rest[1] ?? 0) & 0x80) !== 0;
    const start = headed + (isMasked ? 4 : 0);
    const length =
      length7 < 126
        ? length7
        : length7 === 126
          ? rest.readUInt16BE(2)
          : Number(rest.readBigUInt64BE(2));
    if (rest.length < start + length) return { frames, rest };
    const key = isMasked ? rest.subarray(headed, start) : undefined;
    const payload = Buffer.from(rest.subarray(start, start + length));
    for (let at = 0; key !== undefined && at < length; at++) payload[at]! ^= key[at % 4]!;
    frames.push({ octet0: rest[0]!, key, payload });
    rest = rest.subarray(start + length);
  }
}

/** One WebSocket, from below. */
export class RawPeer {
  readonly socket: net.Socket;
  #arrived: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #hasEnded = false;

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#arrived = Buffer.concat([this.#arrived, chunk]);
      this.#wake?.();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#hasEnded = true;
      this.#wake?.();
    });
  }

  static async dial(t: TestContext, port: number): Promise<RawPeer> {
    const socket = net.connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    return new RawPeer(socket);
  }

  send(octets: Uint8Array | string): void {
    this.socket.write(octets);
  }

  /** Unmasked, as a relay sends it. */
  sendFrame(octet0: number, payload: Uint8Array | string = ''): void {
    const octets = Buffer.from(payload as string);
    const header =
      octets.length < 126 ? [octets.length] : [126, octets.length >> 8, octets.length & 0xff];
    this.send(Buffer.concat([Buffer.from([octet0, ...header]), octets]));
  }

  async readHead(): Promise<string> {
    await this.#until(() => this.#arrived.includes('\r\n\r\n'));
    const end = this.#arrived.indexOf('\r\n\r\n') + 4;
    const head = this.#arrived.subarray(0, end).toString('latin1');
    this.#arrived = this.#arrived.subarray(end);
    return head;
  }

  /** The opening handshake, as a relay. */
  async accept(): Promise<string> {
    const head = await this.readHead();
    const [, key = ''] = /sec-websocket-key: (\S+)/i.exec(head) ?? [];
    const hash = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    const lines = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${hash.digest('base64')}`,
    ];
    this.send(`${lines.join('\r\n')}\r\n\r\n`);
    return head;
  }

  async readFrame(): Promise<Frame> {
    await this.#until(() => framesOf(this.#arrived).frames.length > 0);
    const [frame] = framesOf(this.#arrived).frames;
    assert.ok(frame !== undefined);
    const { length } = frame.payload;
    const header = 2 + (length < 126 ? 0 : length < 65_536 ? 2 : 8) + (frame.key ? 4 : 0);
    this.#arrived = this.#arrived.subarray(header + length);
    return frame;
  }

  /** The next message, of whatever fragments. */
  async readMessage(): Promise<{ readonly opcode: number; readonly payload: Buffer }> {
    let frame = await this.readFrame();
    const opcode = frame.octet0 & 0xf;
    const parts = [frame.payload];
    while ((frame.octet0 & 0x80) === 0) {
      frame = await this.readFrame();
      parts.push(frame.payload);
    }
    return { opcode, payload: Buffer.concat(parts) };
  }

  async closed(): Promise<void> {
    while (!this.#hasEnded) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#hasEnded) throw new Error('the stream ended before');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** A TCP server that hands out whoever comes. */
export async function listenRaw(
  t: TestContext,
): Promise<{ readonly port: number; next(): Promise<RawPeer>; readonly count: () => number }> {
  const peers: RawPeer[] = [];
  const waiting: ((peer: RawPeer) => void)[] = [];
  let count = 0;
  const server = net.createServer((socket) => {
    count++;
    const peer = new RawPeer(socket);
    t.after(() => socket.destroy());
    const next = waiting.shift();
    if (next === undefined) peers.push(peer);
    else next(peer);
  });
  return {
    port: await listen(t, server),
    next: () => {
      const peer = peers.shift();
      return peer === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(peer);
    },
    count: () => count,
  };
}
