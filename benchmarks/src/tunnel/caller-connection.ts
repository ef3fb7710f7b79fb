/** One connection of a caller: the same request again and again, and a look at every answer. */
import { connect, type Socket } from 'node:net';
import { HOST } from '../servers/serving.ts';
import { BLOCK } from './content.ts';
import type { CallerSettings } from './operations.ts';

/** What all sockets read into, one after the other: nobody keeps it. */
const chunk = Buffer.allocUnsafeSlow(256 * 1024);

/** Octets of what arrives at a time that are compared: all of a small answer. */
const COMPARED = 64;

const HEAD_END = '\r\n\r\n';

export interface CallerEvents {
  /** An answer is complete. */
  readonly onAnswer: (connection: CallerConnection) => void;
  readonly onOctets: (octets: number) => void;
  readonly onFailure: (error: Error) => void;
}

export class CallerConnection {
  readonly #socket: Socket;
  readonly #size: number;
  readonly #request: Buffer;
  readonly #events: CallerEvents;
  /** Of an answer, as far as it has arrived; undefined once it is complete. */
  #head: string | undefined;
  #received = 0;
  #isClosed = false;
  readonly opened: Promise<void>;
  sentAt = 0;

  constructor(settings: CallerSettings, events: CallerEvents) {
    const { port, size } = settings;
    this.#size = size;
    this.#request = requestOf(settings);
    this.#events = events;
    const onread = {
      buffer: chunk,
      callback: (length: number): boolean => {
        this.#onRead(length);
        return true;
      },
    };
    this.#socket = connect({ host: HOST, port, noDelay: true, onread });
    this.opened = new Promise((resolve) => this.#socket.once('connect', resolve));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the connection has ended')));
  }

  ask(): void {
    this.sentAt = performance.now();
    this.#head = '';
    this.#received = 0;
    this.#socket.write(this.#request);
  }

  /** Without TIME_WAIT. */
  close(): void {
    this.#isClosed = true;
    this.#socket.resetAndDestroy();
  }

  #onRead(length: number): void {
    try {
      const start = this.#head === undefined ? 0 : this.#readHead(length);
      if (this.#head === undefined) this.#readContent(start, length);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** Where the content begins, if it does. */
  #readHead(length: number): number {
    const before = this.#head!.length;
    const head = this.#head! + chunk.toString('latin1', 0, length);
    const end = head.indexOf(HEAD_END, Math.max(before - HEAD_END.length, 0));
    if (end < 0) {
      this.#head = head;
      return length;
    }
    const announced = /\r\ncontent-length: *(\d+)\r\n/i.exec(head.slice(0, end + 2))?.[1];
    if (!head.startsWith('HTTP/1.1 200 ') || Number(announced) !== this.#size) {
      throw new Error(`another answer than expected: ${head.slice(0, end)}`);
    }
    this.#head = undefined;
    return end + HEAD_END.length - before;
  }

  #readContent(start: number, end: number): void {
    const octets = end - start;
    const at = this.#received % BLOCK.length;
    const compared = Math.min(octets, COMPARED, BLOCK.length - at);
    if (chunk.compare(BLOCK, at, at + compared, start, start + compared) !== 0) {
      throw new Error(`other octets than expected after ${this.#received}`);
    }
    this.#received += octets;
    if (this.#received > this.#size) throw new Error('more octets than announced');
    this.#events.onOctets(octets);
    if (this.#received === this.#size) this.#events.onAnswer(this);
  }

  #fail(error: Error): void {
    if (this.#isClosed) return;
    this.close();
    this.#events.onFailure(error);
  }
}

function requestOf({ port, path, headers }: CallerSettings): Buffer {
  const fields = [['Host', `${HOST}:${port}`], ['Accept', '*/*'], ...headers];
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
}
