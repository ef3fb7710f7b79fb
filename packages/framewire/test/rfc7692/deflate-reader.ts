/** RFC 1951 — DEFLATE, read without zlib: what there is in it, and how far back it refers. */

export interface Block {
  readonly type: 'stored' | 'fixed' | 'dynamic';
  readonly final: boolean;
  /** Octets it inflates to. */
  readonly length: number;
}

export interface Deflated {
  /** What it inflates to. */
  readonly octets: Uint8Array;
  readonly blocks: readonly Block[];
  /** The largest distance of all matches; 0 without any. */
  readonly largestDistance: number;
  /** What follows a block with BFINAL. */
  readonly rest: Uint8Array;
}

/**
 * Reads blocks up to the end of the octets, or up to a block with BFINAL. Throws where the data is
 * none, breaks off, or refers to what is before its beginning.
 */
export function readDeflate(octets: Uint8Array): Deflated {
  return new DeflateReader(octets).read();
}

const TYPES = ['stored', 'fixed', 'dynamic'] as const;

const END_OF_BLOCK = 256;
const LONGEST_CODE = 15;

/** §3.2.5: the extra bits of the length codes from 257 on, and the shortest length of each. */
const LENGTH_BITS = [...repeated(0, 8), ...steps(1, 5, 4), 0];
const LENGTH_BASES = [...basesOf(LENGTH_BITS.slice(0, -1), 3), 258];
/** The extra bits of the distance codes, and the shortest distance of each. */
const DISTANCE_BITS = [...repeated(0, 4), ...steps(1, 13, 2)];
const DISTANCE_BASES = basesOf(DISTANCE_BITS, 1);

/** §3.2.7: the order in which the lengths of the code length codes come. */
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

class DeflateReader {
  readonly #octets: Uint8Array;
  readonly #output: number[] = [];
  #bit = 0;
  #largestDistance = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  read(): Deflated {
    const blocks: Block[] = [];
    const end = 8 * this.#octets.length;
    while (this.#bit < end) {
      const final = this.#bits(1) === 1;
      const type = TYPES[this.#bits(2)];
      if (type === undefined) throw new Error('a block of type 3');
      const before = this.#output.length;
      if (type === 'stored') this.#stored();
      else if (type === 'fixed') this.#compressed(FIXED_LITERALS, FIXED_DISTANCES);
      else this.#dynamic();
      blocks.push({ type, final, length: this.#output.length - before });
      if (final) break;
    }
    const octets = Uint8Array.from(this.#output);
    const rest = this.#octets.subarray(Math.ceil(this.#bit / 8));
    return { octets, blocks, largestDistance: this.#largestDistance, rest };
  }

  #bits(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++) value |= this.#nextBit() << index;
    return value;
  }

  #nextBit(): number {
    const octet = this.#octets[this.#bit >>> 3];
    if (octet === undefined) throw new Error('it breaks off');
    return (octet >>> (this.#bit++ & 7)) & 1;
  }

  #symbol({ counts, symbols }: Huffman): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= LONGEST_CODE; length++) {
      code |= this.#nextBit();
      const count = counts[length]!;
      if (code - first < count) return symbols[index + code - first]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new Error('a code that is none');
  }

  /** §3.2.4 */
  #stored(): void {
    this.#bit = 8 * Math.ceil(this.#bit / 8);
    const length = this.#bits(16);
    if ((this.#bits(16) ^ 0xffff) !== length) throw new Error('LEN and NLEN differ');
    for (let index = 0; index < length; index++) this.#output.push(this.#bits(8));
  }

  #dynamic(): void {
    const literals = this.#bits(5) + 257;
    const distances = this.#bits(5) + 1;
    if (literals > 286 || distances > 30) throw new Error('too many codes');
    const count = this.#bits(4) + 4;
    const codeLengths = repeated(0, 19);
    for (const symbol of CODE_LENGTH_ORDER.slice(0, count)) codeLengths[symbol] = this.#bits(3);
    const lengths = this.#codeLengths(huffman(codeLengths), literals + distances);
    if (lengths[END_OF_BLOCK] === 0) throw new Error('a block without an end');
    this.#compressed(huffman(lengths.slice(0, literals)), huffman(lengths.slice(literals)));
  }

  #codeLengths(code: Huffman, count: number): number[] {
    const lengths: number[] = [];
    while (lengths.length < count) {
      const symbol = this.#symbol(code);
      if (symbol < 16) lengths.push(symbol);
      else if (symbol === 17) lengths.push(...repeated(0, 3 + this.#bits(3)));
      else if (symbol === 18) lengths.push(...repeated(0, 11 + this.#bits(7)));
      else {
        const last = lengths.at(-1);
        if (last === undefined) throw new Error('nothing to repeat');
        lengths.push(...repeated(last, 3 + this.#bits(2)));
      }
    }
    if (lengths.length > count) throw new Error('too many lengths');
    return lengths;
  }

  #compressed(literals: Huffman, distances: Huffman): void {
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol === END_OF_BLOCK) return;
      if (symbol < END_OF_BLOCK) this.#output.push(symbol);
      else this.#match(symbol - END_OF_BLOCK - 1, distances);
    }
  }

  #match(lengthCode: number, distances: Huffman): void {
    const length = this.#value(lengthCode, LENGTH_BASES, LENGTH_BITS);
    const distance = this.#value(this.#symbol(distances), DISTANCE_BASES, DISTANCE_BITS);
    const output = this.#output;
    if (distance > output.length) throw new Error('a reference to before the beginning');
    this.#largestDistance = Math.max(this.#largestDistance, distance);
    for (let index = 0; index < length; index++) output.push(output[output.length - distance]!);
  }

  #value(code: number, bases: readonly number[], bits: readonly number[]): number {
    const base = bases[code];
    if (base === undefined) throw new Error('a length or distance that is none');
    return base + this.#bits(bits[code]!);
  }
}

/** §3.2.2: how many codes there are of each length, and their symbols in the order of the codes. */
interface Huffman {
  readonly counts: readonly number[];
  readonly symbols: readonly number[];
}

function huffman(lengths: readonly number[]): Huffman {
  const counts = repeated(0, LONGEST_CODE + 1);
  const symbols: number[] = [];
  for (let length = 1; length <= LONGEST_CODE; length++) {
    for (const [symbol, its] of lengths.entries()) {
      if (its !== length) continue;
      counts[length]!++;
      symbols.push(symbol);
    }
  }
  assertComplete(counts);
  return { counts, symbols };
}

/** Every sequence of bits has one meaning; except that there may be a single code, or none. */
function assertComplete(counts: readonly number[]): void {
  let left = 1;
  for (const count of counts) left = 2 * (left - count);
  const isTiny = counts.reduce((sum, count) => sum + count) === counts[1];
  if (left < 0 || (left > 0 && !isTiny)) throw new Error('a set of codes that is none');
}

/** §3.2.6 */
const FIXED_LITERALS = huffman([
  ...repeated(8, 144),
  ...repeated(9, 112),
  ...repeated(7, 24),
  ...repeated(8, 8),
]);
const FIXED_DISTANCES = huffman(repeated(5, 32));

function repeated(value: number, count: number): number[] {
  return Array.from({ length: count }, () => value);
}

/** Each number from `first` to `last`, `count` times. */
function steps(first: number, last: number, count: number): number[] {
  const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  return numbers.flatMap((number) => repeated(number, count));
}

/** What codes begin at that stand for 2 ** bits values each, one code after the other. */
function basesOf(bits: readonly number[], first: number): number[] {
  let next = first;
  return bits.map((count) => {
    const base = next;
    next += 2 ** count;
    return base;
  });
}
