/** Whether the peer is still there: asked with a Ping when it is silent (RFC 6455 §5.5.2). */
import type { Timer } from './clock.ts';
import { wheelFor, type WheelMember } from './heartbeat.ts';
import type { ConnectionSettings, Heartbeat } from './options.ts';

/** Octets of an incomplete frame that count as a sign of life: a peer that sends one at a time is none. */
const PROGRESS = 1024;

/** What is asked of a connection. */
export interface Pulse {
  /** Frames completed so far. */
  readonly framesReceived: number;
  readonly octetsReceived: number;
  /** False while the application holds the peer back: silence is of our making. */
  readonly isReading: boolean;
  ask(): void;
  onSilence(milliseconds: number): void;
}

export class KeepAlive implements WheelMember {
  readonly #pulse: Pulse;
  readonly #settings: ConnectionSettings;
  #slot = -1;
  #frames = 0;
  #octets = 0;
  #deadline: Timer | undefined;

  constructor(pulse: Pulse, settings: ConnectionSettings) {
    this.#pulse = pulse;
    this.#settings = settings;
  }

  start(): void {
    const { heartbeat, clock } = this.#settings;
    if (heartbeat !== undefined) this.#slot = wheelFor(clock, heartbeat.interval).add(this);
  }

  stop(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
    const { heartbeat, clock } = this.#settings;
    if (heartbeat === undefined || this.#slot < 0) return;
    wheelFor(clock, heartbeat.interval).remove(this, this.#slot);
    this.#slot = -1;
  }

  onBeat(): void {
    const { heartbeat } = this.#settings;
    if (this.#deadline !== undefined || heartbeat === undefined) return;
    if (this.#isAlive()) return;
    this.#pulse.ask();
    this.#watch(heartbeat);
  }

  #watch({ timeout }: Heartbeat): void {
    this.#deadline = this.#settings.clock.setTimer(timeout, () => {
      this.#deadline = undefined;
      if (!this.#isAlive()) this.#pulse.onSilence(timeout);
    });
  }

  /** Whether there was a sign of life since the last look. */
  #isAlive(): boolean {
    const { framesReceived, octetsReceived, isReading } = this.#pulse;
    const alive =
      !isReading || framesReceived !== this.#frames || octetsReceived - this.#octets >= PROGRESS;
    this.#frames = framesReceived;
    this.#octets = octetsReceived;
    return alive;
  }
}
