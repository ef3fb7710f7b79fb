/** What goes wrong on one connection ends the wait for all of them. */
export class Failure {
  #onFailure = (_error: Error): void => {};
  #promise: Promise<never> = this.#next();

  report(error: Error): void {
    this.#onFailure(error);
  }

  /** What the promise becomes, unless a connection fails before. */
  during<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#promise]);
  }

  /** Forgets what failed: other connections follow. */
  reset(): void {
    this.#promise = this.#next();
  }

  #next(): Promise<never> {
    const failure = new Promise<never>((_, reject) => (this.#onFailure = reject));
    // It matters to whoever waits for something else meanwhile.
    failure.catch(() => {});
    return failure;
  }
}
