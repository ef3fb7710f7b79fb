/** What the messages say: different ones, the same in every run. */
import type { Kind } from '../operations.ts';

const encoder = new TextEncoder();

/** Marsaglia's xorshift: what is drawn has to be quick and repeatable, nothing else. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** An integer from 0 to `bound` - 1. */
  below(bound: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % bound;
  }

  oneOf<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

const WORDS = (
  'account amount arrived balance cancelled carrier customer delivery deposit discount east ' +
  'estimate express failed gross harbour hour invoice item late market north notice offer order ' +
  'paid parcel partial pending price quantity refund region route shipped south stock supplier ' +
  'terminal total transfer unit vessel voucher warehouse weight west'
).split(' ');

const CURRENCIES = ['CHF', 'EUR', 'GBP', 'JPY', 'USD'];

/** The octets of one message of `size`, well-formed UTF-8 if it is text. */
export function content(kind: Kind, size: number, seed: number): Uint8Array {
  // Neighbouring seeds draw alike at first.
  const random = new Random(Math.imul(seed + 1, 0x9e3779b1));
  switch (kind) {
    case 'binary':
      return Uint8Array.from({ length: size }, () => random.below(256));
    case 'ascii':
      return encoder.encode(prose(random, size));
    case 'chinese':
      return encoder.encode(chinese(random, size));
    case 'json':
      return encoder.encode(json(random, size));
  }
}

function prose(random: Random, length: number): string {
  let text = '';
  while (text.length < length) text += `${random.oneOf(WORDS)} `;
  return text.slice(0, length);
}

/** Sentences of the common ideographs, three octets each; ASCII fills what is left. */
function chinese(random: Random, size: number): string {
  const first = 0x4e00;
  const count = 0x9fa5 - first;
  const characters = Math.floor(size / 3);
  let text = '';
  for (let index = 0; index < characters; index++) {
    text += random.below(12) === 0 ? '，' : String.fromCharCode(first + random.below(count));
  }
  return text + '.'.repeat(size % 3);
}

/** An object as a service sends it: names repeat, values do not. The last value fills it up. */
function json(random: Random, size: number): string {
  const head = `{"id":${random.below(1e9)},"type":"${random.oneOf(WORDS)}","items":[`;
  const items: string[] = [];
  const tail = (note: string): string => `],"note":"${note}"}`;
  let length = head.length + tail('').length;
  if (length > size) throw new RangeError(`${size} octets are too few for JSON`);
  for (;;) {
    const next = item(random);
    if (length + next.length + 1 > size) break;
    items.push(next);
    length += next.length + (items.length > 1 ? 1 : 0);
  }
  return head + items.join(',') + tail(prose(random, size - length));
}

function item(random: Random): string {
  return JSON.stringify({
    sku: random.below(1e6).toString(36),
    name: `${random.oneOf(WORDS)} ${random.oneOf(WORDS)}`,
    quantity: random.below(100),
    price: random.below(100_000) / 100,
    currency: random.oneOf(CURRENCIES),
    at: new Date(1_700_000_000_000 + random.below(1e9)).toISOString(),
    inStock: random.below(2) === 1,
  });
}
