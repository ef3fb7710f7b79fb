/**
 * When messages are due in an open loop: evenly, in turns on all connections, whatever the server
 * does. A message that could not leave in time was due all the same, and its wait counts.
 */
export class Schedule {
  readonly #period: number;
  readonly #connections: number;
  readonly #start: number;

  /** `rate` is messages a second on all connections together; the first is due at `start`. */
  constructor(rate: number, connections: number, start: number) {
    this.#period = 1000 / rate;
    this.#connections = connections;
    this.#start = start;
  }

  /** When the message of that number, counted over all connections, is due. */
  timeOf(message: number): number {
    return this.#start + message * this.#period;
  }

  connectionOf(message: number): number {
    return message % this.#connections;
  }

  /** When a connection's own message of that number is due. */
  dueAt(connection: number, index: number): number {
    return this.timeOf(index * this.#connections + connection);
  }

  /** How many messages of a connection are due until that time, this included. */
  countUntil(connection: number, time: number): number {
    const turns = (this.#numberAt(time) - connection) / this.#connections;
    return Math.max(Math.floor(turns) + 1, 0);
  }

  /** How many were due before that time. */
  countBefore(connection: number, time: number): number {
    const turns = (this.#numberAt(time) - connection) / this.#connections;
    return Math.max(Math.ceil(turns), 0);
  }

  /** How many messages of all connections are due from one time until another. */
  countBetween(from: number, until: number): number {
    const before = Math.max(Math.ceil(this.#numberAt(from)), 0);
    return Math.max(Math.floor(this.#numberAt(until)) + 1 - before, 0);
  }

  #numberAt(time: number): number {
    return (time - this.#start) / this.#period;
  }
}
