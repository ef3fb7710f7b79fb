/** One connection sends, all others receive. What all of them have is followed by the next message. */
import type { Extent, Messaging, Opened, Sample, Target } from '../operations.ts';
import { Connections } from './connections.ts';
import { Failure } from './failure.ts';
import { LoadConnection } from './load-connection.ts';
import type { Messages } from './messages.ts';
import { Meter } from './meter.ts';
import { Window } from './window.ts';

export class BroadcastLoad {
  readonly #workload: Messaging;
  readonly #messages: Messages;
  readonly #failure = new Failure();
  readonly #receivers = new Connections(this.#failure);
  readonly #window = new Window(this.#failure);
  readonly #meter = new Meter();
  #sender: LoadConnection | undefined;
  /** Of each message on its way, how many have it: in a ring, since they arrive in order. */
  readonly #deliveries: Uint32Array;

  constructor(workload: Messaging, messages: Messages) {
    this.#workload = workload;
    this.#messages = messages;
    this.#deliveries = new Uint32Array(workload.window);
  }

  async open(target: Target): Promise<Opened> {
    if (this.#sender !== undefined) throw new Error('receivers cannot be added');
    const common = { messages: this.#messages, first: 0, offer: this.#workload.deflate?.offer };
    const extensions = await this.#receivers.open(target, () => ({
      ...common,
      path: '/recv',
      onReplies: (receiver, count, octets) => this.#onReceived(receiver, count, octets),
    }));
    this.#sender = new LoadConnection({
      ...common,
      port: target.port,
      raw: false,
      path: '/send',
      onReplies: () => this.#failure.report(new Error('the sender got its own message')),
      onFailure: (error) => this.#failure.report(error),
    });
    await this.#failure.during(this.#sender.opened);
    return { extensions };
  }

  run(extent: Extent): Promise<Sample> {
    const work = (): Promise<void> =>
      this.#window.keepFull(
        extent,
        () => this.#meter.messages,
        () => {
          this.#window.add(this.#workload.window);
          this.#sender?.send(this.#workload.window);
        },
      );
    return this.#meter.measure(() => this.#receivers.verified(), work);
  }

  close(): void {
    this.#receivers.close();
    this.#sender?.close();
    this.#sender = undefined;
    this.#deliveries.fill(0);
    this.#window.reset();
    this.#failure.reset();
  }

  #onReceived(receiver: LoadConnection, count: number, octets: number): void {
    this.#meter.octets += octets;
    this.#meter.messages += count;
    let complete = 0;
    for (let index = receiver.received - count; index < receiver.received; index++) {
      if (this.#isLastDelivery(index)) complete++;
    }
    if (complete > 0 && this.#window.arrived(complete)) this.#sender?.send(complete);
  }

  #isLastDelivery(index: number): boolean {
    const slot = index % this.#deliveries.length;
    if (++this.#deliveries[slot]! < this.#receivers.all.length) return false;
    this.#deliveries[slot] = 0;
    return true;
  }
}
