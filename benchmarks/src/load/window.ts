/** Keeps so much on its way for some time, and waits until nothing is any more. */
import { setTimeout } from 'node:timers/promises';
import type { Extent } from '../operations.ts';
import type { Failure } from './failure.ts';

export class Window {
  readonly #failure: Failure;
  #isOpen = false;
  #inFlight = 0;
  #onEmpty = (): void => {};

  constructor(failure: Failure) {
    this.#failure = failure;
  }

  /** `fill` begins; `arrived` goes on, for as long as it is asked to. */
  async keepFull(
    { milliseconds, messages }: Extent,
    arrivedSoFar: () => number,
    fill: () => void,
  ): Promise<void> {
    this.#isOpen = true;
    fill();
    do await this.#failure.during(setTimeout(milliseconds));
    while (arrivedSoFar() < messages);
    this.#isOpen = false;
    await this.empty();
  }

  /** So much more is on its way. */
  add(count: number): void {
    this.#inFlight += count;
  }

  /** So much has arrived. Whether as much has to follow, which is on its way then. */
  arrived(count: number): boolean {
    if (this.#isOpen) return true;
    this.#inFlight -= count;
    if (this.#inFlight === 0) this.#onEmpty();
    return false;
  }

  async empty(): Promise<void> {
    if (this.#inFlight === 0) return;
    await this.#failure.during(new Promise<void>((resolve) => (this.#onEmpty = resolve)));
  }

  /** Nothing is on its way: the connections are gone. */
  reset(): void {
    this.#isOpen = false;
    this.#inFlight = 0;
  }
}
