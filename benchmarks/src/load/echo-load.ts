/** Messages that come back on the connection they were sent on, and are followed by as many more. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Extent, Messaging, Opened, RoundTrips, Sample, Target } from '../operations.ts';
import { Connections } from './connections.ts';
import { Failure } from './failure.ts';
import type { LoadConnection } from './load-connection.ts';
import type { Messages } from './messages.ts';
import { Meter } from './meter.ts';
import { Window } from './window.ts';

export class EchoLoad {
  readonly #workload: Messaging;
  readonly #messages: Messages;
  readonly #failure = new Failure();
  readonly #connections = new Connections(this.#failure);
  readonly #window = new Window(this.#failure);
  readonly #meter = new Meter();
  /** Nanoseconds, to three digits, where single messages are timed. */
  readonly #roundTrips: RecordableHistogram | undefined;

  constructor(workload: Messaging, messages: Messages) {
    this.#workload = workload;
    this.#messages = messages;
    if (workload.pattern === 'round-trips') this.#roundTrips = createHistogram({ figures: 3 });
  }

  async open(target: Target): Promise<Opened> {
    const messages = this.#messages;
    const extensions = await this.#connections.open(target, (index) => ({
      path: '/',
      messages,
      first: messages.firstOf(index),
      offer: this.#workload.deflate?.offer,
      onReplies: (connection, count, octets) => this.#onReplies(connection, count, octets),
    }));
    return { extensions };
  }

  async run(extent: Extent): Promise<Sample> {
    this.#roundTrips?.reset();
    const sample = await this.#measure(() => {
      const fill = (): void => this.#fill(this.#connections.all, this.#workload.window);
      return this.#window.keepFull(extent, () => this.#meter.messages, fill);
    });
    if (this.#roundTrips === undefined) return sample;
    return { ...sample, roundTrips: percentilesOf(this.#roundTrips) };
  }

  exchange(): Promise<Sample> {
    return this.#measure(() => {
      const fresh = this.#connections.all.filter(({ sent }) => sent === 0);
      this.#fill(fresh, 1);
      return this.#window.empty();
    });
  }

  close(): void {
    this.#connections.close();
    this.#window.reset();
    this.#failure.reset();
  }

  #measure(work: () => Promise<void>): Promise<Sample> {
    return this.#meter.measure(() => this.#connections.verified(), work);
  }

  #fill(connections: readonly LoadConnection[], count: number): void {
    this.#window.add(count * connections.length);
    for (const connection of connections) this.#send(connection, count);
  }

  #send(connection: LoadConnection, count: number): void {
    if (this.#roundTrips !== undefined) connection.sentAt = performance.now();
    connection.send(count);
  }

  #onReplies(connection: LoadConnection, count: number, octets: number): void {
    this.#meter.octets += octets;
    if (count === 0) return;
    this.#meter.messages += count;
    this.#roundTrips?.record(Math.round((performance.now() - connection.sentAt) * 1e6));
    if (this.#window.arrived(count)) this.#send(connection, count);
  }
}

export function percentilesOf(nanoseconds: RecordableHistogram): RoundTrips {
  const at = (percentile: number): number => nanoseconds.percentile(percentile) / 1000;
  return { p50: at(50), p99: at(99), p999: at(99.9) };
}
