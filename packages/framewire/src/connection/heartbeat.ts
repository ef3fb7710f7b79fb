/**
 * Finding peers that are gone (RFC 6455 §5.5.2: a Ping as a keepalive). Connections with the same
 * interval sit on one wheel, which turns once in half an interval: a connection that shows no sign of
 * life between two visits is asked for one. An idle connection has no timer of its own.
 */
import type { Clock, Timer } from './clock.ts';

const SLOTS = 8;

export interface WheelMember {
  /** Called once each turn of the wheel. */
  onBeat(): void;
}

export class Wheel {
  readonly #clock: Clock;
  readonly #step: number;
  readonly #slots: Set<WheelMember>[] = Array.from({ length: SLOTS }, () => new Set());
  #at = 0;
  #size = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, period: number) {
    this.#clock = clock;
    this.#step = period / SLOTS;
  }

  /** Returns the slot, which `remove` asks for. The first beat comes after a whole turn. */
  add(member: WheelMember): number {
    const slot = this.#at;
    this.#slots[slot]!.add(member);
    this.#size++;
    this.#timer ??= this.#clock.setTimer(this.#step, () => this.#turn());
    return slot;
  }

  remove(member: WheelMember, slot: number): void {
    if (!this.#slots[slot]!.delete(member)) return;
    this.#size--;
    if (this.#size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #turn(): void {
    this.#timer = this.#clock.setTimer(this.#step, () => this.#turn());
    this.#at = (this.#at + 1) % SLOTS;
    for (const member of this.#slots[this.#at]!) member.onBeat();
  }
}

const wheels = new WeakMap<Clock, Map<number, Wheel>>();

/** The wheel for an interval, one for each clock. */
export function wheelFor(clock: Clock, interval: number): Wheel {
  let byInterval = wheels.get(clock);
  if (byInterval === undefined) wheels.set(clock, (byInterval = new Map()));
  let wheel = byInterval.get(interval);
  if (wheel === undefined) byInterval.set(interval, (wheel = new Wheel(clock, interval / 2)));
  return wheel;
}
