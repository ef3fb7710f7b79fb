/** What is sent, and whether what comes back is the same. */
import type { Message } from 'framewire';
import { countOctets } from '../hex.ts';

/** Octets of all payloads together, beyond which there are only two. */
const POOL = 1024 * 1024;
const MOST_PAYLOADS = 64;

/** The first answers of a connection are compared octet by octet, later ones now and then. */
const COMPARED_AT_FIRST = 4;
const COMPARED_EVERY = 61;

export type PayloadType = 'text' | 'binary';

/** Different payloads of one size, so that an answer to another message is noticed. */
export class Payloads {
  readonly size: number;
  readonly #payloads: readonly Message[];

  constructor(type: PayloadType, size: number) {
    this.size = size;
    const count = Math.min(Math.max(Math.floor(POOL / size), 2), MOST_PAYLOADS);
    this.#payloads = Array.from({ length: count }, (_, seed) => {
      const random = new Random(seed);
      return type === 'text' ? textOf(random, size) : octetsOf(random, size);
    });
  }

  /** The payload of a message: a connection goes through all of them, each begins with another. */
  of(connection: number, index: number): Message {
    return this.#payloads[(connection + index) % this.#payloads.length]!;
  }

  /** What is wrong with the answer to that message. */
  mistakeIn(answer: Message, connection: number, index: number): string | undefined {
    const payload = this.of(connection, index);
    if (typeof answer !== typeof payload) {
      return `${kindOf(payload)} was answered with ${kindOf(answer)}`;
    }
    // Texts are of ASCII only, so that a unit is an octet.
    if (answer.length !== payload.length) {
      return `${countOctets(this.size)} were answered with ${countOctets(octetsIn(answer))}`;
    }
    const isCompared = index < COMPARED_AT_FIRST || index % COMPARED_EVERY === 0;
    return isCompared && !isSame(answer, payload) ? 'an answer had another content' : undefined;
  }
}

function kindOf(message: Message): PayloadType {
  return typeof message === 'string' ? 'text' : 'binary';
}

function octetsIn(message: Message): number {
  return typeof message === 'string' ? Buffer.byteLength(message) : message.length;
}

function isSame(answer: Message, payload: Message): boolean {
  if (typeof answer === 'string' || typeof payload === 'string') return answer === payload;
  return Buffer.compare(answer, payload) === 0;
}

/** Marsaglia's xorshift: quick, and the same in every run. */
class Random {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds would draw alike at first.
    this.#state = Math.imul(seed + 1, 0x9e37_79b1);
  }

  below(bound: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % bound;
  }
}

const WORDS = (
  'about after again air along bird boat bread bridge bright brook calm candle carry chair cloud ' +
  'coast dawn deep distant door early evening field fire follow forest garden gentle grass hand ' +
  'harvest hill hour house island journey lake lantern leaf letter light meadow morning mountain ' +
  'never night ocean open orchard paper path quiet rain river road roof season shadow shore silver ' +
  'slow snow song spring stone summer table thunder tide tree valley village wait walk warm water ' +
  'wheel wind window winter wood yellow'
).split(' ');

/** Words and numbers, which compress as prose does. */
function textOf(random: Random, size: number): string {
  const parts: string[] = [];
  let length = 0;
  while (length < size) {
    const word = WORDS[random.below(WORDS.length)] ?? '';
    const part = random.below(8) === 0 ? `${random.below(10_000)} ` : `${word} `;
    parts.push(part);
    length += part.length;
  }
  return parts.join('').slice(0, size);
}

/** Octets that do not compress. */
function octetsOf(random: Random, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, () => random.below(256));
}
