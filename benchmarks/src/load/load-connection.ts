/** One connection of the load: a socket that sends frames built before, and counts what comes back. */
import { connect, type Socket } from 'node:net';
import { Random } from './contents.ts';
import { maskedFrame, type Messages } from './messages.ts';
import { HOST, openingRequest, readOpening } from './opening.ts';
import { ReplyReader, type Reply, type ReplySink } from './reply-reader.ts';
import { Verifier } from './verifier.ts';

/** What all sockets read into, one after the other: nobody keeps it. */
const chunk = Buffer.allocUnsafeSlow(256 * 1024);

const FIN = 0x80;
const PING = 9;
const PONG = 10;

export interface LoadOptions {
  readonly port: number;
  readonly path: string;
  /** There is no handshake: the server knows nothing of WebSocket. */
  readonly raw: boolean;
  readonly messages: Messages;
  readonly first: number;
  /** Sec-WebSocket-Extensions to offer. */
  readonly offer: string | undefined;
  /** So many octets arrived, and with them so many messages became complete. */
  readonly onReplies: (connection: LoadConnection, messages: number, octets: number) => void;
  /** The connection can no longer be used; the run is of no use either. */
  readonly onFailure: (error: Error) => void;
}

export class LoadConnection implements ReplySink {
  readonly #socket: Socket;
  readonly #options: LoadOptions;
  readonly #messages: Messages;
  readonly #reader: ReplyReader;
  #verifier: Verifier;
  #next: number;
  #onOpen = (): void => {};
  /** The answer to the opening handshake, as far as it has arrived. */
  #head = '';
  #isOpen = false;
  #isClosed = false;
  /** The opening handshake is complete; that it fails is told to `onFailure`. */
  readonly opened: Promise<void> = new Promise((resolve) => (this.#onOpen = resolve));
  /** Sec-WebSocket-Extensions of the answer. */
  extensions = '';
  /** Messages so far. */
  sent = 0;
  /** When the last of them was sent, where that matters. */
  sentAt = 0;

  constructor(options: LoadOptions) {
    const { messages, first, port } = options;
    this.#options = options;
    this.#messages = messages;
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
    this.#socket = connect({ host: HOST, port, noDelay: true, onread });
    this.#socket.on('connect', () => this.#onConnect());
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server ended the connection')));
  }

  get received(): number {
    return this.#reader.messages;
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
    const { port, path, raw, offer } = this.#options;
    if (raw) this.#complete();
    else this.#socket.write(openingRequest(port, path, offer));
  }

  #onRead(length: number): void {
    try {
      if (!this.#isOpen) {
        this.#readHandshake(chunk.toString('latin1', 0, length));
        return;
      }
      const before = this.#reader.messages;
      this.#reader.read(chunk, length);
      this.#options.onReplies(this, this.#reader.messages - before, length);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #readHandshake(text: string): void {
    this.#head += text;
    const answer = readOpening(this.#head);
    if (answer === undefined) return;
    this.extensions = answer.extensions;
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
    this.#options.onFailure(error);
  }
}
