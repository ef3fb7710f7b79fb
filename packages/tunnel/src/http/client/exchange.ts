/** One request on a connection, and the answer to it (RFC 9112 §9.3). */
import type { Duplex } from 'node:stream';
import type { Framing } from '../hop-by-hop.ts';
import { AnswerReader, type AnswerSink, type ReadHead } from './answer-reader.ts';
import { FIELD_NAME, FIELD_VALUE } from './field-syntax.ts';

/** Told in the order in which it happens. */
export interface ExchangeSink extends AnswerSink {
  /** Instead of an answer: the stream is the sink's from now on; `early` is what came behind the head. */
  onSwitched(head: ReadHead, stream: Duplex, early: Uint8Array): void;
  /** There is room for more of the content again. */
  onDrain(): void;
  /** The answer has not come, or not all of it; without an error where it only ended. Nothing follows. */
  onLost(error: Error | undefined): void;
}

/** Whose connection it is, for as long as the exchange lasts. */
export interface ExchangeHost {
  readonly stream: Duplex;
  /** The request has been sent and the answer is here. */
  onComplete(reader: AnswerReader): void;
  /** The stream is somebody else's. */
  onSwitched(): void;
}

export interface SentRequest {
  readonly method: string;
  /** In latin1. */
  readonly head: string;
  readonly framing: Framing;
}

const LINE_END = Buffer.from('\r\n');

export class Exchange {
  /** The connection has served others: it may be about to end. */
  readonly isReused: boolean;
  readonly stream: Duplex;
  readonly #sink: ExchangeSink;
  readonly #reader: AnswerReader;
  readonly #request: SentRequest;
  readonly #writtenBefore: number | undefined;
  /** Undefined once it is over. */
  #host: ExchangeHost | undefined;
  #hasHeard = false;
  #hasEnded = false;

  constructor(host: ExchangeHost, request: SentRequest, sink: ExchangeSink, isReused: boolean) {
    this.#host = host;
    this.stream = host.stream;
    this.#sink = sink;
    this.#request = request;
    this.#reader = new AnswerReader(request.method, sink);
    this.isReused = isReused;
    this.#writtenBefore = octetsSent(this.stream);
  }

  /** Sends the head. The answer may come within the call. */
  begin(): void {
    this.stream.write(this.#request.head, 'latin1');
  }

  /** Any octet of an answer has come: the request has got there. */
  get hasHeard(): boolean {
    return this.#hasHeard;
  }

  /** Whether any octet of the request can have left; true where nobody knows. */
  get hasSent(): boolean {
    const before = this.#writtenBefore;
    return before === undefined || octetsSent(this.stream) !== before;
  }

  /** All of the request was written. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get needsDrain(): boolean {
    return this.stream.writableNeedDrain;
  }

  /** Octets of the content, which are framed as the head says. Whether there is room for more. */
  write(octets: Uint8Array): boolean {
    const stream = this.stream;
    if (this.#host === undefined) return true;
    if (!this.#request.framing.isChunked) return stream.write(octets);
    // §7.1: a chunk of none would be the last one.
    if (octets.length === 0) return true;
    stream.cork();
    stream.write(`${octets.length.toString(16)}\r\n`, 'latin1');
    stream.write(octets);
    const hasRoom = stream.write(LINE_END);
    stream.uncork();
    return hasRoom;
  }

  /** The request is complete. Trailers are left out where they have no place, or are none. */
  end(trailers: readonly (readonly [string, string])[] = []): void {
    if (this.#hasEnded || this.#host === undefined) return;
    this.#hasEnded = true;
    if (this.#request.framing.isChunked) {
      let last = '0\r\n';
      for (const [name, value] of trailers) {
        if (FIELD_NAME.test(name) && FIELD_VALUE.test(value)) last += `${name}: ${value}\r\n`;
      }
      this.stream.write(`${last}\r\n`, 'latin1');
    }
    this.#settle();
  }

  pause(): void {
    if (this.#host !== undefined) this.stream.pause();
  }

  resume(): void {
    if (this.#host !== undefined) this.stream.resume();
  }

  /** Gives it up, and with it the connection. Nothing is told any more. */
  destroy(): void {
    if (this.#host === undefined) return;
    this.#host = undefined;
    this.#reader.stop();
    this.stream.destroy();
  }

  /** How many of the octets were its own. */
  receive(octets: Buffer): number {
    this.#hasHeard = true;
    let used = 0;
    try {
      used = this.#reader.push(octets);
    } catch (error) {
      this.lose(error as Error);
      return octets.length;
    }
    const { switched } = this.#reader;
    if (switched !== undefined) {
      this.#switch(switched, octets.subarray(used));
      return octets.length;
    }
    this.#settle();
    return used;
  }

  /** The other side has ended. */
  receiveEnd(): void {
    try {
      if (this.#reader.end()) this.#settle();
      else this.lose(undefined);
    } catch (error) {
      this.lose(error as Error);
    }
  }

  lose(error: Error | undefined): void {
    if (this.#host === undefined) return;
    const { isDone } = this.#reader;
    this.destroy();
    if (!isDone) this.#sink.onLost(error);
  }

  onDrain(): void {
    this.#sink.onDrain();
  }

  #switch(head: ReadHead, early: Uint8Array): void {
    const host = this.#host;
    this.#host = undefined;
    host?.onSwitched();
    this.#sink.onSwitched(head, this.stream, early);
  }

  /** The connection is free when both are through. */
  #settle(): void {
    const host = this.#host;
    if (host === undefined || !this.#hasEnded || !this.#reader.isDone) return;
    this.#host = undefined;
    host.onComplete(this.#reader);
  }
}

/** As sockets and streams of a session count them. */
function octetsSent(stream: Duplex): number | undefined {
  return 'bytesWritten' in stream ? (stream.bytesWritten as number) : undefined;
}
