/**
 * Leaving octets, in order. Frames are encoded into slabs that all connections share, so that an
 * idle connection owns no buffer, and what one connection sends in one turn of the event loop leaves
 * in one write, unless it is more than a slab holds.
 */
import { asBuffer } from '../native/text.ts';
import { copyOf } from '../protocol/octets.ts';
import { MAX_RESERVATION, type Output } from '../protocol/output.ts';
import { isSlabFull, lenders, NOWHERE, slabFor, type Lender, type Slab } from './slab.ts';
import type { Transport } from './transport.ts';

/** From this many octets on there is nothing to gain by waiting for more. */
const FLUSH_FROM = 64 * 1024;

/** Behind other octets, a stretch of a slab is lent where it is more than one part in so many of it. */
const LENT_PARTS = 8;

function copied(octets: Uint8Array): Buffer {
  // Not out of Node's pool: what waits for long would keep all of that.
  const copy = Buffer.allocUnsafeSlow(octets.length);
  copy.set(octets);
  return copy;
}

/** Outboxes to be flushed when the turn is over. */
let waiting: Outbox[] = [];

function flushWaiting(): void {
  const outboxes = waiting;
  waiting = [];
  for (const outbox of outboxes) outbox.flush();
  lastShared = undefined;
}

/** What was sent to many last: for all of them it is put together, and made a `Buffer`, once. */
let lastShared: { readonly frames: readonly Uint8Array[]; readonly buffer: Buffer } | undefined;

function joined(frames: readonly Uint8Array[]): Buffer {
  const last = lastShared?.frames;
  const isSame =
    last?.length === frames.length && frames.every((frame, index) => frame === last[index]);
  if (lastShared === undefined || !isSame) {
    const buffer = frames.length === 1 ? asBuffer(frames[0]!) : Buffer.concat(frames);
    lastShared = { frames, buffer };
  }
  return lastShared.buffer;
}

export class Outbox implements Output, Lender {
  readonly #transport: Transport;
  /** The slab with this outbox's last octets, which lie from `#start` to `#end`. */
  #slab: Slab = NOWHERE;
  #start = 0;
  #end = 0;
  /** What comes before them. */
  #parts: Uint8Array[] | undefined;
  /** The slabs the parts lie in. */
  #partSlabs: Slab[] | undefined;
  /** Slabs with octets that were written and that the transport still holds. */
  #lent: Slab[] | undefined;
  #partOctets = 0;
  /** All there is to be sent, where that is nothing but frames which others send too. */
  #shared: Uint8Array[] | undefined;
  #sharedOctets = 0;
  #isWaiting = false;
  #written = 0;
  /** Octets are collected until somebody flushes: while a chunk is handled. */
  isHeld = false;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  get octets(): Uint8Array {
    return this.#slab.octets;
  }

  /** Octets not handed to the transport. */
  get unflushed(): number {
    return this.#partOctets + this.#end - this.#start + this.#sharedOctets;
  }

  /** Nothing waits, and nothing that was written is still needed. */
  get isAtRest(): boolean {
    return !this.isHeld && !this.#isWaiting && this.unflushed === 0 && this.#lent === undefined;
  }

  /** Octets that the transport has taken and passed on: what grows while there is progress. */
  get taken(): number {
    return this.#written - this.#transport.pending;
  }

  reserve(size: number): number {
    if (this.#shared !== undefined) this.#unshare();
    if (isSlabFull(size) && this.#transport.isSocket && this.#transport.pending === 0) {
      this.#makeRoom();
    }
    const slab = slabFor(size);
    if (this.#slab !== slab || this.#end !== slab.end || this.#end === this.#start) {
      this.#cut();
      this.#slab = slab;
      this.#start = slab.end;
      slab.enter();
    }
    const at = slab.end;
    slab.end += size;
    this.#end = slab.end;
    return at;
  }

  unreserve(size: number): void {
    this.#slab.end -= size;
    this.#end -= size;
  }

  append(octets: Uint8Array): void {
    if (this.#shared !== undefined) this.#unshare();
    this.#cut();
    // Where no drain will tell when the octets are free again, they have to be our own.
    const { length } = octets;
    const kept = this.#transport.hasRoomFor(length) ? copyOf(octets, 0, length) : octets;
    this.#push(asBuffer(kept));
  }

  /** With nothing but its like, what is sent to many is not copied for each; else, next to the rest. */
  share(octets: Uint8Array): void {
    const size = this.#sharedOctets + octets.length;
    if (this.unflushed === this.#sharedOctets && size <= MAX_RESERVATION) {
      this.#sharedOctets = size;
      if (this.#shared === undefined) this.#shared = [octets];
      else this.#shared.push(octets);
      return;
    }
    const at = this.reserve(octets.length);
    this.octets.set(octets, at);
  }

  /** To be called after octets were put in: sees to it that they leave, soon and together. */
  schedule(): void {
    if (this.unflushed >= FLUSH_FROM) {
      this.flush();
      return;
    }
    if (this.isHeld || this.#isWaiting) return;
    this.#isWaiting = true;
    // A tick follows all microtasks: a loop that awaits each send still leaves in one write.
    if (waiting.push(this) === 1) process.nextTick(flushWaiting);
  }

  flush(): void {
    this.#isWaiting = false;
    const shared = this.#shared;
    if (shared !== undefined) {
      this.#shared = undefined;
      this.#sharedOctets = 0;
      this.#write(joined(shared));
      return;
    }
    if (this.#parts !== undefined) {
      this.#flushParts();
      return;
    }
    if (this.#end === this.#start) return;
    // Emptied before it is written: a transport in memory may answer within the write.
    const slab = this.#slab;
    const octets = slab.octets.subarray(this.#start, this.#end);
    const lends = this.#mayLend(octets, slab);
    this.#clear();
    this.#write(lends ? octets : copied(octets));
    if (lends) this.#lend(slab);
    else slab.leave();
  }

  /** Whatever was written has left, or never will: its memory is for others. */
  release(): void {
    const lent = this.#lent;
    if (lent === undefined) return;
    this.#lent = undefined;
    lenders.delete(this);
    for (const slab of lent) slab.leave();
  }

  releaseIfWritten(): void {
    if (this.#transport.pending === 0) this.release();
  }

  #write(octets: Uint8Array): void {
    this.#written += octets.length;
    this.#transport.write(octets);
  }

  #flushParts(): void {
    this.#cut();
    const parts = this.#parts ?? [];
    const slabs = this.#partSlabs ?? [];
    this.#parts = undefined;
    this.#partSlabs = undefined;
    this.#written += this.#partOctets;
    this.#partOctets = 0;
    this.#clear();
    this.#transport.writeAll(parts);
    for (const slab of slabs) this.#lend(slab);
  }

  /**
   * What is left of a large message goes where its beginning was, if that can leave now. Not through a
   * stream in memory, whose far end may compress an answer within the write, to where the octets are
   * that are being sent.
   */
  #makeRoom(): void {
    const { isHeld } = this;
    // TLS may have such a stream below it, and must not be answered in the middle of a message.
    this.isHeld = true;
    this.flush();
    this.isHeld = isHeld;
  }

  /**
   * Whether the transport may hold octets of a slab: not where it never tells when it is done, nor a few
   * of them behind others, for as long as a slow peer likes.
   */
  #mayLend(octets: Uint8Array, slab: Slab): boolean {
    if (!this.#transport.isSocket) return false;
    return this.#transport.pending === 0 || octets.length > slab.octets.length / LENT_PARTS;
  }

  #lend(slab: Slab): void {
    if (this.#transport.pending === 0) {
      slab.leave();
      this.release();
      return;
    }
    (this.#lent ??= []).push(slab);
    lenders.add(this);
  }

  /** Something of this connection alone follows. */
  #unshare(): void {
    const shared = this.#shared!;
    const size = this.#sharedOctets;
    this.#shared = undefined;
    this.#sharedOctets = 0;
    let at = this.reserve(size);
    const { octets } = this;
    for (const each of shared) {
      octets.set(each, at);
      at += each.length;
    }
  }

  #clear(): void {
    this.#slab = NOWHERE;
    this.#start = 0;
    this.#end = 0;
  }

  /** Puts the last octets among the parts. */
  #cut(): void {
    if (this.#end === this.#start) return;
    const slab = this.#slab;
    const octets = slab.octets.subarray(this.#start, this.#end);
    this.#start = this.#end;
    if (this.#mayLend(octets, slab)) {
      this.#push(octets);
      (this.#partSlabs ??= []).push(slab);
    } else {
      this.#push(copied(octets));
      slab.leave();
    }
  }

  #push(part: Uint8Array): void {
    (this.#parts ??= []).push(part);
    this.#partOctets += part.length;
  }
}
