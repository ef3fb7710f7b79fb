/** What is handed out one by one to whoever iterates, and forgotten when it is gone before that. */
export class ConnectionQueue<Item> {
  readonly #items = new Set<Item>();
  #waiting: ((result: IteratorResult<Item>) => void)[] = [];
  #hasEnded = false;

  push(item: Item): void {
    const reader = this.#waiting.shift();
    if (reader === undefined) this.#items.add(item);
    else reader({ value: item, done: false });
  }

  delete(item: Item): void {
    this.#items.delete(item);
  }

  end(): void {
    this.#hasEnded = true;
    for (const reader of this.#waiting.splice(0)) reader({ value: undefined, done: true });
  }

  iterate(): AsyncIterableIterator<Item> {
    return {
      next: () => this.#next(),
      return: () => Promise.resolve({ value: undefined, done: true }),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #next(): Promise<IteratorResult<Item>> {
    for (const item of this.#items) {
      this.#items.delete(item);
      return Promise.resolve({ value: item, done: false });
    }
    if (this.#hasEnded) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
