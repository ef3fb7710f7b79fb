/** Reading by pull: messages wait here until the application asks, and hold the peer back. */
import { misuse, type CloseInfo } from '../errors.ts';
import type { MessageType } from '../protocol/opcode.ts';
import { Inbox, type Entry, type InboxFlow } from './inbox.ts';
import { MessageStream } from './message-stream.ts';
import type { Message } from './message.ts';

export class Reading {
  readonly #inbox: Inbox;
  /** From the first call of `messages` on. */
  #streams = false;
  /** The message that is arriving as a stream. */
  #arriving: MessageStream | undefined;

  constructor(flow: InboxFlow, highWaterMark: number, endsQuietly: boolean = false) {
    this.#inbox = new Inbox(flow, highWaterMark, endsQuietly);
  }

  /** Somebody takes the next message as it comes. */
  get isAwaited(): boolean {
    return this.#inbox.isAwaited;
  }

  /** As much waits as may, until there is room again. */
  get isFull(): boolean {
    return this.#inbox.isFull;
  }

  push(message: Message): void {
    this.#inbox.push(message);
  }

  pushFragment(
    type: MessageType,
    octets: Uint8Array,
    start: number,
    end: number,
    final: boolean,
  ): void {
    if (this.#arriving === undefined) {
      this.#arriving = new MessageStream(type, this.#inbox);
      this.#inbox.push(this.#arriving);
    }
    this.#arriving.push(octets, start, end, final);
    if (final) this.#arriving = undefined;
  }

  finish(info: CloseInfo): void {
    this.#inbox.finish(info);
    this.#arriving?.finish(info);
  }

  receive(signal: AbortSignal | undefined): Promise<Message | undefined> {
    if (this.#streams) return Promise.reject(misuse('ERR_WS_CONCURRENT_READ', 'by messages()'));
    // Streams are made from the first call of `messages` on only.
    return this.#inbox.take(signal) as Promise<Message | undefined>;
  }

  iterate(): AsyncIterableIterator<Message> {
    return {
      next: () => this.#next(),
      return: () => Promise.resolve({ value: undefined, done: true }),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #next(): Promise<IteratorResult<Message, undefined>> {
    if (this.#streams) return Promise.reject(misuse('ERR_WS_CONCURRENT_READ', 'by messages()'));
    // Streams are made from the first call of `messages` on only.
    return this.#inbox.next() as Promise<IteratorResult<Message, undefined>>;
  }

  streams(): AsyncGenerator<MessageStream, void, undefined> {
    // Whoever waits for a whole message must not be given a stream.
    if (this.#inbox.isAwaited) throw misuse('ERR_WS_CONCURRENT_READ', '');
    this.#streams = true;
    return this.#takeStreams();
  }

  async *#takeStreams(): AsyncGenerator<MessageStream, void, undefined> {
    for (;;) {
      const entry = await this.#inbox.take();
      if (entry === undefined) return;
      const stream = this.#toStream(entry);
      try {
        yield stream;
      } finally {
        stream.drop();
      }
    }
  }

  #toStream(entry: Entry): MessageStream {
    if (entry instanceof MessageStream) return entry;
    const stream = new MessageStream(typeof entry === 'string' ? 'text' : 'binary', this.#inbox);
    stream.pushWhole(entry);
    return stream;
  }
}
