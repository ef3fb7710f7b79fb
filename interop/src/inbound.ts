import { EventQueue } from './event-queue.ts';
import type { Closing, Content } from './endpoint.ts';

/** The receiving half of a link: what every kind of endpoint fills and the scenarios read. */
export class Inbound {
  readonly messages: EventQueue<Content> = new EventQueue('message');
  readonly pings: EventQueue<Uint8Array> = new EventQueue('ping');
  readonly pongs: EventQueue<Uint8Array> = new EventQueue('pong');
  readonly history: ('message' | 'ping' | 'pong')[] = [];
  readonly closed: Promise<Closing>;
  readonly #close: (closing: Closing) => void;

  constructor() {
    let close: (closing: Closing) => void = () => undefined;
    this.closed = new Promise((resolve) => (close = resolve));
    this.#close = close;
  }

  message(content: Content): void {
    this.history.push('message');
    this.messages.push(content);
  }

  ping(payload: Uint8Array): void {
    this.history.push('ping');
    this.pings.push(payload);
  }

  pong(payload: Uint8Array): void {
    this.history.push('pong');
    this.pongs.push(payload);
  }

  end(closing: Closing): void {
    this.#close(closing);
    this.messages.end();
    this.pings.end();
    this.pongs.end();
  }
}
