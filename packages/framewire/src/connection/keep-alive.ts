/** Whether the peer is still there: asked with a Ping when it is silent (RFC 6455 §5.5.2). */
import type { Timer } from './clock.ts';
import { joinWheel, type Wheel, type WheelMember } from './heartbeat.ts';
import type { ConnectionSettings, Heartbeat } from './options.ts';

/** Octets of an incomplete frame that count as a sign of life: a peer that sends one at a time is none. */
const PROGRESS = 1024;

/** What is asked of a connection. */
export interface Pulse {
  readonly settings: ConnectionSettings;
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
  #wheel: Wheel | undefined;
  #frames = 0;
  #octets = 0;
  #deadline: Timer | undefined;

  constructor(pulse: Pulse) {
    this.#pulse = pulse;
  }

  start(): void {
    const { heartbeat, clock } = this.#pulse.settings;
    if (heartbeat !== undefined) this.#wheel = joinWheel(clock, heartbeat.interval, this);
  }

  stop(): void {
    this.#stopWatch();
    this.#wheel?.remove(this);
    this.#wheel = undefined;
  }

  /** Silence of our own making, such as a pause that has ended, is none of the peer's. */
  excuse(): void {
    this.#frames = -1;
  }

  onBeat(): void {
    const { heartbeat } = this.#pulse.settings;
    // A peer that is held back cannot answer; but writing to one that is gone brings it to light.
    if (!this.#pulse.isReading) this.#pulse.ask();
    const isAlive = this.#isAlive;
    // While an answer is awaited, signs of life are counted from the Ping on.
    if (heartbeat === undefined || (this.#deadline !== undefined && !isAlive)) return;
    this.#frames = this.#pulse.framesReceived;
    this.#octets = this.#pulse.octetsReceived;
    this.#stopWatch();
    if (isAlive) return;
    this.#pulse.ask();
    this.#watch(heartbeat);
  }

  #watch({ timeout }: Heartbeat): void {
    this.#deadline = this.#pulse.settings.clock.setTimer(timeout, () => {
      this.#deadline = undefined;
      if (!this.#isAlive) this.#pulse.onSilence(timeout);
    });
  }

  #stopWatch(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  /** Whether there was a sign of life since the last look. */
  get #isAlive(): boolean {
    const { framesReceived, octetsReceived, isReading } = this.#pulse;
    return (
      !isReading || framesReceived !== this.#frames || octetsReceived - this.#octets >= PROGRESS
    );
  }
}
