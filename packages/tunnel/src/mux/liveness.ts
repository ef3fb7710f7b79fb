/** yamux's pings: how long the way there and back takes, and whether anybody is at the other end. */
import type { Clock, Timer } from 'framewire';
import { TunnelError } from '../errors.ts';
import { MAX_UINT32 } from './frame.ts';

interface Asked {
  readonly at: number;
  readonly resolve: (milliseconds: number) => void;
  readonly reject: (error: Error) => void;
}

export interface LivenessOptions {
  readonly clock: Clock;
  readonly interval: number;
  readonly timeout: number;
  readonly send: (value: number) => void;
  readonly onSilence: (error: TunnelError) => void;
}

export class Liveness {
  readonly #options: LivenessOptions;
  readonly #asked = new Map<number, Asked>();
  #next = 0;
  #heardAt: number;
  /** A ping was sent because of a silence, and when. */
  #isWatching = false;
  #watchedSince = 0;
  #timer: Timer | undefined;
  /** Milliseconds of the fastest way there and back; undefined until one was measured. */
  roundTrip: number | undefined;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#heardAt = options.clock.now();
    this.#arm(options.interval);
  }

  ping(): Promise<number> {
    const value = this.#next;
    this.#next = value === MAX_UINT32 ? 0 : value + 1;
    const answered = new Promise<number>((resolve, reject) => {
      this.#asked.set(value, { at: this.#options.clock.now(), resolve, reject });
    });
    answered.catch(() => {});
    this.#options.send(value);
    return answered;
  }

  /** Wants to know the round trip, unless that is known, or about to be. */
  measure(): void {
    if (this.roundTrip === undefined && this.#asked.size === 0) void this.ping();
  }

  /** Something came: the other side lives. */
  heard(): void {
    this.#heardAt = this.#options.clock.now();
  }

  /** What was not asked for is nothing to us, as to other yamux peers. */
  onAnswer(value: number): void {
    const asked = this.#asked.get(value);
    if (asked === undefined) return;
    this.#asked.delete(value);
    const took = this.#options.clock.now() - asked.at;
    this.roundTrip = Math.min(took, this.roundTrip ?? took);
    asked.resolve(took);
  }

  stop(error: TunnelError): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }

  #arm(delay: number): void {
    this.#timer = this.#options.clock.setTimer(delay, () => this.#check());
  }

  /** After an interval of silence a ping; and when that is met with silence as well, the end. */
  #check(): void {
    const { clock, interval, timeout, send, onSilence } = this.#options;
    const silence = clock.now() - this.#heardAt;
    if (this.#isWatching && this.#heardAt <= this.#watchedSince) {
      onSilence(new TunnelError('ERR_TUNNEL_PING_TIMEOUT', `${Math.round(silence)} ms`));
      return;
    }
    this.#isWatching = silence >= interval;
    if (!this.#isWatching) {
      this.#arm(interval - silence);
      return;
    }
    this.#watchedSince = clock.now();
    // Who lives and never answers is asked the same again, and again.
    const [unanswered] = this.#asked.keys();
    if (unanswered === undefined) void this.ping();
    else send(unanswered);
    this.#arm(timeout);
  }
}
