/**
 * The memory that frames are encoded into: a few buffers that all connections take turns with, so that
 * an idle connection owns none, and what is encoded lies in a cache of the processor's.
 */
import { sendBuffer } from '../native/masking.ts';
import { MAX_RESERVATION } from '../protocol/output.ts';

/** Of all but the first, which is larger: a large message is masked there and leaves in one write. */
const SIZE = 2 * MAX_RESERVATION;

/** Slabs without users that are kept; more are left to the collector. */
const MAX_SPARE = 4;

/** A buffer that is filled front to back, and from the front again when nobody uses it. */
export class Slab {
  readonly octets: Buffer;
  end = 0;
  /** Outboxes with octets in it that are not written, or that their transport holds still. */
  #users = 0;

  constructor(octets: Buffer) {
    this.octets = octets;
  }

  enter(): void {
    this.#users++;
  }

  leave(): void {
    this.#users--;
    if (this.#users > 0) return;
    this.end = 0;
    if (this === current) return;
    // Taken from the end: octets are masked fastest in the first one.
    if (this === first) spare.push(this);
    else if (spare.length < MAX_SPARE) spare.unshift(this);
  }
}

const first = new Slab(sendBuffer);
let current: Slab = first;
const spare: Slab[] = [];

/** Whose transports hold octets of slabs. */
export const lenders: Set<Lender> = new Set();

export interface Lender {
  /** Leaves the slabs if their octets have been written. */
  releaseIfWritten(): void;
}

/** Where an outbox without octets is: it must not keep alive what it was in last. */
export const NOWHERE: Slab = new Slab(Buffer.alloc(0));

/** Whether there is no room for so many octets in the slab that is being filled. */
export function isSlabFull(size: number): boolean {
  return current.end + size > current.octets.length;
}

/** The slab to be filled next, with room for so many octets. */
export function slabFor(size: number): Slab {
  if (!isSlabFull(size)) return current;
  // Not every transport tells when it has written all.
  if (spare.length === 0) for (const lender of lenders) lender.releaseIfWritten();
  current = spare.pop() ?? new Slab(Buffer.allocUnsafeSlow(SIZE));
  return current;
}
