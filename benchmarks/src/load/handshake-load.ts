/** Connections that open and close, so many at the same time. */
import type { Extent, Handshakes, Opened, Sample, Target } from '../operations.ts';
import { Failure } from './failure.ts';
import { Handshake } from './handshake.ts';
import { Meter } from './meter.ts';
import { Window } from './window.ts';

export class HandshakeLoad {
  readonly #workload: Handshakes;
  readonly #failure = new Failure();
  readonly #window = new Window(this.#failure);
  readonly #meter = new Meter();
  readonly #pending = new Set<Handshake>();
  #port = 0;
  /** All of them: each checks the key and the close code. */
  #verified = 0;

  constructor(workload: Handshakes) {
    this.#workload = workload;
  }

  open({ port }: Target): Opened {
    this.#port = port;
    return { extensions: '' };
  }

  run(extent: Extent): Promise<Sample> {
    const fill = (): void => {
      this.#window.add(this.#workload.window);
      for (let count = 0; count < this.#workload.window; count++) this.#begin();
    };
    return this.#meter.measure(
      () => this.#verified,
      () => this.#window.keepFull(extent, () => this.#meter.messages, fill),
    );
  }

  close(): void {
    for (const handshake of this.#pending) handshake.cancel();
    this.#pending.clear();
    this.#window.reset();
    this.#failure.reset();
  }

  #begin(): void {
    const handshake = new Handshake(this.#port, (error, octets) => {
      this.#pending.delete(handshake);
      if (error === undefined) this.#onDone(octets);
      else this.#failure.report(error);
    });
    this.#pending.add(handshake);
  }

  #onDone(octets: number): void {
    this.#verified++;
    this.#meter.messages++;
    this.#meter.octets += octets;
    if (this.#window.arrived(1)) this.#begin();
  }
}
