/** RFC 6455 §5.4 — fragments of two messages must not mix: what is sent during a stream waits. */
import { invalidArgument } from '../errors.ts';
import type { MessageType } from '../protocol/opcode.ts';
import { ignorable } from './deferred.ts';
import { octetsOf } from './message.ts';

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
  source: StreamSource,
  wanted: MessageType | undefined,
  sender: FragmentSender,
): Promise<void> {
  let type = wanted;
  let begun = false;
  const joiner = new SurrogateJoiner();
  try {
    for await (const part of source as AsyncIterable<string | Uint8Array>) {
      const partType = typeof part === 'string' ? 'text' : 'binary';
      type ??= partType;
      if (type !== partType) {
        throw invalidArgument(`a part of a ${type} message is ${partType}`);
      }
      const octets = typeof part === 'string' ? Buffer.from(joiner.join(part)) : octetsOf(part);
      if (octets.length === 0) continue;
      begun = true;
      await sender.send(type, octets, false);
    }
  } catch (error) {
    if (begun) sender.fail(error as Error);
    throw error;
  }
  await sender.send(type ?? 'binary', joiner.rest() ?? EMPTY, true);
}

/** Keeps a code point together whose two UTF-16 units are in two parts. */
class SurrogateJoiner {
  #high = '';

  join(part: string): string {
    const text = this.#high + part;
    const last = text.charCodeAt(text.length - 1);
    const cut = last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length;
    this.#high = text.slice(cut);
    return text.slice(0, cut);
  }

  rest(): Uint8Array | undefined {
    return this.#high === '' ? undefined : Buffer.from(this.#high);
  }
}
