/** What was measured between two moments: how many answers came, and how long they took. */
import { Latencies } from './latencies.ts';
import type { Schedule } from './schedule.ts';

export class Measurement {
  /** From when a message was due; in a closed loop that is when it was sent. */
  readonly fromDue: Latencies = new Latencies();
  /** From when it was sent; the same, and left empty, in a closed loop. */
  readonly fromSent: Latencies = new Latencies();
  /** Answers that arrived in the time. */
  messages: number = 0;
  /** Messages that left in the time. */
  sent: number = 0;
  /** Messages that were due in the time and were answered, then or later. */
  answered: number = 0;
  /** Messages that were due in the time and had no answer when they were given up. */
  unanswered: number = 0;
  readonly #isOpenLoop: boolean;
  #begin = Infinity;
  #end = Infinity;

  constructor(isOpenLoop: boolean) {
    this.#isOpenLoop = isOpenLoop;
  }

  begin(now: number): void {
    this.#begin = now;
  }

  end(now: number): void {
    this.#end = now;
  }

  /** Milliseconds; 0 if it never began. */
  get elapsed(): number {
    return this.#begin === Infinity ? 0 : this.#end - this.#begin;
  }

  onSent(now: number): void {
    if (this.#covers(now)) this.sent++;
  }

  onAnswer(due: number, sent: number, now: number): void {
    if (this.#covers(now)) this.messages++;
    if (!this.#covers(due)) return;
    this.answered++;
    this.fromDue.record(now - due);
    if (this.#isOpenLoop) this.fromSent.record(now - sent);
  }

  /** A message was given up; that it took at least so long must show all the same. */
  onGivenUp(due: number, sent: number, now: number): void {
    if (!this.#covers(due)) return;
    this.unanswered++;
    this.fromDue.record(now - due);
    if (this.#isOpenLoop) this.fromSent.record(now - sent);
  }

  /** Messages of a connection from that index on were due and never left. */
  onNeverSent(schedule: Schedule, connection: number, index: number, now: number): void {
    const until = Math.min(now, this.#end);
    const before = schedule.countBefore(connection, this.#begin);
    const first = Math.max(index, before);
    const count = schedule.countUntil(connection, until) - first;
    if (count <= 0) return;
    this.unanswered += count;
    const wait = (at: number): number => now - schedule.dueAt(connection, at);
    this.fromDue.recordEvenly(count, wait(first + count - 1), wait(first));
  }

  /** Messages that were due in the time. */
  dueOf(schedule: Schedule): number {
    return schedule.countBetween(this.#begin, this.#end);
  }

  #covers(time: number): boolean {
    return time >= this.#begin && time <= this.#end;
  }
}
