/** The process that makes the load: connections of its own making, cheaper than any client library. */
import { setTimeout } from 'node:timers/promises';
import { LoadConnection, type LoadEvents } from './load/load-connection.ts';
import { buildMessages, type Messages } from './load/messages.ts';
import type { Extent, LoadOperations, Opened, Sample, Target, Workload } from './operations.ts';
import { answer } from './rpc.ts';

/** Connections that are opened at the same time. */
const OPENING_AT_ONCE = 100;

class Load implements LoadEvents {
  readonly #workload: Workload;
  readonly #messages: Messages;
  #connections: LoadConnection[] = [];
  /** What comes back is followed by as many more. */
  #isRunning = false;
  #inFlight = 0;
  #received = 0;
  #octets = 0;
  #onLastReply = (): void => {};
  #onFailure = (_error: Error): void => {};
  #failure: Promise<never>;

  constructor(workload: Workload, messages: Messages) {
    this.#workload = workload;
    this.#messages = messages;
    this.#failure = this.#nextFailure();
  }

  async open(target: Target): Promise<Opened> {
    const connections = this.#connections;
    const end = connections.length + target.connections;
    while (connections.length < end) {
      const count = Math.min(OPENING_AT_ONCE, end - connections.length);
      const opening = Array.from({ length: count }, () => this.#dial(target).opened);
      await Promise.race([Promise.all(opening), this.#failure]);
    }
    const [extensions = '', ...others] = new Set(connections.map((each) => each.extensions));
    if (others.length > 0) throw new Error('the server does not answer all alike');
    return { extensions };
  }

  run({ milliseconds, messages }: Extent): Promise<Sample> {
    return this.#measure(async () => {
      const { window } = this.#workload;
      this.#isRunning = true;
      for (const connection of this.#connections) this.#send(connection, window);
      do await Promise.race([setTimeout(milliseconds), this.#failure]);
      while (this.#received < messages);
      this.#isRunning = false;
    });
  }

  exchange(): Promise<Sample> {
    return this.#measure(async () => {
      const fresh = this.#connections.filter(({ sent }) => sent === 0);
      for (const connection of fresh) this.#send(connection, 1);
    });
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
    this.#connections = [];
    this.#isRunning = false;
    this.#inFlight = 0;
    this.#failure = this.#nextFailure();
  }

  onReplies(connection: LoadConnection, messages: number, octets: number): void {
    this.#octets += octets;
    if (messages === 0) return;
    this.#received += messages;
    if (this.#isRunning) {
      connection.send(messages);
      return;
    }
    this.#inFlight -= messages;
    if (this.#inFlight === 0) this.#onLastReply();
  }

  onFailure(error: Error): void {
    this.#onFailure(error);
  }

  #nextFailure(): Promise<never> {
    const failure = new Promise<never>((_, reject) => (this.#onFailure = reject));
    // It matters to whoever waits for something else meanwhile.
    failure.catch(() => {});
    return failure;
  }

  #dial(target: Target): LoadConnection {
    const messages = this.#messages;
    const first = messages.firstOf(this.#connections.length);
    const offer = this.#workload.deflate?.offer;
    const connection = new LoadConnection({ target, messages, first, offer, events: this });
    this.#connections.push(connection);
    return connection;
  }

  #send(connection: LoadConnection, count: number): void {
    this.#inFlight += count;
    connection.send(count);
  }

  /** What happens until the last reply to all that `send` sent. */
  async #measure(send: () => Promise<void>): Promise<Sample> {
    const verifiedBefore = this.#verified();
    const usageBefore = process.cpuUsage();
    const began = performance.now();
    this.#received = 0;
    this.#octets = 0;
    const lastReply = new Promise<void>((resolve) => (this.#onLastReply = resolve));
    await send();
    if (this.#inFlight > 0) await Promise.race([lastReply, this.#failure]);
    const { user, system } = process.cpuUsage(usageBefore);
    return {
      messages: this.#received,
      verified: this.#verified() - verifiedBefore,
      octets: this.#octets,
      milliseconds: performance.now() - began,
      usage: { user, system },
    };
  }

  #verified(): number {
    return this.#connections.reduce((sum, { verified }) => sum + verified, 0);
  }
}

let load: Load | undefined;

function prepared(): Load {
  if (load === undefined) throw new Error('prepare comes first');
  return load;
}

answer<LoadOperations>({
  async prepare(workload) {
    load?.close();
    load = new Load(workload, await buildMessages(workload));
  },
  open: (target) => prepared().open(target),
  run: (extent) => prepared().run(extent),
  exchange: () => prepared().exchange(),
  close: () => prepared().close(),
});
