/** What the verification of passwords costs, bounded, and shared by all names of a relay. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from 'framewire';
import { Guesses, networkOf } from './guesses.ts';
import { verifyPassword, type PasswordHash } from './password.ts';

/** Verified credentials that are remembered; the oldest goes when there is one more. */
const MAX_REMEMBERED = 1_000;
/** Passwords verified at a time: each takes a thread of Node's four. */
const MAX_VERIFYING = 2;
/** Those that wait for it, in all and of one address. Whoever guesses must not keep others out. */
const MAX_WAITING = 64;
const MAX_WAITING_OF_ONE = 2;

export interface Credentials {
  readonly user: string;
  readonly password: string;
  readonly hash: PasswordHash;
  /** Of the caller. Where there is none, nothing is counted for it alone. */
  readonly address: string | undefined;
}

/** `busy`: too many are waiting. `limited`: the address has guessed too often. */
export type Verdict = 'right' | 'wrong' | 'busy' | 'limited';

export class PasswordVerifier {
  /** So that what is remembered is of no use to anybody else. */
  readonly #key = randomBytes(32);
  /** What was right, and the network it came from last. */
  readonly #remembered = new Map<string, string | undefined>();
  readonly #verifying = new Map<string, Promise<boolean>>();
  readonly #waiting: (() => void)[] = [];
  /** How many wait, of each network that has some. */
  readonly #waitingOf = new Map<string, number>();
  readonly #guesses: Guesses;
  #running = 0;

  /** `clock` counts the minute for which guesses are remembered. Default that of the system. */
  constructor(clock?: Clock) {
    this.#guesses = new Guesses(clock);
  }

  /** Seconds until the address may show another password; 0 if it may. */
  waitOf(address: string | undefined): number {
    return address === undefined ? 0 : this.#guesses.waitOf(networkOf(address));
  }

  /** At once for what is known from before. */
  verify(credentials: Credentials): Verdict | Promise<Verdict> {
    const { address } = credentials;
    const network = address === undefined ? undefined : networkOf(address);
    const mark = this.#markOf(credentials);
    const isKnown = this.#remembered.has(mark);
    if (network !== undefined && this.#guesses.waitOf(network) > 0) {
      // What others have shown must not be found out by guessing either.
      return isKnown && this.#remembered.get(mark) === network ? 'right' : 'limited';
    }
    if (isKnown) {
      this.#remembered.set(mark, network);
      return 'right';
    }
    if (network !== undefined && this.#guesses.has(network, mark)) return 'wrong';
    // Browsers ask several times at once.
    const verifying = this.#verifying.get(mark) ?? this.#begin(mark, credentials, network);
    return verifying?.then((isRight) => this.#judge(isRight, mark, network)) ?? 'busy';
  }

  #judge(isRight: boolean, mark: string, network: string | undefined): Verdict {
    if (isRight) this.#remember(mark, network);
    else if (network !== undefined) this.#guesses.add(network, mark);
    return isRight ? 'right' : 'wrong';
  }

  #markOf({ user, password, hash }: Credentials): string {
    // No user name has a colon; salt and key are those of one entry.
    return createHmac('sha256', this.#key)
      .update(hash.salt)
      .update(hash.key)
      .update(`${user}:${password}`)
      .digest('base64');
  }

  /** Undefined where there is no place to wait any more. */
  #begin(
    mark: string,
    credentials: Credentials,
    network: string | undefined,
  ): Promise<boolean> | undefined {
    const turn = this.#running < MAX_VERIFYING ? undefined : this.#queue(network);
    if (turn === 'full') return undefined;
    const verifying = this.#run(mark, credentials, turn);
    this.#verifying.set(mark, verifying);
    return verifying;
  }

  #queue(network: string | undefined): Promise<void> | 'full' {
    if (this.#waiting.length >= MAX_WAITING) return 'full';
    if (network === undefined) {
      return new Promise((resolve) => this.#waiting.push(resolve));
    }
    const others = this.#waitingOf.get(network) ?? 0;
    if (others >= MAX_WAITING_OF_ONE) return 'full';
    this.#waitingOf.set(network, others + 1);
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        const left = (this.#waitingOf.get(network) ?? 1) - 1;
        if (left === 0) this.#waitingOf.delete(network);
        else this.#waitingOf.set(network, left);
        resolve();
      });
    });
  }

  async #run(
    mark: string,
    { password, hash }: Credentials,
    turn: Promise<void> | undefined,
  ): Promise<boolean> {
    // A place that becomes free is handed on, so that nobody takes it in between.
    if (turn === undefined) this.#running++;
    else await turn;
    try {
      return await verifyPassword(password, hash);
    } finally {
      this.#verifying.delete(mark);
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #remember(mark: string, network: string | undefined): void {
    this.#remembered.set(mark, network);
    if (this.#remembered.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#remembered.keys()) {
      this.#remembered.delete(oldest);
      return;
    }
  }
}
