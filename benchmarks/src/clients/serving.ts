/** What every client of the benchmark does: each message that comes back is followed by the next. */
import { buildContents } from '../load/messages.ts';
import { Failure } from '../load/failure.ts';
import { Meter } from '../load/meter.ts';
import { SAMPLE } from '../load/verifier.ts';
import { Window } from '../load/window.ts';
import { memory } from '../memory.ts';
import type { ClientOperations, ClientSettings, Extent, Route, Sample } from '../operations.ts';
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
export type Open = (url: string, events: ClientEvents, route: Route) => Promise<ClientConnection>;

/** Connections that are opened at the same time. */
const OPENING_AT_ONCE = 100;

const PLAIN: Route = { http2: false, ca: undefined };

interface Looping {
  readonly connection: ClientConnection;
  readonly closed: Promise<void>;
  /** Among those of its client: not all are to be compared at the same time. */
  readonly number: number;
  sent: number;
  received: number;
  isClosing: boolean;
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
  #url = '';
  #route: Route = PLAIN;
  #opened = 0;
  #verified = 0;

  constructor(open: Open) {
    this.#open = open;
  }

  async open({ port, connections, route = PLAIN, ...content }: ClientSettings): Promise<void> {
    // Built once: a client is asked for the same in every round.
    if (this.#contents.length === 0) this.#contents = buildContents(content);
    this.#size = content.size;
    this.#width = content.window;
    this.#url = `${route.ca === undefined ? 'ws' : 'wss'}://127.0.0.1:${port}/`;
    this.#route = route;
    const end = this.#loops.length + connections;
    while (this.#loops.length < end) {
      const count = Math.min(OPENING_AT_ONCE, end - this.#loops.length);
      const opening = Array.from({ length: count }, () => this.#connect());
      this.#loops.push(...(await this.#failure.during(Promise.all(opening))));
    }
  }

  run(extent: Extent): Promise<Sample> {
    const fill = (): void => {
      this.#window.add(this.#width * this.#loops.length);
      for (const loop of this.#loops) {
        for (let count = 0; count < this.#width; count++) this.#send(loop);
      }
    };
    return this.#keepFull(extent, fill);
  }

  turnOver({ atOnce, ...extent }: Extent & { readonly atOnce: number }): Promise<Sample> {
    const fill = (): void => {
      this.#window.add(atOnce);
      for (let count = 0; count < atOnce; count++) this.#openAndClose();
    };
    return this.#keepFull(extent, fill);
  }

  exchange(): Promise<Sample> {
    return this.#meter.measure(
      () => this.#verified,
      async () => {
        const fresh = this.#loops.filter(({ sent }) => sent === 0);
        this.#window.add(fresh.length);
        for (const loop of fresh) this.#send(loop);
        await this.#window.empty();
      },
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#loops.map(end));
    this.#loops = [];
    this.#window.reset();
    this.#failure.reset();
  }

  #keepFull(extent: Extent, fill: () => void): Promise<Sample> {
    return this.#meter.measure(
      () => this.#verified,
      () => this.#window.keepFull(extent, () => this.#meter.messages, fill),
    );
  }

  async #connect(): Promise<Looping> {
    let onClosed = (): void => {};
    const closed = new Promise<void>((resolve) => (onClosed = resolve));
    const events: ClientEvents = {
      onMessage: (data) => this.#onMessage(loop, data),
      onFailure: (error) => this.#failure.report(error),
      onClosed: () => {
        onClosed();
        if (!loop.isClosing) this.#failure.report(new Error('the connection has ended'));
      },
    };
    const number = this.#opened++;
    const connection = await this.#open(this.#url, events, this.#route);
    const loop: Looping = { connection, closed, number, sent: 0, received: 0, isClosing: false };
    return loop;
  }

  #openAndClose(): void {
    const done = (): void => {
      // Whoever could be opened has been answered rightly.
      this.#verified++;
      this.#meter.messages++;
      if (this.#window.arrived(1)) this.#openAndClose();
    };
    this.#connect()
      .then(end)
      .then(done, (error: Error) => this.#failure.report(error));
  }

  #send(loop: Looping): void {
    loop.connection.send(this.#contents[loop.sent++ % this.#contents.length]!);
  }

  #onMessage(loop: Looping, data: Uint8Array): void {
    const index = loop.received++;
    if (data.length !== this.#size) this.#failure.report(new Error('a message is of other size'));
    if (index === 0 || (index + loop.number) % SAMPLE === 0) this.#compare(index, data);
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

function end(loop: Looping): Promise<void> {
  loop.isClosing = true;
  loop.connection.close();
  return loop.closed;
}

export function serveClient(open: Open): void {
  const client = new Client(open);
  answer<ClientOperations>({
    open: (settings) => client.open(settings),
    run: (extent) => client.run(extent),
    turnOver: (extent) => client.turnOver(extent),
    exchange: () => client.exchange(),
    memory,
    close: () => client.close(),
  });
}
