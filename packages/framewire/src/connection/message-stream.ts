/** One message, received part by part: for messages larger than memory. */
import { TextDecoder } from 'node:util';
import { ConnectionClosedError, misuse, type CloseInfo } from '../errors.ts';
import { copyOf } from '../protocol/octets.ts';
import type { MessageType } from '../protocol/opcode.ts';
import { costOf, type Inbox } from './inbox.ts';

/**
 * A message as it arrives, in parts of any size: strings for text, `Uint8Array`s for binary. Parts
 * that nobody reads hold the peer back; going on to the next message drops the rest of this one.
 */
export class MessageStream implements AsyncIterable<string | Uint8Array> {
  readonly type: MessageType;
  readonly #inbox: Inbox;
  /** Made for the first part of a text that does not arrive whole. */
  #decoder: TextDecoder | undefined;
  #parts: (string | Uint8Array)[] = [];
  /** The first part that was not read. */
  #first = 0;
  #state: 'receiving' | 'complete' | 'dropped' = 'receiving';
  #info: CloseInfo | undefined;
  #wake: (() => void) | undefined;
  #isRead = false;

  /** @internal */
  constructor(type: MessageType, inbox: Inbox) {
    this.type = type;
    this.#inbox = inbox;
  }

  /** @internal The octets are copied. */
  push(octets: Uint8Array, start: number, end: number, final: boolean): void {
    if (this.#state === 'dropped') return;
    if (this.type === 'binary') this.#add(copyOf(octets, start, end));
    else this.#add(this.#decode(octets.subarray(start, end), final));
    if (final) this.#state = 'complete';
    this.#wakeReader();
  }

  /** @internal A message that had arrived whole. */
  pushWhole(message: string | Uint8Array): void {
    this.#add(message);
    this.#state = 'complete';
  }

  /** @internal The rest is of no interest. */
  drop(): void {
    const unread = this.#parts.slice(this.#first);
    if (this.#state === 'receiving' || unread.length > 0) this.#state = 'dropped';
    this.#parts = [];
    this.#first = 0;
    for (const part of unread) this.#inbox.discharge(costOf(part));
    this.#wakeReader();
  }

  /** @internal The connection has ended before the message did. */
  finish(info: CloseInfo): void {
    if (this.#state === 'receiving') this.#info = info;
    this.#wakeReader();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string | Uint8Array, void, undefined> {
    if (this.#isRead) throw misuse('ERR_WS_CONCURRENT_READ', 'a message stream is read once');
    this.#isRead = true;
    try {
      for (;;) {
        const part = this.#shift();
        if (part !== undefined) {
          yield part;
        } else if (this.#state === 'complete') {
          return;
        } else if (this.#state === 'dropped') {
          // Without an error what was read so far would pass for the whole.
          throw misuse('ERR_WS_MESSAGE_DROPPED', '');
        } else if (this.#info !== undefined) {
          throw new ConnectionClosedError(this.#info);
        } else {
          await new Promise<void>((resolve) => (this.#wake = resolve));
        }
      }
    } finally {
      this.drop();
    }
  }

  #add(part: string | Uint8Array): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#inbox.charge(costOf(part));
  }

  #shift(): string | Uint8Array | undefined {
    const part = this.#parts[this.#first];
    if (part === undefined) return undefined;
    // What was read must not stay alive until the rest is.
    this.#parts[this.#first] = '';
    this.#first++;
    // Moving the rest at each step would cost the square of what a peer sends in small fragments.
    if (this.#first === this.#parts.length || this.#first === 1024) {
      this.#parts.splice(0, this.#first);
      this.#first = 0;
    }
    this.#inbox.discharge(costOf(part));
    return part;
  }

  #decode(octets: Uint8Array, final: boolean): string {
    this.#decoder ??= new TextDecoder('utf-8', { ignoreBOM: true });
    return this.#decoder.decode(octets, { stream: !final });
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
