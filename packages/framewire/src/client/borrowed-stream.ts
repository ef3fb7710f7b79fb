/**
 * A connected stream that is read as far as a dialogue goes, and then given back: what was read too
 * much is in the stream's own buffer again, where TLS or a `Transport` finds it.
 */
import { addAbortListener } from 'node:events';
import type { Duplex } from 'node:stream';
import type { HeadReader } from '../handshake/http1-head.ts';

export class BorrowedStream {
  readonly #duplex: Duplex;
  readonly #abort: Disposable;
  #failure: { readonly error: unknown } | undefined;
  #hasEnded: boolean;
  #wake: (() => void) | undefined;

  /** Nobody else reads the stream until `release`; `signal` ends every wait with its reason. */
  constructor(duplex: Duplex, signal: AbortSignal) {
    this.#duplex = duplex;
    this.#hasEnded = duplex.readableEnded;
    if (signal.aborted) this.#fail(signal.reason);
    else if (duplex.destroyed) this.#fail(duplex.errored ?? new Error('it is destroyed'));
    this.#abort = addAbortListener(signal, () => this.#fail(signal.reason));
    duplex
      .on('error', this.#onError)
      .on('end', this.#onEnd)
      .on('close', this.#onClose)
      .on('readable', this.#onReadable);
  }

  write(octets: Uint8Array): void {
    this.#duplex.write(octets);
  }

  /** The octets that have come, or the next ones that do; undefined at the end of the stream. */
  next(): Promise<Uint8Array | undefined> {
    return this.#take(() => this.#read());
  }

  /** So many octets, a few hundred at most. An earlier end is an error. */
  async readExactly(count: number): Promise<Uint8Array> {
    // At the end of the stream Node hands out what is left, however little.
    const octets = await this.#take(() => this.#read(count));
    if (octets?.length !== count) throw new Error('it ended early');
    return octets;
  }

  /** The octets of one HTTP head, to its blank line; rejects with what is wrong with it. */
  async readHead(reader: HeadReader): Promise<Uint8Array> {
    const head = await this.#take(() => this.#readHead(reader));
    if (head === undefined) throw new Error('it ended early');
    return head;
  }

  /** Gives the stream back: nothing listens to it any more. Calls that wait are forgotten. */
  release(): void {
    this.#abort[Symbol.dispose]();
    this.#duplex
      .off('error', this.#onError)
      .off('end', this.#onEnd)
      .off('close', this.#onClose)
      .off('readable', this.#onReadable);
  }

  /** What `attempt` makes of the octets that are there, tried again whenever there are more. */
  async #take(attempt: () => Uint8Array | undefined): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const result = attempt();
      if (result !== undefined || this.#hasEnded) return result;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #read(count?: number): Uint8Array | undefined {
    return (this.#duplex.read(count) as Uint8Array | null) ?? undefined;
  }

  #readHead(reader: HeadReader): Uint8Array | undefined {
    for (let chunk = this.#read(); chunk !== undefined; chunk = this.#read()) {
      const result = reader.push(chunk);
      if (result.kind === 'refusal') throw result.error;
      if (result.kind === 'head') {
        // In the call that took it out: one turn later the stream might have ended for good.
        if (result.rest.length > 0) this.#duplex.unshift(result.rest);
        return result.head;
      }
    }
    return undefined;
  }

  readonly #onReadable = (): void => {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#onReadable();
  };

  readonly #onError = (error: Error): void => this.#fail(error);

  readonly #onClose = (): void => {
    if (!this.#hasEnded) this.#fail(new Error('it closed early'));
  };

  /** The first failure counts. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#onReadable();
  }
}
