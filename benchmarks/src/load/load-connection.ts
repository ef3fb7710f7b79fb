/** One connection of the load: a socket that sends frames built before, and counts what comes back. */
import { connect, type Socket } from 'node:net';
import type { Target } from '../operations.ts';
import { Random } from './contents.ts';
import { maskedFrame, type Messages } from './messages.ts';
import { ReplyReader, type Reply, type ReplySink } from './reply-reader.ts';
import { Verifier } from './verifier.ts';

const HOST = '127.0.0.1';

/** The example of RFC 6455 §1.3: one key is as good as another here. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

/** What all sockets read into, one after the other: nobody keeps it. */
const chunk = Buffer.allocUnsafeSlow(256 * 1024);

const FIN = 0x80;
const PING = 9;
const PONG = 10;

export interface LoadEvents {
  /** So many octets arrived, and with them so many messages became complete. */
  onReplies(connection: LoadConnection, messages: number, octets: number): void;
  /** The connection can no longer be used; the run is of no use either. */
  onFailure(error: Error): void;
}

export interface LoadOptions {
  readonly target: Target;
  readonly messages: Messages;
  readonly first: number;
  /** Sec-WebSocket-Extensions to offer. */
  readonly offer: string | undefined;
  readonly events: LoadEvents;
}

export class LoadConnection implements ReplySink {
  readonly #socket: Socket;
  readonly #options: LoadOptions;
  readonly #messages: Messages;
  readonly #events: LoadEvents;
  readonly #reader: ReplyReader;
  #verifier: Verifier;
  #next: number;
  #onOpen = (): void => {};
  /** The answer to the opening handshake, as far as it has arrived. */
  #head = '';
  #isOpen = false;
  #isClosed = false;
  /** The opening handshake is complete; that it fails is told to `events`. */
  readonly opened: Promise<void> = new Promise((resolve) => (this.#onOpen = resolve));
  /** Sec-WebSocket-Extensions of the answer. */
  extensions = '';
  /** Messages so far. */
  sent = 0;

  constructor(options: LoadOptions) {
    const { messages, first, target, events } = options;
    this.#options = options;
    this.#messages = messages;
    this.#events = events;
    this.#next = first;
    this.#reader = new ReplyReader(this);
    this.#verifier = new Verifier(messages, first, false);
    const onread = {
      buffer: chunk,
      callback: (length: number): boolean => {
        this.#onRead(length);
        return true;
      },
    };
    this.#socket = connect({ host: HOST, port: target.port, noDelay: true, onread });
    this.#socket.on('connect', () => this.#onConnect());
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server ended the connection')));
  }

  get verified(): number {
    return this.#verifier.verified;
  }

  /** Sends the next messages of the cycle, with as few writes as can be. */
  send(count: number): void {
    this.sent += count;
    const { starts, frames, count: cycle } = this.#messages;
    while (count > 0) {
      const first = this.#next;
      const end = Math.min(first + count, cycle);
      this.#socket.write(frames.subarray(starts[first], starts[end]));
      count -= end - first;
      this.#next = end === cycle ? 0 : end;
    }
  }

  /** Without a closing handshake, which is not what is measured, and without TIME_WAIT. */
  close(): void {
    this.#isClosed = true;
    this.#socket.resetAndDestroy();
  }

  wants(index: number): boolean {
    return this.#verifier.wants(index);
  }

  receive(index: number, reply: Reply): void {
    this.#verifier.receive(index, reply);
  }

  control(opcode: number, payload: Buffer): void {
    if (opcode === PONG) return;
    if (opcode !== PING) throw new Error(`the server closes: ${payload.toString('latin1')}`);
    this.#socket.write(maskedFrame(FIN | PONG, payload, new Random(1)));
  }

  #onConnect(): void {
    const { target, offer } = this.#options;
    if (target.raw) {
      this.#complete();
      return;
    }
    const extensions = offer === undefined ? '' : `Sec-WebSocket-Extensions: ${offer}\r\n`;
    this.#socket.write(
      `GET / HTTP/1.1\r\nHost: ${HOST}:${target.port}\r\nUpgrade: websocket\r\n` +
        `Connection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n` +
        `${extensions}\r\n`,
    );
  }

  #onRead(length: number): void {
    try {
      if (!this.#isOpen) {
        this.#readHandshake(chunk.toString('latin1', 0, length));
        return;
      }
      const before = this.#reader.messages;
      this.#reader.read(chunk, length);
      this.#events.onReplies(this, this.#reader.messages - before, length);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #readHandshake(text: string): void {
    this.#head += text;
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const [status = '', ...lines] = this.#head.slice(0, end).split('\r\n');
    const headers = new Map(lines.map(parseHeader));
    if (!status.startsWith('HTTP/1.1 101 ')) throw new Error(`the server answers ${status}`);
    if (headers.get('sec-websocket-accept') !== ACCEPT) throw new Error('the key was not accepted');
    if (this.#head.length > end + 4) throw new Error('the server speaks first');
    this.extensions = headers.get('sec-websocket-extensions') ?? '';
    const { messages, first } = this.#options;
    const isCompressed = this.extensions.startsWith('permessage-deflate');
    const forgets = this.extensions.includes('server_no_context_takeover');
    this.#verifier = new Verifier(messages, first, isCompressed && !forgets);
    this.#complete();
  }

  #complete(): void {
    this.#isOpen = true;
    this.#head = '';
    this.#onOpen();
  }

  #fail(error: Error): void {
    if (this.#isClosed) return;
    this.close();
    this.#events.onFailure(error);
  }
}

function parseHeader(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
