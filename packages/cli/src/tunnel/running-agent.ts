/** An agent from its beginning to its end, through reloads. */
import {
  openTunnel,
  openWspAgent,
  type Onlooker,
  type Tunnel,
  type WspAgent,
} from '@framewire/tunnel';
import { describeError } from '../describe-error.ts';
import { sanitizeLine } from '../sanitize.ts';
import type { AgentPlan, NativePlan, WspPlan } from './agent-plan.ts';
import { AgentReporter } from './agent-reporter.ts';
import { requestOnlooker } from './agent-requests.ts';
import type { Log } from './log.ts';

/** Whoever serves at the moment. */
interface Serving {
  /** Fulfils when it has ended by itself, with the error if there was one. */
  readonly ended: Promise<Error | undefined>;
  close(timeout: number): Promise<void>;
}

export class RunningAgent {
  readonly #log: Log;
  /** Ends everything at once. */
  readonly #stop: AbortController = new AbortController();
  #plan: AgentPlan;
  #serving: Serving | undefined;
  #isClosing = false;
  #end!: (error: Error | undefined) => void;
  /** Fulfils when it has ended for good: with the error, unless it was asked to. */
  readonly ended: Promise<Error | undefined> = new Promise((resolve) => (this.#end = resolve));

  constructor(plan: AgentPlan, log: Log) {
    this.#plan = plan;
    this.#log = log;
  }

  /** Rejects when the relay says no; one that is down is tried again without end. */
  async start(): Promise<void> {
    this.#take(await this.#open(this.#plan));
  }

  /** The new one is there before the old one goes, unless the names are for one alone. */
  async reload(plan: AgentPlan): Promise<void> {
    const before = this.#serving;
    const isAlone = plan.kind === 'native' && plan.options.exclusive === true;
    if (isAlone) this.#serving = undefined;
    if (isAlone) await before?.close(this.#plan.drainTimeout);
    this.#take(await this.#open(plan));
    this.#plan = plan;
    if (!isAlone) await before?.close(plan.drainTimeout);
  }

  /** Waits for what is open, at most for the time of the plan. */
  async close(): Promise<void> {
    this.#isClosing = true;
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

  #take(serving: Serving): void {
    this.#serving = serving;
    void serving.ended.then((error) => {
      if (this.#serving === serving && !this.#isClosing) this.#end(error);
    });
  }

  #open(plan: AgentPlan): Promise<Serving> {
    return plan.kind === 'wsp' ? this.#openWsp(plan) : this.#openNative(plan);
  }

  async #openNative(plan: NativePlan): Promise<Serving> {
    const reporter = new AgentReporter(this.#log);
    const { relay, options, target } = plan;
    // There is a status before there is a tunnel.
    const held: { tunnel?: Tunnel } = {};
    const onTargetError: NonNullable<typeof options.onTargetError> = (error) =>
      reporter.targetDown(error, target);
    const onlooker = this.#onlookerOf(plan, onTargetError);
    const tunnel = await openTunnel(relay, {
      ...options,
      signal: this.#stop.signal,
      onStatus: (status, end) => reporter.status(status, end, held.tunnel),
      onTargetError,
      ...(onlooker !== undefined && { onlooker }),
    });
    held.tunnel = tunnel;
    reporter.online(tunnel);
    return { ended: tunnel.closed, close: (timeout) => tunnel.close(timeout) };
  }

  /**
   * Who looks at requests, which have to be read for that. An inspector is another one, whose
   * `onRequest` is called beside this one's.
   */
  #onlookerOf(
    { options, target, logsRequests, logsQuery }: NativePlan,
    onTargetError: NonNullable<NativePlan['options']['onTargetError']>,
  ): Onlooker | undefined {
    const isRead = logsRequests || options.rules !== undefined;
    if (!isRead || /^(?:tcp|tls):/iu.test(target)) return undefined;
    return requestOnlooker(logsRequests ? this.#log : undefined, { logsQuery, onTargetError });
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
