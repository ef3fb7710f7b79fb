/** RFC 7692 §7.2 — compressing and inflating without leaving the call. */
import { createDeflateRaw, createInflateRaw } from 'node:zlib';
import type { Inflater, InflateStep } from '../protocol/inflater.ts';
import { copyOf } from '../protocol/octets.ts';
import { pieceSize, tailFor, type Deflater, type DeflaterParameters } from './codec.ts';
import { ZlibHandle } from './zlib-handle.ts';

/** What is compressed, and inflated, last; all states write here, since nobody keeps it. */
const deflated = Buffer.allocUnsafeSlow(96 * 1024);
const inflated = Buffer.allocUnsafeSlow(pieceSize(15));

/** Room for what the tail of a message must not bring. */
const nothing = new Uint8Array(1);

const EMPTY = new Uint8Array(0);

export class HandleDeflater implements Deflater {
  readonly #handle: ZlibHandle;

  constructor({ windowBits, level, memoryLevel }: DeflaterParameters) {
    // The stream's own buffer is never used, and hence as small as it can be.
    const options = { windowBits, level, memLevel: memoryLevel, chunkSize: 64 };
    this.#handle = new ZlibHandle(createDeflateRaw(options));
  }

  deflate(octets: Uint8Array): Uint8Array {
    const handle = this.#handle;
    let parts: Uint8Array[] | undefined;
    let start = 0;
    for (;;) {
      if (!handle.run(octets, start, octets.length, deflated)) throw new Error('zlib has failed');
      const length = deflated.length - handle.room;
      if (handle.room > 0 && parts === undefined) return deflated.subarray(0, length);
      (parts ??= []).push(copyOf(deflated, 0, length));
      if (handle.room > 0) return Buffer.concat(parts);
      start = octets.length - handle.unread;
    }
  }

  reset(): void {
    this.#handle.reset();
  }

  close(): void {
    this.#handle.close();
  }
}

/** Where inflaters that keep no context go after a message. */
export interface InflaterPool {
  /** Whether the inflater is kept. */
  give(inflater: HandleInflater): boolean;
}

export class HandleInflater implements Inflater {
  readonly octets: Uint8Array = inflated;
  length = 0;
  readonly #handle: ZlibHandle;
  readonly #pieceSize: number;
  readonly #pool: InflaterPool | undefined;
  #input: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  #isLast = false;
  /** Nothing of the message has arrived, not even the octet of an empty block. */
  #isEmpty = true;
  #isCorrupt = false;

  /** With a pool it goes back there after each message, and takes no context over. */
  constructor(windowBits: number, pool: InflaterPool | undefined) {
    this.#handle = new ZlibHandle(createInflateRaw({ windowBits, chunkSize: 64 }));
    this.#pieceSize = pieceSize(windowBits);
    this.#pool = pool;
  }

  put(octets: Uint8Array, start: number, end: number, final: boolean): void {
    this.#input = octets;
    this.#start = start;
    this.#end = end;
    this.#isLast = final;
    if (end > start) this.#isEmpty = false;
  }

  inflate(): InflateStep {
    const handle = this.#handle;
    for (;;) {
      if (!handle.run(this.#input, this.#start, this.#end, inflated, this.#pieceSize)) {
        return this.#fail();
      }
      this.length = this.#pieceSize - handle.room;
      const { unread, room } = handle;
      this.#start = this.#end - unread;
      if (room === 0) return 'piece';
      if (unread === 0) return this.#done();
      // §7.2.3.4: a block with BFINAL has ended the data, and more follows. A context ends with it.
      handle.reset();
      if (this.length > 0) return 'piece';
    }
  }

  keep(): void {
    this.put(copyOf(this.#input, this.#start, this.#end), 0, this.#end - this.#start, this.#isLast);
  }

  endMessage(): boolean {
    this.put(EMPTY, 0, 0, false);
    this.#isEmpty = true;
    if (this.#pool === undefined) return true;
    this.#handle.reset();
    if (!this.#pool.give(this)) this.#handle.close();
    return false;
  }

  close(): void {
    if (this.#pool === undefined || this.#isCorrupt) this.#handle.close();
    else this.endMessage();
  }

  #done(): InflateStep {
    // A message of no octets at all is not what §7.2.1 makes of an empty one, but what some peers do.
    if (!this.#isLast || this.#isEmpty) return 'done';
    return this.#isComplete() ? 'done' : this.#fail();
  }

  /** §7.2.2: the octets that the peer has left out complete the message, and bring nothing. */
  #isComplete(): boolean {
    const handle = this.#handle;
    const { octets, unreadAtEnd } = tailFor(this.#pool === undefined);
    if (!handle.run(octets, 0, octets.length, nothing) || handle.room === 0) return false;
    const { unread } = handle;
    // What has ended begins anew with the next message.
    if (unread > 0) handle.reset();
    return unreadAtEnd.includes(unread);
  }

  #fail(): InflateStep {
    this.#isCorrupt = true;
    return 'corrupt';
  }
}
