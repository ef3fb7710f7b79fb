/**
 * RFC 7692 §7.2 — compressing and inflating with Node's documented streams, which do it in the thread
 * pool: slower for messages, and always there.
 */
import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib';
import type { DeflateRaw, InflateRaw } from 'node:zlib';
import type { Inflater, InflateStep, InflateWaiter } from '../protocol/inflater.ts';
import { copyOf } from '../protocol/octets.ts';
import { pieceSize, tailFor, type Deflater, type DeflaterParameters } from './codec.ts';

const EMPTY = new Uint8Array(0);

export class StreamDeflater implements Deflater {
  readonly #stream: DeflateRaw;
  #parts: Uint8Array[] = [];
  /** Ends the call that is going on. */
  #settle: ((error?: Error) => void) | undefined;

  constructor({ windowBits, level, memoryLevel }: DeflaterParameters) {
    const options = { windowBits, level, memLevel: memoryLevel };
    this.#stream = createDeflateRaw(options)
      .on('data', (part: Buffer) => this.#parts.push(part))
      .on('error', (error) => this.#settle?.(error))
      // A connection that has ended sends nothing any more, whatever this gives it.
      .on('close', () => this.#settle?.());
  }

  deflate(octets: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#settle = (error) => {
        const parts = this.#parts;
        this.#parts = [];
        this.#settle = undefined;
        if (error === undefined) resolve(Buffer.concat(parts));
        else reject(error);
      };
      if (this.#stream.destroyed) this.#settle(this.#stream.errored ?? undefined);
      // Whoever gave them may change them at once.
      this.#stream.write(copyOf(octets, 0, octets.length));
      this.#stream.flush(constants.Z_SYNC_FLUSH, () => this.#settle?.());
    });
  }

  reset(): void {
    if (!this.#stream.destroyed) this.#stream.reset();
  }

  close(): void {
    this.#stream.close();
  }
}

export class StreamInflater implements Inflater {
  octets: Uint8Array = EMPTY;
  length = 0;
  readonly #windowBits: number;
  readonly #takesContextOver: boolean;
  readonly #waiter: InflateWaiter;
  #stream: InflateRaw;
  #state: 'writing' | 'written' | 'ended' | 'corrupt' = 'written';
  /** What was written last, and what the stream had read before. */
  #input: Uint8Array = EMPTY;
  #readBefore = 0;
  #isLast = false;
  #isInTail = false;
  /** Nothing of the message has arrived, not even the octet of an empty block. */
  #isEmpty = true;
  #isAwaited = false;

  constructor(windowBits: number, takesContextOver: boolean, waiter: InflateWaiter) {
    this.#windowBits = windowBits;
    this.#takesContextOver = takesContextOver;
    this.#waiter = waiter;
    this.#stream = this.#open();
  }

  put(octets: Uint8Array, start: number, end: number, final: boolean): void {
    this.#isLast = final;
    if (end === start) return;
    this.#isEmpty = false;
    this.#write(copyOf(octets, start, end));
  }

  inflate(): InflateStep {
    for (;;) {
      const piece = this.#stream.read() as Buffer | null;
      if (this.#state === 'corrupt') return 'corrupt';
      if (piece !== null) return this.#take(piece);
      if (this.#state === 'writing') return this.#wait();
      if (this.#state === 'ended') {
        if (this.#isInTail) return this.#judgeEnd();
        this.#restart();
      } else if (this.#isInTail) {
        // Had the message been complete, the last block of the tail would have ended the stream.
        return this.#takesContextOver ? this.#done() : 'corrupt';
      } else if (this.#isLast && !this.#isEmpty) {
        this.#isInTail = true;
        this.#write(tailFor(this.#takesContextOver).octets);
      } else {
        return this.#done();
      }
    }
  }

  /** What was put in was copied at once. */
  keep(): void {}

  endMessage(): boolean {
    this.#isInTail = false;
    this.#isEmpty = true;
    if (!this.#takesContextOver) this.close();
    return this.#takesContextOver;
  }

  close(): void {
    this.#isAwaited = false;
    this.#stream.close();
  }

  #open(): InflateRaw {
    const chunkSize = Math.min(pieceSize(this.#windowBits), 16 * 1024);
    const stream = createInflateRaw({ windowBits: this.#windowBits, chunkSize });
    stream.on('readable', () => this.#wake());
    stream.on('end', () => this.#turn(stream, 'ended'));
    stream.on('error', () => this.#turn(stream, 'corrupt'));
    return stream;
  }

  #write(octets: Uint8Array): void {
    const stream = this.#stream;
    this.#input = octets;
    this.#readBefore = stream.bytesWritten;
    this.#state = 'writing';
    stream.write(octets, (error) => {
      if (error === undefined || error === null) this.#turn(stream, 'written');
    });
  }

  /** Octets of the last write that the stream has not read: the data has ended before them. */
  get #unread(): number {
    return this.#input.length - (this.#stream.bytesWritten - this.#readBefore);
  }

  /** A stream that was closed may still tell of what it was doing. */
  #turn(stream: InflateRaw, state: 'written' | 'ended' | 'corrupt'): void {
    if (stream !== this.#stream) return;
    this.#state = state === 'written' && this.#unread > 0 ? 'ended' : state;
    this.#wake();
  }

  #wake(): void {
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    this.#waiter.onInflated();
  }

  #wait(): InflateStep {
    this.#isAwaited = true;
    return 'waiting';
  }

  #take(piece: Uint8Array): InflateStep {
    // §7.2.2: what completes the message brings nothing, unless the message broke off.
    if (this.#isInTail) return 'corrupt';
    this.octets = piece;
    this.length = piece.length;
    return 'piece';
  }

  #done(): InflateStep {
    this.length = 0;
    return 'done';
  }

  /** §7.2.3.4: a block with BFINAL has ended the data; what follows begins anew. */
  #restart(): void {
    const rest = this.#input.subarray(this.#input.length - this.#unread);
    this.#stream.close();
    this.#stream = this.#open();
    this.#write(rest);
  }

  /** The data has ended in the tail: where it should, or with the message's last octet, or it is torn. */
  #judgeEnd(): InflateStep {
    const { unreadAtEnd } = tailFor(this.#takesContextOver);
    if (!unreadAtEnd.includes(this.#unread)) return 'corrupt';
    this.#stream.close();
    this.#stream = this.#open();
    this.#state = 'written';
    return this.#done();
  }
}
