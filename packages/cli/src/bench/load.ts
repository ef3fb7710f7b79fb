/** A run on connections that are open: warming up, measuring, and awaiting the last answers. */
import type { Clock, Timer } from 'framewire';
import { Failures, type Failure } from './failures.ts';
import { GeneratorMeter, type GeneratorUse } from './generator-use.ts';
import { LoadConnection } from './load-connection.ts';
import type { LoadSettings } from './load-settings.ts';
import { Measurement } from './measurement.ts';
import { Payloads } from './payloads.ts';
import { Schedule } from './schedule.ts';
import { readTraffic, trafficBetween, type Traffic } from './traffic.ts';

/** Milliseconds between two looks at who does not answer; also how often progress is told. */
const TICK = 250;

/** Milliseconds between two looks at what is due. */
const PUMP_INTERVAL = 1;

export type Phase = 'ready' | 'warmup' | 'measuring' | 'draining' | 'done';

export interface LoadProgress {
  readonly phase: Phase;
  readonly now: number;
  /** Milliseconds of this phase that have passed. */
  readonly elapsed: number;
  /** Answers so far, the warm-up's included. */
  readonly answers: number;
  /** Of what is being measured; undefined while nothing has been. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  readonly inFlight: number;
  readonly failures: number;
}

export class Load {
  readonly failures: Failures = new Failures();
  readonly measurement: Measurement;
  /** What this process took while it measured, and what went over the sockets. */
  generator: GeneratorUse | undefined;
  traffic: Traffic | undefined;
  /** Messages due in the time that was measured, in an open loop. */
  due: number | undefined;
  readonly #settings: LoadSettings;
  readonly #clock: Clock;
  readonly #payloads: Payloads;
  readonly #onProgress: (progress: LoadProgress) => void;
  readonly #timers = new Map<'phase' | 'tick' | 'pump', Timer>();
  #connections: readonly LoadConnection[] = [];
  #schedule: Schedule | undefined;
  /** The number of the first message that is not due yet. */
  #next = 0;
  #phase: Phase = 'ready';
  #phaseBegin = 0;
  #phaseEnd = Infinity;
  #phaseTask: () => void = () => {};
  #answers = 0;
  /** Connections that have not failed, and at the end the answers still to come. */
  #live = 0;
  #awaited = 0;
  #meter: GeneratorMeter | undefined;
  #trafficBefore: Traffic | undefined;
  #resolve: () => void = () => {};

  constructor(settings: LoadSettings, clock: Clock, onProgress: (progress: LoadProgress) => void) {
    this.#settings = settings;
    this.#clock = clock;
    this.#onProgress = onProgress;
    this.#payloads = new Payloads(settings.type, settings.size);
    this.measurement = new Measurement(settings.rate !== undefined);
  }

  /** A connection of this run, to be opened. */
  createConnection(): LoadConnection {
    return new LoadConnection({
      clock: this.#clock,
      payloads: this.#payloads,
      window: this.#settings.window,
      measurement: this.measurement,
      onAnswer: (now) => this.#onAnswer(now),
      onFailure: (failure) => this.#onFailure(failure),
    });
  }

  /** Resolves when the time is over and no answer is awaited any more. */
  run(connections: readonly LoadConnection[]): Promise<void> {
    const { rate, warmup } = this.#settings;
    this.#connections = connections.filter(({ isOver }) => !isOver);
    this.#live = this.#connections.length;
    const ended = new Promise<void>((resolve) => (this.#resolve = resolve));
    const now = this.#clock.now();
    if (rate !== undefined) this.#schedule = new Schedule(rate, this.#live, now);
    if (this.#live === 0) {
      this.#finish();
      return ended;
    }
    this.#enter('warmup', now);
    if (warmup === 0) this.#beginMeasuring(now);
    else this.#endPhaseAfter(warmup, () => this.#beginMeasuring(this.#clock.now()));
    this.#connections.forEach((connection, number) => connection.start(number, this.#schedule));
    this.#tick();
    if (this.#schedule !== undefined) this.#pumpOnTime(this.#schedule);
    return ended;
  }

  /** Measures no longer; asked again, awaits nothing either. */
  interrupt(): void {
    if (this.#phase === 'measuring') this.#endMeasuring();
    else this.#finish();
  }

  #beginMeasuring(now: number): void {
    this.#enter('measuring', now);
    this.measurement.begin(now);
    this.#meter = new GeneratorMeter();
    this.#trafficBefore = readTraffic(this.#connections);
    this.#endPhaseAfter(this.#settings.duration, () => this.#endMeasuring());
  }

  #endMeasuring(): void {
    const now = this.#clock.now();
    // What is due and finds room is not left unsent only because the time is over.
    if (this.#schedule !== undefined) this.#pump(this.#schedule, now);
    this.#enter('draining', now);
    this.measurement.end(now);
    this.generator = this.#meter?.read();
    this.traffic = trafficBetween(this.#trafficBefore, readTraffic(this.#connections));
    if (this.#schedule !== undefined) this.due = this.measurement.dueOf(this.#schedule);
    for (const connection of this.#connections) connection.stop();
    this.#phaseEnd = Infinity;
    this.#timers.get('phase')?.cancel();
    this.#timers.get('pump')?.cancel();
    this.#finishWhenAnswered(this.#inFlight());
  }

  #finishWhenAnswered(awaited: number): void {
    this.#awaited = awaited;
    if (awaited === 0) this.#finish();
  }

  #inFlight(): number {
    return this.#connections.reduce(
      (sum, { isOver, inFlight }) => (isOver ? sum : sum + inFlight),
      0,
    );
  }

  #finish(): void {
    if (this.#phase === 'done') return;
    const now = this.#clock.now();
    this.#enter('done', now);
    for (const connection of this.#connections) {
      connection.stop();
      connection.giveUp(now);
    }
    for (const timer of this.#timers.values()) timer.cancel();
    this.#resolve();
  }

  #onAnswer(now: number): void {
    this.#answers++;
    if (now >= this.#phaseEnd) this.#endPhase();
    else if (this.#phase === 'draining') this.#finishWhenAnswered(this.#awaited - 1);
    else if (this.#schedule !== undefined) this.#pump(this.#schedule, now);
  }

  #onFailure(failure: Failure): void {
    this.failures.add(failure);
    if (this.#phase === 'ready' || this.#phase === 'done') return;
    this.#live--;
    if (this.#phase === 'draining') this.#finishWhenAnswered(this.#inFlight());
    else if (this.#live === 0) this.interrupt();
  }

  /** Sends what has become due, each message on the connection whose turn it is. */
  #pump(schedule: Schedule, now: number): void {
    while (schedule.timeOf(this.#next) <= now) {
      this.#connections[schedule.connectionOf(this.#next)]?.fill(now);
      this.#next++;
    }
  }

  #pumpOnTime(schedule: Schedule): void {
    const now = this.#clock.now();
    this.#pump(schedule, now);
    const delay = Math.max(schedule.timeOf(this.#next) - now, PUMP_INTERVAL);
    this.#setTimer('pump', delay, () => this.#pumpOnTime(schedule));
  }

  #tick(): void {
    const now = this.#clock.now();
    const { answerTimeout } = this.#settings;
    for (const connection of this.#connections) connection.checkSilence(now, answerTimeout);
    if (this.#phase === 'done') return;
    this.#tellProgress(now);
    this.#setTimer('tick', TICK, () => this.#tick());
  }

  #tellProgress(now: number): void {
    const { fromDue } = this.measurement;
    this.#onProgress({
      phase: this.#phase,
      now,
      elapsed: now - this.#phaseBegin,
      answers: this.#answers,
      p50: fromDue.percentile(50),
      p99: fromDue.percentile(99),
      inFlight: this.#inFlight(),
      failures: this.failures.count,
    });
  }

  #enter(phase: Phase, now: number): void {
    this.#phase = phase;
    this.#phaseBegin = now;
  }

  /** Among many sockets a timer is late: answers look at the time as well. */
  #endPhaseAfter(delay: number, task: () => void): void {
    this.#phaseEnd = this.#clock.now() + delay;
    this.#phaseTask = task;
    this.#setTimer('phase', delay, () => this.#endPhase());
  }

  #endPhase(): void {
    this.#phaseEnd = Infinity;
    this.#timers.get('phase')?.cancel();
    this.#phaseTask();
  }

  #setTimer(name: 'phase' | 'tick' | 'pump', delay: number, task: () => void): void {
    this.#timers.set(name, this.#clock.setTimer(delay, task));
  }
}
