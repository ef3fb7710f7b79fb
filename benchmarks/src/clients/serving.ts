/** What every client of the benchmark does: each message that comes back is followed by the next. */
import { buildContents } from '../load/messages.ts';
import { Failure } from '../load/failure.ts';
import { Meter } from '../load/meter.ts';
import { SAMPLE } from '../load/verifier.ts';
import { Window } from '../load/window.ts';
import type { ClientOperations, ClientSettings, Extent, Sample } from '../operations.ts';
import { answer } from '../rpc.ts';

/** A connection as its library has it. */
export interface ClientConnection {
  send(data: Uint8Array): void;
  close(): void;
}

export interface ClientEvents {
  onMessage(data: Uint8Array): void;
  onFailure(error: Error): void;
  /** Also after a failure. */
  onClosed(): void;
}

/** Resolves when the connection is open. */
export type Open = (url: string, events: ClientEvents) => Promise<ClientConnection>;

interface Looping {
  readonly connection: ClientConnection;
  readonly closed: Promise<void>;
  sent: number;
  received: number;
}

class Client {
  readonly #open: Open;
  readonly #failure = new Failure();
  readonly #window = new Window(this.#failure);
  readonly #meter = new Meter();
  #contents: readonly Uint8Array[] = [];
  #size = 0;
  #width = 0;
  #loops: Looping[] = [];
  #isClosing = false;
  #verified = 0;

  constructor(open: Open) {
    this.#open = open;
  }

  async open({ port, connections, ...content }: ClientSettings): Promise<void> {
    // Built once: a client is asked for the same in every round.
    if (this.#contents.length === 0) this.#contents = buildContents(content);
    this.#size = content.size;
    this.#width = content.window;
    this.#isClosing = false;
    const url = `ws://127.0.0.1:${port}/`;
    const opening = Array.from({ length: connections }, () => this.#connect(url));
    this.#loops = await this.#failure.during(Promise.all(opening));
  }

  run(extent: Extent): Promise<Sample> {
    const fill = (): void => {
      this.#window.add(this.#width * this.#loops.length);
      for (const loop of this.#loops) {
        for (let count = 0; count < this.#width; count++) this.#send(loop);
      }
    };
    return this.#meter.measure(
      () => this.#verified,
      () => this.#window.keepFull(extent, () => this.#meter.messages, fill),
    );
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    for (const { connection } of this.#loops) connection.close();
    await Promise.all(this.#loops.map(({ closed }) => closed));
    this.#loops = [];
    this.#window.reset();
    this.#failure.reset();
  }

  async #connect(url: string): Promise<Looping> {
    let onClosed = (): void => {};
    const closed = new Promise<void>((resolve) => (onClosed = resolve));
    const connection = await this.#open(url, {
      onMessage: (data) => this.#onMessage(loop, data),
      onFailure: (error) => this.#failure.report(error),
      onClosed: () => {
        onClosed();
        if (!this.#isClosing) this.#failure.report(new Error('the connection has ended'));
      },
    });
    const loop: Looping = { connection, closed, sent: 0, received: 0 };
    return loop;
  }

  #send(loop: Looping): void {
    loop.connection.send(this.#contents[loop.sent++ % this.#contents.length]!);
  }

  #onMessage(loop: Looping, data: Uint8Array): void {
    const index = loop.received++;
    if (data.length !== this.#size) this.#failure.report(new Error('a message is of other size'));
    if (index % SAMPLE === 0) this.#compare(index, data);
    this.#meter.messages++;
    this.#meter.octets += data.length;
    if (this.#window.arrived(1)) this.#send(loop);
  }

  #compare(index: number, data: Uint8Array): void {
    const content = this.#contents[index % this.#contents.length]!;
    if (Buffer.compare(data, content) === 0) this.#verified++;
    else this.#failure.report(new Error('a message came back different'));
  }
}

export function serveClient(open: Open): void {
  const client = new Client(open);
  answer<ClientOperations>({
    open: (settings) => client.open(settings),
    run: (extent) => client.run(extent),
    close: () => client.close(),
  });
}
