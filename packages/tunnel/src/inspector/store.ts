/** The exchanges that are kept: the newest, as many as there may be and as there is room for. */
import type { Exchange } from './exchange.ts';

export interface StoreLimits {
  readonly maxExchanges: number;
  readonly maxOctets: number;
}

export interface StoreListener {
  onChanged(exchange: Exchange): void;
  onRemoved(id: number): void;
}

export class ExchangeStore {
  readonly #limits: StoreLimits;
  readonly #listener: StoreListener;
  /** Oldest first. */
  readonly #exchanges = new Map<number, Exchange>();
  #octets = 0;

  constructor(limits: StoreLimits, listener: StoreListener) {
    this.#limits = limits;
    this.#listener = listener;
  }

  get octets(): number {
    return this.#octets;
  }

  get(id: number): Exchange | undefined {
    return this.#exchanges.get(id);
  }

  /** Oldest first. */
  all(): Exchange[] {
    return [...this.#exchanges.values()];
  }

  add(exchange: Exchange): void {
    this.#exchanges.set(exchange.id, exchange);
    this.#octets += exchange.weight;
    this.#listener.onChanged(exchange);
    this.#makeRoom();
  }

  has(exchange: Exchange): boolean {
    return this.#exchanges.has(exchange.id);
  }

  /** An exchange that is still kept has become this much heavier. */
  changed(exchange: Exchange, octets: number): void {
    if (!this.has(exchange)) return;
    exchange.weight += octets;
    this.#octets += octets;
    this.#listener.onChanged(exchange);
    this.#makeRoom();
  }

  clear(): void {
    for (const exchange of this.all()) this.#remove(exchange);
  }

  /** The newest stays, whatever its size: what it may keep is bounded by itself. */
  #makeRoom(): void {
    const { maxExchanges, maxOctets } = this.#limits;
    for (const exchange of this.#exchanges.values()) {
      const { size } = this.#exchanges;
      if (size <= 1 || (size <= maxExchanges && this.#octets <= maxOctets)) return;
      this.#remove(exchange);
    }
  }

  #remove(exchange: Exchange): void {
    this.#exchanges.delete(exchange.id);
    this.#octets -= exchange.weight;
    exchange.release();
    this.#listener.onRemoved(exchange.id);
  }
}
