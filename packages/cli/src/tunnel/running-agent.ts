/** An agent from its beginning to its end, through reloads. */
import { setTimeout } from 'node:timers/promises';
import {
  openTunnel,
  openWspAgent,
  TunnelError,
  type Onlooker,
  type Tunnel,
  type WspAgent,
} from '@framewire/tunnel';
import { describeError } from '../describe-error.ts';
import { sanitizeLine } from '../sanitize.ts';
import { isRaw, type AgentPlan, type NativePlan, type WspPlan } from './agent-plan.ts';
import { AgentReporter } from './agent-reporter.ts';
import { requestOnlooker } from './agent-requests.ts';
import { both } from './inspection.ts';
import type { Log } from './log.ts';

/** Milliseconds between attempts for names that are taken. */
const LONGEST_PAUSE = 5_000;

/** Whoever serves at the moment. */
interface Serving {
  /** Fulfils when it has ended by itself, with the error if there was one. */
  readonly ended: Promise<Error | undefined>;
  close(timeout: number): Promise<void>;
}

export class RunningAgent {
  readonly #log: Log;
  /** Of all that comes, through reloads too. */
  readonly #inspector: Onlooker | undefined;
  /** Ends everything at once. */
  readonly #stop: AbortController = new AbortController();
  #plan: AgentPlan;
  #serving: Serving | undefined;
  /** Of whoever is about to serve. */
  #opening: AbortController | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isClosing = false;
  #end!: (error: Error | undefined) => void;
  /** Fulfils when it has ended for good: with the error, unless it was asked to. */
  readonly ended: Promise<Error | undefined> = new Promise((resolve) => (this.#end = resolve));

  constructor(plan: AgentPlan, log: Log, inspector?: Onlooker) {
    this.#plan = plan;
    this.#log = log;
    this.#inspector = inspector;
  }

  /** Rejects when the relay says no; one that is down is tried again without end. */
  async start(): Promise<void> {
    await this.#inTurn(async (signal) => this.#take(await this.#open(this.#plan, signal)));
  }

  /**
   * The new one is there before the old one goes, unless the names are for one alone. Rejects when
   * the relay says no: then the old one goes on, or is opened again. False when a later one has taken
   * its place.
   */
  async reload(plan: AgentPlan): Promise<boolean> {
    try {
      return await this.#inTurn((signal) => this.#replace(plan, signal));
    } catch (error) {
      if (!this.isServing && !this.#isClosing) void this.#restore();
      throw error;
    }
  }

  /** Whether there is a tunnel, though its relay may be out of reach. */
  get isServing(): boolean {
    return this.#serving !== undefined;
  }

  /** Waits for what is open, at most for the time of the plan. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#opening?.abort();
    const { drainTimeout } = this.#plan;
    if (this.#serving === undefined) this.#stop.abort();
    await this.#serving?.close(drainTimeout);
    this.#end(undefined);
  }

  /** Does not wait. */
  abort(): void {
    this.#isClosing = true;
    this.#stop.abort();
    this.#end(undefined);
  }

  /** One after the other. What is still being opened is given up for the next: false. */
  async #inTurn(work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    this.#opening?.abort();
    const opening = new AbortController();
    this.#opening = opening;
    const signal = AbortSignal.any([this.#stop.signal, opening.signal]);
    const turn = this.#turn.then(() => work(signal));
    this.#turn = turn.catch(() => {});
    try {
      await turn;
      return true;
    } catch (error) {
      if (opening.signal.aborted) return false;
      throw error;
    } finally {
      // What is open is not ended by the next.
      if (this.#opening === opening) this.#opening = undefined;
    }
  }

  async #replace(plan: AgentPlan, signal: AbortSignal): Promise<void> {
    const before = this.#serving;
    const { drainTimeout } = this.#plan;
    const isAlone = isExclusive(plan) || isExclusive(this.#plan);
    if (isAlone) this.#serving = undefined;
    if (isAlone) await before?.close(drainTimeout);
    const opened = isAlone ? this.#openAlone(plan, signal) : this.#open(plan, signal);
    this.#take(await opened);
    this.#plan = plan;
    if (!isAlone) void before?.close(drainTimeout);
  }

  /** What was let in before is tried without end where its names are taken. */
  async #restore(): Promise<void> {
    try {
      await this.#inTurn(async (signal) =>
        this.#take(await this.#openAlone(this.#plan, signal, Infinity)),
      );
    } catch (error) {
      if (!this.#isClosing) this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Its names may be taken by itself, until the relay notices that its connections are gone. */
  async #openAlone(plan: AgentPlan, signal: AbortSignal, attempts: number = 4): Promise<Serving> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#open(plan, signal);
      } catch (error) {
        const isTaken = TunnelError.isInstance(error) && error.code === 'ERR_TUNNEL_NAME_TAKEN';
        if (!isTaken || attempt >= attempts) throw error;
        await setTimeout(Math.min(100 * 2 ** attempt, LONGEST_PAUSE), undefined, { signal });
      }
    }
  }

  #take(serving: Serving): void {
    this.#serving = serving;
    void serving.ended.then((error) => {
      if (this.#serving === serving && !this.#isClosing) this.#end(error);
    });
  }

  #open(plan: AgentPlan, signal: AbortSignal): Promise<Serving> {
    return plan.kind === 'wsp' ? this.#openWsp(plan) : this.#openNative(plan, signal);
  }

  async #openNative(plan: NativePlan, signal: AbortSignal): Promise<Serving> {
    const reporter = new AgentReporter(this.#log);
    const { relay, options, target } = plan;
    // There is a status before there is a tunnel.
    const held: { tunnel?: Tunnel } = {};
    const onTargetError: NonNullable<typeof options.onTargetError> = (error) =>
      reporter.targetDown(error, target);
    const onlooker = this.#onlookerOf(plan, onTargetError);
    const tunnel = await openTunnel(relay, {
      ...options,
      signal,
      onStatus: (status, end) => reporter.status(status, end, held.tunnel),
      onTargetError,
      ...(onlooker !== undefined && { onlooker }),
    });
    held.tunnel = tunnel;
    reporter.online(tunnel);
    return { ended: tunnel.closed, close: (timeout) => tunnel.close(timeout) };
  }

  /** Who looks at requests, which have to be read for that. */
  #onlookerOf(
    { options, target, logsRequests, logsQuery }: NativePlan,
    onTargetError: NonNullable<NativePlan['options']['onTargetError']>,
  ): Onlooker | undefined {
    const inspector = this.#inspector;
    const isRead = logsRequests || options.rules !== undefined || inspector !== undefined;
    if (!isRead || isRaw(target)) return undefined;
    const log = logsRequests ? this.#log : undefined;
    const onlooker = requestOnlooker(log, { logsQuery, onTargetError });
    return inspector === undefined ? onlooker : both(onlooker, inspector);
  }

  async #openWsp({ options, logsRequests }: WspPlan): Promise<Serving> {
    const reporter = new AgentReporter(this.#log);
    const log = this.#log;
    const agent: WspAgent = openWspAgent({
      ...options,
      onConnection: (event) => reporter.wspConnection(event),
      onRequest: ({ method, url, status, error, requestOctets, responseOctets, milliseconds }) => {
        if (!logsRequests) return;
        const destination = url.split('?', 1)[0] ?? '';
        const why = error === undefined ? '' : ` ${describeError(error)}`;
        const fields = { method, destination, status, requestOctets, answerOctets: responseOctets };
        const text = sanitizeLine(`${status ?? '---'} ${method} ${destination}${why}`);
        log.write({ event: 'request', fields: { ...fields, ms: milliseconds }, text });
      },
    });
    // It goes on until it is told otherwise.
    const ended = new Promise<undefined>(() => {});
    return { ended, close: (timeout) => agent.close({ timeout }) };
  }
}

function isExclusive(plan: AgentPlan): boolean {
  return plan.kind === 'native' && plan.options.exclusive === true;
}
