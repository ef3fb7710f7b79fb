/** One message, received part by part: for messages larger than memory. */
import { TextDecoder } from 'node:util';
import { ConnectionClosedError, misuse, type CloseInfo } from '../errors.ts';
import { copyOf } from '../protocol/octets.ts';
import type { MessageType } from '../protocol/opcode.ts';
import type { Inbox } from './inbox.ts';

/**
 * A message as it arrives, in parts of any size: strings for text, `Uint8Array`s for binary. Parts
 * that nobody reads hold the peer back; going on to the next message drops the rest of this one.
 */
export class MessageStream implements AsyncIterable<string | Uint8Array> {
  readonly type: MessageType;
  readonly #inbox: Inbox;
  readonly #decoder: TextDecoder | undefined;
  #parts: (string | Uint8Array)[] = [];
  #state: 'receiving' | 'complete' | 'dropped' = 'receiving';
  #info: CloseInfo | undefined;
  #wake: (() => void) | undefined;
  #isRead = false;

  /** @internal */
  constructor(type: MessageType, inbox: Inbox) {
    this.type = type;
    this.#inbox = inbox;
    if (type === 'text') this.#decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  }

  /** @internal The octets are copied. */
  push(octets: Uint8Array, start: number, end: number, final: boolean): void {
    if (this.#state === 'dropped') return;
    const octetsOrText =
      this.#decoder?.decode(octets.subarray(start, end), { stream: !final }) ??
      copyOf(octets, start, end);
    this.#add(octetsOrText);
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
    if (this.#state === 'receiving' || this.#parts.length > 0) this.#state = 'dropped';
    for (const part of this.#parts) this.#inbox.discharge(part.length);
    this.#parts = [];
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
        const part = this.#parts.shift();
        if (part !== undefined) {
          this.#inbox.discharge(part.length);
          yield part;
        } else if (this.#state === 'complete') {
          return;
        } else if (this.#state === 'dropped') {
          // Without an error what was read so far would pass for the whole.
          throw misuse('ERR_WS_CONCURRENT_READ', 'the rest of the message was dropped');
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
    this.#inbox.charge(part.length);
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
