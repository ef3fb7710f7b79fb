/** Who has shown passwords that were wrong, so that nobody can go on guessing. */
import { isIPv6 } from 'node:net';
import { type Clock, systemClock } from 'framewire';

/** Different wrong passwords of an address within so many milliseconds; then it has to wait. */
const MAX_WRONG = 10;
const WINDOW = 60_000;
/** Addresses that are remembered; the one that began longest ago goes when there is one more. */
const MAX_ADDRESSES = 4_096;

interface Entry {
  /** Milliseconds of the clock. */
  readonly since: number;
  /** What was wrong. A browser that shows it again and again is not guessing. */
  readonly marks: Set<string>;
}

export class Guesses {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /** Seconds until the network may guess again; 0 if it may. */
  waitOf(network: string): number {
    const entry = this.#find(network);
    if (entry === undefined || entry.marks.size < MAX_WRONG) return 0;
    return Math.max(1, Math.ceil((entry.since + WINDOW - this.#clock.now()) / 1_000));
  }

  /** Whether it has shown this, and it was wrong. */
  has(network: string, mark: string): boolean {
    return this.#find(network)?.marks.has(mark) === true;
  }

  add(network: string, mark: string): void {
    const entry = this.#find(network);
    if (entry !== undefined) {
      if (entry.marks.size < MAX_WRONG) entry.marks.add(mark);
      return;
    }
    this.#entries.set(network, { since: this.#clock.now(), marks: new Set([mark]) });
    if (this.#entries.size <= MAX_ADDRESSES) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  #find(network: string): Entry | undefined {
    const entry = this.#entries.get(network);
    if (entry === undefined || this.#clock.now() - entry.since < WINDOW) return entry;
    this.#entries.delete(network);
    return undefined;
  }
}

/** The address, or the first 64 bits of one of IPv6: whoever has one of these has all of them. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [front, back] = address.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const head = front ?? [];
  const tail = back ?? [];
  // The last part may be in the notation of IPv4, which is two groups.
  const written = head.length + tail.length + (address.includes('.') ? 1 : 0);
  const zeros = Array.from({ length: 8 - written }, () => '0');
  const groups = [...head, ...zeros, ...tail].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
