/** What is handed out one by one to whoever iterates, and forgotten when it is gone before that. */
export class ConnectionQueue<Item> {
  readonly #items = new Set<Item>();
  /** Those who wait, the first of them first. */
  readonly #waiting = new Set<Reader<Item>>();
  #hasEnded = false;

  push(item: Item): void {
    for (const reader of this.#waiting) {
      this.#waiting.delete(reader);
      reader({ value: item, done: false });
      return;
    }
    this.#items.add(item);
  }

  delete(item: Item): void {
    this.#items.delete(item);
  }

  end(): void {
    this.#hasEnded = true;
    this.#dismiss(this.#waiting);
  }

  iterate(): AsyncIterableIterator<Item> {
    const own = new Set<Reader<Item>>();
    let hasReturned = false;
    return {
      next: () => (hasReturned ? Promise.resolve(done()) : this.#next(own)),
      // Whoever has left takes nothing from those who come next.
      return: () => {
        hasReturned = true;
        this.#dismiss(own);
        return Promise.resolve(done());
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #next(own: Set<Reader<Item>>): Promise<IteratorResult<Item>> {
    for (const item of this.#items) {
      this.#items.delete(item);
      return Promise.resolve({ value: item, done: false });
    }
    if (this.#hasEnded) return Promise.resolve(done());
    return new Promise((resolve) => {
      const reader: Reader<Item> = (result) => {
        own.delete(reader);
        resolve(result);
      };
      own.add(reader);
      this.#waiting.add(reader);
    });
  }

  #dismiss(readers: Set<Reader<Item>>): void {
    for (const reader of readers) {
      this.#waiting.delete(reader);
      reader(done());
    }
  }
}

type Reader<Item> = (result: IteratorResult<Item>) => void;

function done(): IteratorReturnResult<undefined> {
  return { value: undefined, done: true };
}
