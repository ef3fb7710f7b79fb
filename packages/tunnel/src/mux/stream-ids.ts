/** yamux, "StreamID Field": a client's streams are odd, a server's even, and none is used twice. */
import { MAX_UINT32 } from './frame.ts';

/** Ids left out that may still come. */
const MAX_GAPS = 256;

/**
 * The ids the other side has used. They rise, but peers that open streams from several threads may
 * send them out of order: those left out are remembered, the last 256 of them.
 */
export class UsedIds {
  readonly #parity: number;
  #highest: number;
  readonly #gaps = new Set<number>();

  /** `first` is the lowest id of that side. */
  constructor(first: 1 | 2) {
    this.#parity = first % 2;
    this.#highest = first - 2;
  }

  has(id: number): boolean {
    return id <= this.#highest && !this.#gaps.has(id);
  }

  /** Why a stream cannot begin with the id; undefined if it can, and then it is used. */
  use(id: number): string | undefined {
    if (id % 2 !== this.#parity) return `stream ${id} is not of that side`;
    if (this.has(id)) return `stream ${id} begins twice`;
    if (this.#gaps.delete(id)) return undefined;
    const from = Math.max(this.#highest + 2, id - 2 * MAX_GAPS);
    for (let left = from; left < id; left += 2) this.#gaps.add(left);
    for (const oldest of this.#gaps) {
      if (this.#gaps.size <= MAX_GAPS) break;
      this.#gaps.delete(oldest);
    }
    this.#highest = id;
    return undefined;
  }
}

/** The ids this side uses. */
export class OwnIds {
  readonly #parity: number;
  #next: number;

  constructor(first: 1 | 2) {
    this.#parity = first % 2;
    this.#next = first;
  }

  /** Undefined when all are used. */
  next(): number | undefined {
    if (this.#next > MAX_UINT32) return undefined;
    const id = this.#next;
    this.#next += 2;
    return id;
  }

  owns(id: number): boolean {
    return id % 2 === this.#parity;
  }

  has(id: number): boolean {
    return this.owns(id) && id < this.#next;
  }
}
