/** Ctrl-C, once and again: the first asks for an orderly end, the second does not ask. */

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export class Interruption implements Disposable {
  readonly #first: AbortController = new AbortController();
  readonly #second: AbortController = new AbortController();
  /** The same function for every signal, so that it can be taken off again. */
  readonly trigger: () => void = () => {
    if (this.#first.signal.aborted) this.#second.abort();
    else this.#first.abort();
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.trigger);
  }

  /** Aborts when the first signal comes. */
  get asked(): AbortSignal {
    return this.#first.signal;
  }

  /** Aborts when another one comes. */
  get forced(): AbortSignal {
    return this.#second.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.trigger);
  }
}
