/** A peer that speaks octets, so that it can say what no library would: HTTP, frames, or neither. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { within } from '@framewire/test-support/waiting';
import type { Role } from 'framewire';
import { closePayload, concat, frame, masked, utf8, xor, type Frame } from '../protocol/frames.ts';

export { turn, turns, within } from '@framewire/test-support/waiting';

/** The key and the answer of RFC 6455 §1.3. */
export const SAMPLE_KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export type HeaderChanges = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A good request; a change of undefined leaves a header out, a list repeats it. */
export function requestHead(changes: HeaderChanges = {}, line: string = 'GET / HTTP/1.1'): string {
  const headers: HeaderChanges = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': SAMPLE_KEY,
    'Sec-WebSocket-Version': '13',
    ...changes,
  };
  return head(line, headers);
}

/** A 101 that answers the key. */
export function responseHead(
  key: string,
  changes: HeaderChanges = {},
  line: string = 'HTTP/1.1 101 Switching Protocols',
): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  const headers: HeaderChanges = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': accept.digest('base64'),
    ...changes,
  };
  return head(line, headers);
}

function head(line: string, headers: HeaderChanges): string {
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((each) => `${name}: ${each}\r\n`),
  );
  return `${line}\r\n${fields.join('')}\r\n`;
}

export interface Head {
  readonly line: string;
  /** Of a response. */
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

export class RawPeer {
  readonly stream: Duplex;
  /** The peer's own: a client masks its frames. */
  readonly role: Role;
  /** What has arrived and was not read lies between `#start` and `#end`. */
  #buffer: Uint8Array = new Uint8Array(1024);
  #start = 0;
  #end = 0;
  #waiting: (() => void)[] = [];
  hasEnded = false;
  isClosed = false;
  error: Error | undefined;
  /** Octets read so far. */
  octetsRead = 0;

  constructor(stream: Duplex, role: Role) {
    this.stream = stream;
    this.role = role;
    stream.on('data', (chunk: Uint8Array) => {
      this.octetsRead += chunk.length;
      this.#append(chunk);
      this.#wake();
    });
    stream.on('end', () => {
      this.hasEnded = true;
      this.#wake();
    });
    stream.on('error', (error) => {
      this.error = error;
      this.#wake();
    });
    stream.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  /** A raw client of whoever listens there. */
  static async dial(where: number | string): Promise<RawPeer> {
    const socket =
      typeof where === 'number'
        ? net.connect({ port: where, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
        : net.connect({ path: where, allowHalfOpen: true });
    const peer = new RawPeer(socket, 'client');
    await within(new Promise<void>((resolve) => socket.once('connect', resolve)), 'connection');
    return peer;
  }

  /** Strings are latin1. All leaves in one write. */
  send(...parts: readonly (string | Uint8Array)[]): this {
    const octets = parts.map((part) =>
      typeof part === 'string' ? Buffer.from(part, 'latin1') : part,
    );
    this.stream.write(concat(...octets));
    return this;
  }

  /** A frame as this peer has to send it, such as `81` for a whole text. */
  frame(octet0: number, payload: string | Uint8Array = ''): Uint8Array {
    const octets = frame(octet0, typeof payload === 'string' ? utf8(payload) : payload);
    return this.role === 'client' ? masked(octets) : octets;
  }

  sendFrame(octet0: number, payload: string | Uint8Array = ''): this {
    return this.send(this.frame(octet0, payload));
  }

  sendText(text: string): this {
    return this.sendFrame(0x81, text);
  }

  sendClose(code?: number, reason: string = ''): this {
    return this.sendFrame(0x88, code === undefined ? '' : closePayload(code, reason));
  }

  /** As a client: asks, and reads the 101. */
  async openAsClient(changes: HeaderChanges = {}, line?: string): Promise<Head> {
    const answer = await this.send(requestHead(changes, line)).readHead();
    assert.equal(answer.status, 101, answer.line);
    return answer;
  }

  /** As a server: reads the request, and answers 101 with what may follow it at once. */
  async openAsServer(changes: HeaderChanges = {}, ...more: readonly Uint8Array[]): Promise<Head> {
    const request = await this.readHead();
    const key = request.headers.get('sec-websocket-key') ?? '';
    this.send(responseHead(key, changes), ...more);
    return request;
  }

  async readHead(): Promise<Head> {
    await this.#until(() => this.#endOfHead() >= 0, 'a head');
    const text = Buffer.from(this.#take(this.#endOfHead() + 4)).toString('latin1');
    const [line = '', ...fields] = text.trimEnd().split('\r\n');
    const headers = new Map<string, string>();
    for (const field of fields) {
      const colon = field.indexOf(':');
      const name = field.slice(0, colon).toLowerCase();
      const value = field.slice(colon + 1).trim();
      headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
    }
    return { line, status: Number(line.split(' ')[1]), headers };
  }

  async read(count: number): Promise<Uint8Array> {
    await this.#until(() => this.#end - this.#start >= count, `${count} octets`);
    return this.#take(count);
  }

  /** The rest, up to the end of the stream. */
  async readRest(): Promise<Uint8Array> {
    await within(
      this.#wait(() => this.hasEnded || this.isClosed),
      'the end',
    );
    return this.#take(this.#end - this.#start);
  }

  async readFrame(): Promise<Frame> {
    await this.#until(() => this.#hasFrame, 'a frame');
    return this.#takeFrame();
  }

  /** All frames, as they arrive, until the end. Waits for them as long as it takes. */
  async forEachFrame(visit: (frame: Frame) => void): Promise<void> {
    for (;;) {
      await this.#wait(() => this.#hasFrame || this.hasEnded || this.isClosed);
      if (!this.#hasFrame) return;
      visit(this.#takeFrame());
    }
  }

  get #hasFrame(): boolean {
    return this.#frameLength() <= this.#end - this.#start;
  }

  #takeFrame(): Frame {
    const octets = this.#take(this.#frameLength());
    const headerLength = headerLengthOf(octets);
    const key = isMasked(octets) ? octets.slice(headerLength - 4, headerLength) : undefined;
    assert.equal(key !== undefined, this.role === 'server', 'a client masks, a server does not');
    const payload = octets.slice(headerLength);
    return {
      fin: (octets[0]! & 0x80) !== 0,
      rsv: (octets[0]! >>> 4) & 0x7,
      opcode: octets[0]! & 0xf,
      key,
      payload: key === undefined ? payload : xor(payload, key),
    };
  }

  /** The next frame, which must be a whole message; text or binary by what is expected. */
  async expectMessage(expected: string | Uint8Array): Promise<void> {
    const { fin, opcode, payload } = await this.readFrame();
    assert.equal(fin, true);
    assert.equal(opcode, typeof expected === 'string' ? 1 : 2);
    const octets = typeof expected === 'string' ? utf8(expected) : expected;
    assert.ok(Buffer.from(payload).equals(octets), Buffer.from(payload).toString());
  }

  /** The next frame, which must have the opcode and this text for a payload. */
  async expectFrame(expected: number, text: string): Promise<void> {
    const { opcode, payload } = await this.readFrame();
    assert.equal(opcode, expected);
    assert.equal(Buffer.from(payload).toString(), text);
  }

  /** The next frame, which must be a Close with the code; 1005 stands for none. */
  async expectClose(code: number): Promise<string> {
    const { fin, opcode, payload } = await this.readFrame();
    assert.equal(opcode, 8, `opcode ${opcode}`);
    assert.equal(fin, true);
    if (payload.length === 0) assert.equal(1005, code);
    else assert.equal((payload[0]! << 8) | payload[1]!, code);
    return Buffer.from(payload.subarray(2)).toString();
  }

  /** Nothing has arrived that was not read. */
  get isDry(): boolean {
    return this.#start === this.#end;
  }

  /** Waits for the FIN, or for the end of everything. */
  async ended(): Promise<void> {
    await within(
      this.#wait(() => this.hasEnded || this.isClosed),
      'the end of the peer',
    );
  }

  async closed(): Promise<void> {
    await within(
      this.#wait(() => this.isClosed),
      'the close of the transport',
    );
  }

  end(): this {
    this.stream.end();
    return this;
  }

  /** Ends the transport with a reset. */
  reset(): void {
    if (this.stream instanceof net.Socket) this.stream.resetAndDestroy();
    else this.stream.destroy();
  }

  #endOfHead(): number {
    return Buffer.from(this.#buffer.buffer, this.#start, this.#end - this.#start).indexOf(
      '\r\n\r\n',
    );
  }

  /** The octets of the first frame, as far as it is known; Infinity while its header is not there. */
  #frameLength(): number {
    const octets = this.#buffer.subarray(this.#start, this.#end);
    if (octets.length < 2) return Infinity;
    const headerLength = headerLengthOf(octets);
    if (octets.length < headerLength) return Infinity;
    const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    const length7 = octets[1]! & 0x7f;
    const long =
      length7 === 126 ? view.getUint16(2) : Number(length7 === 127 && view.getBigUint64(2));
    return headerLength + (length7 < 126 ? length7 : long);
  }

  #take(count: number): Uint8Array {
    const taken = this.#buffer.slice(this.#start, this.#start + count);
    this.#start += count;
    return taken;
  }

  #append(chunk: Uint8Array): void {
    const length = this.#end - this.#start;
    if (this.#end + chunk.length > this.#buffer.length) {
      const larger = new Uint8Array(2 * (length + chunk.length));
      larger.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = larger;
      this.#start = 0;
      this.#end = length;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    await within(
      this.#wait(() => condition() || this.hasEnded || this.isClosed),
      what,
    );
    if (condition()) return;
    throw new Error(`the stream ended before ${what}`, { cause: this.error });
  }

  async #wait(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function isMasked(octets: Uint8Array): boolean {
  return (octets[1]! & 0x80) !== 0;
}

function headerLengthOf(octets: Uint8Array): number {
  const length7 = octets[1]! & 0x7f;
  return (length7 < 126 ? 2 : length7 === 126 ? 4 : 10) + (isMasked(octets) ? 4 : 0);
}
