/** How long a scenario waits for anything, in milliseconds. */
export const PATIENCE: number = 5000;

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** What has happened and was not yet asked for, or who asks for what has not yet happened. */
export class EventQueue<T> {
  readonly #subject: string;
  readonly #values: T[] = [];
  readonly #waiters: Waiter<T>[] = [];
  #listener: ((value: T) => void) | undefined;
  #ended = false;

  constructor(subject: string) {
    this.#subject = subject;
  }

  push(value: T): void {
    if (this.#listener !== undefined) return this.#listener(value);
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#values.push(value);
    if (waiter !== undefined) waiter.resolve(value);
  }

  /** Hands over what has happened and whatever will, at once, instead of keeping it. */
  forward(listener: (value: T) => void): void {
    this.#listener = listener;
    for (const value of this.#values.splice(0)) listener(value);
  }

  /** Nothing more will come; those who still wait are told. */
  end(): void {
    this.#ended = true;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#over());
  }

  /** The next value; rejects when nothing more can come or when it takes longer than `PATIENCE`. */
  async next(): Promise<T> {
    const value = this.#values.shift();
    if (value !== undefined) return value;
    if (this.#ended) throw this.#over();
    const waiting = new Promise<T>((resolve, reject) => this.#waiters.push({ resolve, reject }));
    return patiently(this.#subject, waiting);
  }

  async take(count: number): Promise<T[]> {
    const values: T[] = [];
    while (values.length < count) values.push(await this.next());
    return values;
  }

  #over(): Error {
    return new Error(`no ${this.#subject}: the connection is closed`);
  }
}

/** Settles as the promise does, but rejects when that takes too long. */
export async function patiently<T>(
  subject: string,
  promise: Promise<T>,
  milliseconds: number = PATIENCE,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const impatience = new Promise<never>((_resolve, reject) => {
    const giveUp = (): void => reject(new Error(`no ${subject} in ${milliseconds} ms`));
    timer = setTimeout(giveUp, milliseconds);
  });
  try {
    return await Promise.race([promise, impatience]);
  } finally {
    clearTimeout(timer);
  }
}
