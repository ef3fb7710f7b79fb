/**
 * zlib's states: those that all connections without context takeover share, so that they cost nothing
 * per connection, and those that a connection has for itself.
 */
import type { Inflater, InflateWaiter } from '../protocol/inflater.ts';
import type { Deflater, DeflaterParameters } from './codec.ts';
import { HandleDeflater, HandleInflater, type InflaterPool } from './handle-codec.ts';
import { StreamDeflater, StreamInflater } from './stream-codec.ts';
import { canUseHandles } from './zlib-handle.ts';

/** Inflaters of one kind that are kept for the next message; each has some 40 KiB. */
const MOST_IDLE_INFLATERS = 16;

/** A state that compresses, for one connection alone. */
export function createDeflater(parameters: DeflaterParameters): Deflater {
  return canUseHandles() ? new HandleDeflater(parameters) : new StreamDeflater(parameters);
}

/**
 * Compresses octets that refer to nothing before them. One at a time, in the order of the calls: where
 * that takes time, nobody is served twice before everybody was served once, and the memory is that of
 * one state.
 */
export class SharedDeflater {
  readonly #parameters: DeflaterParameters;
  #deflater: Deflater;
  #last: Promise<unknown> | undefined;

  constructor(parameters: DeflaterParameters) {
    this.#parameters = parameters;
    this.#deflater = createDeflater(parameters);
  }

  /** As `Deflater.deflate`; the octets must not change until it is done. */
  deflate(octets: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const deflated =
      this.#last === undefined
        ? this.#deflate(octets)
        : this.#last.then(() => this.#deflate(octets));
    // What fails for one is of no interest to the next.
    if (deflated instanceof Promise) this.#last = deflated.catch(() => {});
    return deflated;
  }

  #deflate(octets: Uint8Array): Uint8Array | Promise<Uint8Array> {
    try {
      const deflated = this.#deflater.deflate(octets);
      if (deflated instanceof Promise) {
        return deflated.then(
          (octets) => this.#finish(octets),
          (error: unknown) => this.#replace(error),
        );
      }
      return this.#finish(deflated);
    } catch (error) {
      return this.#replace(error);
    }
  }

  #finish(deflated: Uint8Array): Uint8Array {
    this.#deflater.reset();
    return deflated;
  }

  /** A state that has failed must not fail those who come after. */
  #replace(error: unknown): never {
    this.#deflater = createDeflater(this.#parameters);
    throw error;
  }
}

const sharedDeflaters = new Map<string, SharedDeflater>();

/** The one for these parameters, of which there are not many in a process. */
export function sharedDeflater(parameters: DeflaterParameters): SharedDeflater {
  const { windowBits, level, memoryLevel } = parameters;
  const key = `${windowBits} ${level} ${memoryLevel}`;
  let shared = sharedDeflaters.get(key);
  if (shared === undefined) sharedDeflaters.set(key, (shared = new SharedDeflater(parameters)));
  return shared;
}

/** Inflaters without context, between two messages. A message that arrives in parts keeps its own. */
class IdleInflaters implements InflaterPool {
  readonly #windowBits: number;
  readonly #idle: HandleInflater[] = [];

  constructor(windowBits: number) {
    this.#windowBits = windowBits;
  }

  take(): HandleInflater {
    return this.#idle.pop() ?? new HandleInflater(this.#windowBits, this);
  }

  give(inflater: HandleInflater): boolean {
    if (this.#idle.length === MOST_IDLE_INFLATERS) return false;
    this.#idle.push(inflater);
    return true;
  }
}

const idleInflaters = new Map<number, IdleInflaters>();

export function createInflater(
  windowBits: number,
  takesContextOver: boolean,
  waiter: InflateWaiter,
): Inflater {
  if (!canUseHandles()) return new StreamInflater(windowBits, takesContextOver, waiter);
  if (takesContextOver) return new HandleInflater(windowBits, undefined);
  let idle = idleInflaters.get(windowBits);
  if (idle === undefined) idleInflaters.set(windowBits, (idle = new IdleInflaters(windowBits)));
  return idle.take();
}
