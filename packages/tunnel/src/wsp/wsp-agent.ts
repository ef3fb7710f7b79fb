/** The private side of wsp: dials out to relays, and executes what they ask for. */
import { resolveAgentOptions, type AgentSettings, type WspAgentOptions } from './agent-options.ts';
import { AgentPool, type WspAgentPoolStatus } from './agent-pool.ts';

/** Opens an agent, which goes on until it is closed. Throws a `TypeError` for a bad option. */
export function openWspAgent(options: WspAgentOptions): WspAgent {
  return new WspAgent(resolveAgentOptions(options));
}

export class WspAgent {
  /** By which relays know it. */
  readonly id: string;
  readonly #settings: AgentSettings;
  readonly #pools: readonly AgentPool[];
  #closing: Promise<void> | undefined;
  #onChange: (() => void) | undefined;

  /** @internal */
  constructor(settings: AgentSettings) {
    this.id = settings.id;
    this.#settings = settings;
    this.#pools = settings.targets.map(
      (target) => new AgentPool(target, settings, () => this.#onChange?.()),
    );
    for (const pool of this.#pools) pool.fill();
  }

  /** The connections to each relay, as they are at the moment. */
  get pools(): readonly WspAgentPoolStatus[] {
    return this.#pools.map(({ status }) => status);
  }

  /**
   * Idle connections close, and requests that run have `timeout` milliseconds to end (default
   * 10 000); then they are cut off. Resolves when all are gone.
   */
  close(options: { readonly timeout?: number | undefined } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeout ?? 10_000);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(timeout: number): Promise<void> {
    for (const pool of this.#pools) pool.close();
    const timer = this.#settings.clock.setTimer(timeout, () => {
      for (const pool of this.#pools) pool.abort();
    });
    while (!this.#pools.every(({ isGone }) => isGone)) {
      await new Promise<void>((resolve) => (this.#onChange = resolve));
    }
    timer.cancel();
    const { http, https } = this.#settings.keepAlive;
    http.destroy();
    https.destroy();
  }
}
