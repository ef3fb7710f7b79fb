/**
 * A proxy between client and server that reads along, so that a scenario can tell what really
 * travels: an extension that both sides merely claim to use does not get past it.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Role } from './endpoint.ts';

/** A data message as it travelled, its fragments put together and without mask. */
export interface TappedMessage {
  readonly type: 'text' | 'binary';
  /** RSV1 was set on the first fragment (RFC 7692 §6). */
  readonly compressed: boolean;
  readonly fragments: number;
  /** Octets of payload, all fragments together. */
  readonly length: number;
  /** Empty when the tap only counts. */
  readonly payload: Uint8Array;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LONGEST_HEADER = 14;

interface Header {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly mask: Uint8Array | undefined;
  readonly length: number;
  /** Octets of the header itself. */
  readonly size: number;
}

/** RFC 6455 §5.2; undefined as long as octets are missing. */
function parseHeader(octets: Buffer): Header | undefined {
  if (octets.length < 2) return undefined;
  const [first = 0, second = 0] = octets;
  const short = second & 0x7f;
  const lengthSize = short === 126 ? 2 : short === 127 ? 8 : 0;
  const isMasked = second >= 0x80;
  const size = 2 + lengthSize + (isMasked ? 4 : 0);
  if (octets.length < size) return undefined;
  const length =
    lengthSize === 0 ? short : Number(`0x${octets.toString('hex', 2, 2 + lengthSize)}`);
  return {
    fin: first >= 0x80,
    rsv: (first >> 4) & 7,
    opcode: first & 0x0f,
    mask: isMasked ? octets.subarray(size - 4, size) : undefined,
    length,
    size,
  };
}

/** What one side sends: the head of its part of the opening handshake, then frames. */
export class WireLog {
  readonly messages: TappedMessage[] = [];
  /** Bits that no agreed extension has a use for; nobody may set them (RFC 6455 §5.2). */
  readonly faults: string[] = [];
  head = '';
  readonly #keepsPayloads: boolean;
  #pending: Buffer = Buffer.alloc(0);
  /** The frame whose payload arrives, and what of it has. */
  #header: Header | undefined;
  #payload: Buffer = Buffer.alloc(0);
  #received = 0;
  #message: { first: Header; lengths: number[]; parts: Uint8Array[] } | undefined;

  constructor(keepsPayloads: boolean) {
    this.#keepsPayloads = keepsPayloads;
  }

  push(octets: Buffer): void {
    let rest = octets;
    if (this.head === '') rest = this.#readHead(octets);
    while (rest.length > 0) {
      rest = this.#header === undefined ? this.#readHeader(rest) : this.#readPayload(rest);
    }
  }

  #readHead(octets: Buffer): Buffer {
    this.#pending = Buffer.concat([this.#pending, octets]);
    const end = this.#pending.indexOf(HEAD_END);
    if (end === -1) return Buffer.alloc(0);
    const rest = this.#pending.subarray(end + HEAD_END.length);
    this.head = this.#pending.toString('latin1', 0, end);
    this.#pending = Buffer.alloc(0);
    return rest;
  }

  #readHeader(octets: Buffer): Buffer {
    const before = this.#pending.length;
    const start = Buffer.concat([this.#pending, octets.subarray(0, LONGEST_HEADER)]);
    const header = parseHeader(start);
    if (header === undefined) {
      this.#pending = start;
      return Buffer.alloc(0);
    }
    this.#pending = Buffer.alloc(0);
    this.#header = header;
    this.#payload = Buffer.allocUnsafe(header.length);
    this.#received = 0;
    if (header.length === 0) this.#endFrame(header);
    return octets.subarray(header.size - before);
  }

  #readPayload(octets: Buffer): Buffer {
    const taken = octets.copy(this.#payload, this.#received);
    this.#received += taken;
    if (this.#header !== undefined && this.#received === this.#payload.length) {
      this.#endFrame(this.#header);
    }
    return octets.subarray(taken);
  }

  #endFrame(header: Header): void {
    this.#header = undefined;
    const isFirst = header.opcode === 1 || header.opcode === 2;
    if (header.rsv !== 0 && !(isFirst && header.rsv === 4)) {
      this.faults.push(`RSV ${header.rsv} on a frame with opcode ${header.opcode}`);
    }
    if (header.opcode >= 8) return;
    if (isFirst) this.#message = { first: header, lengths: [], parts: [] };
    const message = this.#message;
    if (message === undefined) return;
    message.lengths.push(header.length);
    if (this.#keepsPayloads) message.parts.push(unmask(this.#payload, header.mask));
    if (!header.fin) return;
    this.messages.push({
      type: message.first.opcode === 1 ? 'text' : 'binary',
      compressed: message.first.rsv === 4,
      fragments: message.lengths.length,
      length: message.lengths.reduce((sum, length) => sum + length, 0),
      payload: Buffer.concat(message.parts),
    });
    this.#message = undefined;
  }
}

function unmask(octets: Uint8Array, mask: Uint8Array | undefined): Uint8Array {
  if (mask === undefined) return octets;
  for (let index = 0; index < octets.length; index++) octets[index]! ^= mask[index & 3]!;
  return octets;
}

/** Whether the tap keeps what travels or only counts it. */
export type TapMode = 'payloads' | 'counts';

/** Between one client and one server. */
export class WireTap {
  readonly port: number;
  readonly from: Readonly<Record<Role, WireLog>>;
  readonly #server: Server;
  readonly #sockets: readonly Socket[];

  private constructor(server: Server, sockets: readonly Socket[], from: Record<Role, WireLog>) {
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#sockets = sockets;
    this.from = from;
  }

  /** Listens on a port of its own and connects whoever comes to `port`. */
  static async open(port: number, mode: TapMode): Promise<WireTap> {
    const keepsPayloads = mode === 'payloads';
    const from = { client: new WireLog(keepsPayloads), server: new WireLog(keepsPayloads) };
    const sockets: Socket[] = [];
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const target = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      sockets.push(client, target);
      forward(client, target, from.client);
      forward(target, client, from.server);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new WireTap(server, sockets, from);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function forward(source: Socket, target: Socket, log: WireLog): void {
  source.on('data', (octets) => {
    log.push(octets);
    if (!target.write(octets)) source.pause();
  });
  target.on('drain', () => source.resume());
  source.on('end', () => target.end());
  source.on('error', () => target.destroy());
  source.on('close', () => target.destroySoon());
}
