/** One connection of the load: sends what it may, and times and checks what comes back. */
import type { CloseInfo, Clock, Connection, ConnectionHandler, Message } from 'framewire';
import { failureOfAnswer, failureOfClose, failureOfSilence, type Failure } from './failures.ts';
import type { Measurement } from './measurement.ts';
import type { Payloads } from './payloads.ts';
import type { Schedule } from './schedule.ts';

export interface LoadConnectionOptions {
  readonly clock: Clock;
  readonly payloads: Payloads;
  /** Messages that may be without an answer. */
  readonly window: number;
  readonly measurement: Measurement;
  /** An answer came. */
  readonly onAnswer: (now: number) => void;
  /** The connection can no longer be used. */
  readonly onFailure: (failure: Failure) => void;
}

export class LoadConnection implements ConnectionHandler<undefined, undefined> {
  /** Answers are compared and forgotten. */
  readonly borrowsMessages = true;
  readonly #options: LoadConnectionOptions;
  /** When each message on its way was due, and when it was sent: in rings of the window's size. */
  readonly #dueTimes: Float64Array;
  readonly #sentTimes: Float64Array;
  #connection: Connection<undefined> | undefined;
  #number = 0;
  #schedule: Schedule | undefined;
  #sent = 0;
  #answered = 0;
  /** When the last answer came, or if none was awaited then, when the next message left. */
  #waitingSince = 0;
  #isSending = false;
  #isOver = false;

  constructor(options: LoadConnectionOptions) {
    this.#options = options;
    this.#dueTimes = new Float64Array(options.window);
    this.#sentTimes = new Float64Array(options.window);
  }

  get connection(): Connection<undefined> | undefined {
    return this.#connection;
  }

  /** It failed, or was closed by this side. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get inFlight(): number {
    return this.#sent - this.#answered;
  }

  /** Sends from now on: by the schedule, or without one as fast as answers come. */
  start(number: number, schedule: Schedule | undefined): void {
    this.#number = number;
    this.#schedule = schedule;
    this.#isSending = true;
    this.fill(this.#options.clock.now());
  }

  /** Sends what is due, as far as the window has room. */
  fill(now: number): void {
    while (this.#isSending && this.inFlight < this.#options.window) {
      const due = this.#schedule?.dueAt(this.#number, this.#sent) ?? now;
      if (due > now) return;
      this.#send(due, now);
    }
  }

  /** Sends no more; answers still count. */
  stop(): void {
    this.#isSending = false;
  }

  /** Ends the connection when the server has not answered for that many milliseconds. */
  checkSilence(now: number, timeout: number): void {
    if (this.#isOver || this.inFlight === 0 || now - this.#waitingSince < timeout) return;
    this.giveUp(now);
    this.#fail(failureOfSilence(timeout));
  }

  /** What is without an answer will have none; how long it waited is counted. */
  giveUp(now: number): void {
    if (this.#isOver) return;
    const { measurement, window } = this.#options;
    for (let index = this.#answered; index < this.#sent; index++) {
      const slot = index % window;
      measurement.onGivenUp(this.#dueTimes[slot]!, this.#sentTimes[slot]!, now);
    }
    if (this.#schedule === undefined) return;
    measurement.onNeverSent(this.#schedule, this.#number, this.#sent, now);
  }

  /** Begins the closing handshake; what comes after is no failure. */
  close(): void {
    this.#finish();
    void this.#connection?.close(1000);
  }

  open(connection: Connection<undefined>): void {
    this.#connection = connection;
  }

  message(_connection: Connection<undefined>, message: Message): void {
    if (this.#isOver) return;
    const now = this.#options.clock.now();
    const index = this.#answered;
    const mistake = this.#mistakeIn(message, index);
    if (mistake !== undefined) {
      this.#fail(failureOfAnswer(mistake));
      return;
    }
    this.#answered++;
    this.#waitingSince = now;
    const { measurement, window, onAnswer } = this.#options;
    const slot = index % window;
    measurement.onAnswer(this.#dueTimes[slot]!, this.#sentTimes[slot]!, now);
    this.fill(now);
    onAnswer(now);
  }

  closed(_connection: Connection<undefined>, info: CloseInfo): void {
    if (!this.#isOver) this.#fail(failureOfClose(info));
  }

  #send(due: number, now: number): void {
    const { window, payloads, measurement } = this.#options;
    const index = this.#sent;
    if (this.inFlight === 0) this.#waitingSince = now;
    this.#sent++;
    const slot = index % window;
    this.#dueTimes[slot] = due;
    this.#sentTimes[slot] = now;
    measurement.onSent(now);
    void this.#connection?.send(payloads.of(this.#number, index));
  }

  #mistakeIn(answer: Message, index: number): string | undefined {
    if (index === this.#sent) return 'it sent a message that answers none';
    return this.#options.payloads.mistakeIn(answer, this.#number, index);
  }

  #fail(failure: Failure): void {
    this.#finish();
    this.#connection?.terminate();
    this.#options.onFailure(failure);
  }

  #finish(): void {
    this.#isOver = true;
    this.#isSending = false;
  }
}
