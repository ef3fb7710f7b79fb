/** The connections of a load: opened many at a time, all with the same offer. */
import type { Target } from '../operations.ts';
import type { Failure } from './failure.ts';
import { LoadConnection, type LoadOptions } from './load-connection.ts';

/** Connections that are opened at the same time. */
const OPENING_AT_ONCE = 100;

export class Connections {
  readonly #failure: Failure;
  all: LoadConnection[] = [];

  constructor(failure: Failure) {
    this.#failure = failure;
  }

  /** The extensions that the server agreed on. */
  async open(
    { port, raw, connections }: Target,
    optionsOf: (index: number) => Omit<LoadOptions, 'port' | 'raw' | 'onFailure'>,
  ): Promise<string> {
    const onFailure = (error: Error): void => this.#failure.report(error);
    const end = this.all.length + connections;
    while (this.all.length < end) {
      const first = this.all.length;
      const count = Math.min(OPENING_AT_ONCE, end - first);
      const fresh = Array.from({ length: count }, (_, index) => {
        return new LoadConnection({ port, raw, onFailure, ...optionsOf(first + index) });
      });
      this.all.push(...fresh);
      await this.#failure.during(Promise.all(fresh.map(({ opened }) => opened)));
    }
    const [extensions = '', ...others] = new Set(this.all.map((each) => each.extensions));
    if (others.length > 0) throw new Error('the server does not answer all alike');
    return extensions;
  }

  verified(): number {
    return this.all.reduce((sum, { verified }) => sum + verified, 0);
  }

  close(): void {
    for (const connection of this.all) connection.close();
    this.all = [];
  }
}
