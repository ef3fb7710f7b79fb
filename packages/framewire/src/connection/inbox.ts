/** Arrived messages that nobody has read yet: a queue with a bound, and the reader that waits. */
import { ConnectionClosedError, misuse, type CloseInfo } from '../errors.ts';
import { addAbortListener } from 'node:events';
import type { MessageStream } from './message-stream.ts';
import type { Message } from './message.ts';

/** What an entry costs beyond its octets, so that empty messages cannot pile up without end. */
const ENTRY_COST = 64;

export type Entry = Message | MessageStream;

/** Told when reading should pause or may go on. */
export interface InboxFlow {
  onFull(): void;
  onRoom(): void;
}

interface Reader {
  readonly resolve: (entry: Entry | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class Inbox {
  readonly #flow: InboxFlow;
  readonly #highWaterMark: number;
  readonly #endsQuietly: boolean;
  #entries: Entry[] = [];
  #first = 0;
  #cost = 0;
  #isFull = false;
  #reader: Reader | undefined;
  #info: CloseInfo | undefined;

  constructor(flow: InboxFlow, highWaterMark: number, endsQuietly: boolean = false) {
    this.#flow = flow;
    this.#highWaterMark = highWaterMark;
    this.#endsQuietly = endsQuietly;
  }

  /** Somebody waits for the next entry. */
  get isAwaited(): boolean {
    return this.#reader !== undefined;
  }

  /** As much waits as may, until there is room again. */
  get isFull(): boolean {
    return this.#isFull;
  }

  push(entry: Entry): void {
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      reader.resolve(entry);
      return;
    }
    this.#entries.push(entry);
    this.charge(costOf(entry));
  }

  /** Counts octets that are held for the reader. */
  charge(cost: number): void {
    this.#cost += cost;
    if (this.#isFull || this.#cost < this.#highWaterMark) return;
    this.#isFull = true;
    this.#flow.onFull();
  }

  discharge(cost: number): void {
    this.#cost -= cost;
    if (!this.#isFull || this.#cost >= this.#highWaterMark) return;
    this.#isFull = false;
    this.#flow.onRoom();
  }

  /**
   * The next entry; `undefined` after a clean close. What arrived before the end is handed out first,
   * also when the end is a failure, which then rejects with `ConnectionClosedError`, or is
   * `undefined` as well where it is told elsewhere.
   */
  take(signal?: AbortSignal): Promise<Entry | undefined> {
    return this.#take((entry) => entry, signal);
  }

  /** As `take`, for an iterator: a promise of its own for each of many messages would cost too much. */
  next(): Promise<IteratorResult<Entry, undefined>> {
    return this.#take(toResult);
  }

  #take<Result>(
    toResult: (entry: Entry | undefined) => Result,
    signal?: AbortSignal,
  ): Promise<Result> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (this.#reader !== undefined) return Promise.reject(misuse('ERR_WS_CONCURRENT_READ', ''));
    if (this.#first < this.#entries.length) return Promise.resolve(toResult(this.#shift()));
    if (this.#info !== undefined) return this.#endOf(this.#info).then(toResult);
    return new Promise((resolve, reject) => {
      this.#wait({ resolve: (entry) => resolve(toResult(entry)), reject }, signal);
    });
  }

  /** The connection has ended: nothing more will be pushed. */
  finish(info: CloseInfo): void {
    this.#info = info;
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined) this.#endOf(info).then(reader.resolve, reader.reject);
  }

  #wait(reader: Reader, signal: AbortSignal | undefined): void {
    if (signal === undefined) {
      this.#reader = reader;
      return;
    }
    const listener = addAbortListener(signal, () => {
      this.#reader = undefined;
      reader.reject(signal.reason);
    });
    this.#reader = {
      resolve(entry) {
        listener[Symbol.dispose]();
        reader.resolve(entry);
      },
      reject(error) {
        listener[Symbol.dispose]();
        reader.reject(error);
      },
    };
  }

  #endOf(info: CloseInfo): Promise<undefined> {
    if (info.wasClean || this.#endsQuietly) return Promise.resolve(undefined);
    return Promise.reject(new ConnectionClosedError(info));
  }

  #shift(): Entry {
    const entry = this.#entries[this.#first]!;
    // What was read must not stay alive until the rest of the queue is.
    this.#entries[this.#first] = '';
    this.#first++;
    if (this.#first === this.#entries.length) {
      this.#entries = [];
      this.#first = 0;
    } else if (this.#first === 1024) {
      this.#entries.splice(0, this.#first);
      this.#first = 0;
    }
    this.discharge(costOf(entry));
    return entry;
  }
}

/** What an entry, or a part of one that is a stream, counts. */
export function costOf(entry: Entry): number {
  if (typeof entry === 'string' || entry instanceof Uint8Array) return entry.length + ENTRY_COST;
  return ENTRY_COST;
}

function toResult(entry: Entry | undefined): IteratorResult<Entry, undefined> {
  return entry === undefined ? { value: undefined, done: true } : { value: entry, done: false };
}
