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
  readonly #slots: (Set<WheelMember> | undefined)[] = [];
  readonly #onEmpty: () => void;
  #at = 0;
  #size = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, period: number, onEmpty: () => void) {
    this.#clock = clock;
    this.#step = period / SLOTS;
    this.#onEmpty = onEmpty;
  }

  /** The first beat comes after a whole turn, less at most an eighth that has passed already. */
  add(member: WheelMember): void {
    (this.#slots[this.#at] ??= new Set()).add(member);
    this.#size++;
    this.#timer ??= this.#clock.setTimer(this.#step, () => this.#turn());
  }

  /** Of no effect for one that is not there. */
  remove(member: WheelMember): void {
    if (!this.#slots.some((slot) => slot?.delete(member))) return;
    this.#size--;
    if (this.#size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#onEmpty();
  }

  #turn(): void {
    this.#timer = this.#clock.setTimer(this.#step, () => this.#turn());
    this.#at = (this.#at + 1) % SLOTS;
    for (const member of this.#slots[this.#at] ?? []) member.onBeat();
  }
}

const wheels = new WeakMap<Clock, Map<number, Wheel>>();

/** Puts a member on the wheel for its interval: one for each clock, and only while it has members. */
export function joinWheel(clock: Clock, interval: number, member: WheelMember): Wheel {
  let byInterval = wheels.get(clock);
  if (byInterval === undefined) wheels.set(clock, (byInterval = new Map<number, Wheel>()));
  const others = byInterval;
  let wheel = others.get(interval);
  if (wheel === undefined) {
    wheel = new Wheel(clock, interval / 2, () => others.delete(interval));
    others.set(interval, wheel);
  }
  wheel.add(member);
  return wheel;
}

/** The opposite. A member need not keep its wheel, of which there are few, in mind. */
export function leaveWheel(clock: Clock, interval: number, member: WheelMember): void {
  wheels.get(clock)?.get(interval)?.remove(member);
}
