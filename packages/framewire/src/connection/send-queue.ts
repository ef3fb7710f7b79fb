/** RFC 6455 §5.4 — fragments of two messages must not mix: what is sent during a stream waits. */
import { isUtf8 } from 'node:buffer';
import { invalidArgument } from '../errors.ts';
import type { MessageType } from '../protocol/opcode.ts';
import { Utf8Validator } from '../protocol/utf8.ts';
import { ignorable } from './deferred.ts';
import { notUtf8, octetsOf } from './message.ts';

export class SendQueue {
  #tail: Promise<void> = Promise.resolve();
  #length = 0;
  /** Octets of the messages that wait. */
  octets = 0;

  get isBusy(): boolean {
    return this.#length > 0;
  }

  /** Resolves when nothing waits and nothing is being sent. */
  get idle(): Promise<void> {
    return this.#tail;
  }

  /** Runs `task` after all that were added before; its outcome is the promise's. */
  add(octets: number, task: () => Promise<void>): Promise<void> {
    this.#length++;
    this.octets += octets;
    const done = this.#tail.then(() => {
      this.octets -= octets;
      return task();
    });
    const settled = (): void => {
      this.#length--;
    };
    this.#tail = done.then(settled, settled);
    return ignorable(done);
  }
}

/** The parts of one message: all strings or all octets. */
export type StreamSource =
  AsyncIterable<string> | AsyncIterable<Uint8Array> | Iterable<string> | Iterable<Uint8Array>;

/** What the parts are given to. */
export interface FragmentSender {
  /** Resolves when there is room for more. */
  send(type: MessageType, octets: Uint8Array, final: boolean): Promise<void>;
  /** The message cannot be completed. */
  fail(error: Error): void;
}

const EMPTY = new Uint8Array(0);

/** Sends each part as a fragment as it comes, and an empty last one, since no part knows it is last. */
export async function sendFragments(
  source: AsyncIterator<string | Uint8Array>,
  wanted: MessageType | undefined,
  sender: FragmentSender,
): Promise<void> {
  let parts = wanted === undefined ? undefined : new Parts(wanted);
  let begun = false;
  try {
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      parts ??= new Parts(typeof next.value === 'string' ? 'text' : 'binary');
      const octets = parts.toOctets(next.value, wanted !== undefined);
      if (octets.length === 0) continue;
      begun = true;
      await sender.send(parts.type, octets, false);
    }
    const rest = parts?.end() ?? EMPTY;
    await sender.send(parts?.type ?? 'binary', rest, true);
  } catch (error) {
    release(source);
    if (begun) sender.fail(error as Error);
    throw error;
  }
}

/** Begins to iterate, over promises or not. */
export function iterate(source: StreamSource): AsyncIterator<string | Uint8Array> {
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
  const iterator: Iterator<string | Uint8Array> = source[Symbol.iterator]();
  return {
    next: () => Promise.resolve(iterator.next()),
    return: () => Promise.resolve(iterator.return?.() ?? { value: undefined, done: true }),
  };
}

/** Tells a source that nothing more is wanted, so that it lets go of what it holds. */
export function release(source: AsyncIterator<unknown>): void {
  try {
    source.return?.().catch(() => {});
  } catch {
    // Why nothing more is wanted has been told already.
  }
}

/** What may be cut between two parts: a surrogate pair of a string, a code point of UTF-8. */
class Parts {
  readonly type: MessageType;
  readonly #utf8: Utf8Validator | undefined;
  /** The first half of a surrogate pair whose second half is in the next part. */
  #high = '';

  constructor(type: MessageType) {
    this.type = type;
    if (type === 'text') this.#utf8 = new Utf8Validator(isUtf8);
  }

  /** `converts`: the type was asked for, so that parts of the other kind become it. */
  toOctets(part: string | Uint8Array, converts: boolean): Uint8Array {
    const kind = typeof part === 'string' ? 'text' : 'binary';
    if (kind !== this.type && !converts) {
      throw invalidArgument(`a part of a ${this.type} message is ${kind}`);
    }
    const octets = typeof part === 'string' ? Buffer.from(this.#join(part)) : octetsOf(part);
    if (this.#utf8?.accept(octets, 0, octets.length) === false) throw notUtf8();
    return octets;
  }

  /** What is left over. */
  end(): Uint8Array {
    if (this.#utf8?.isComplete === false) throw notUtf8();
    return Buffer.from(this.#high);
  }

  #join(part: string): string {
    const text = this.#high + part;
    const last = text.charCodeAt(text.length - 1);
    const cut = last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length;
    this.#high = text.slice(cut);
    return text.slice(0, cut);
  }
}
