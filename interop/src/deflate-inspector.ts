/**
 * RFC 1951 — inflates what one side sends, slowly and by itself, to see what zlib does not tell: how
 * far the references of a message go back, and whether any goes back into earlier messages.
 */

/** What was found in one compressed message. */
export interface Inspected {
  readonly octets: Uint8Array;
  /** Of all references, how far the longest goes back; 0 without any. */
  readonly longestDistance: number;
  /** A reference begins before the message does (RFC 7692 §7.1.1). */
  readonly usesContext: boolean;
}

/** What a reference can express. */
const LARGEST_WINDOW = 32 * 1024;

/** RFC 7692 §7.2.2: what the sender has left out. */
const TAIL = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

/** RFC 1951 §3.2.7: the order of the code lengths of the code lengths. */
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** §3.2.5: extra bits of the symbols 257 to 284 for lengths, and of those for distances. */
const LENGTH_EXTRA = Array.from({ length: 28 }, (_, index) => Math.max(0, (index >> 2) - 1));
const DISTANCE_EXTRA = Array.from({ length: 30 }, (_, index) => Math.max(0, (index >> 1) - 1));
const LENGTH_BASE = [...basesOf(LENGTH_EXTRA, 3), 258];
const DISTANCE_BASE = basesOf(DISTANCE_EXTRA, 1);

function basesOf(extraBits: readonly number[], first: number): number[] {
  let base = first;
  return extraBits.map((bits) => (base += 2 ** bits) - 2 ** bits);
}

/** A canonical Huffman code (§3.2.2): how many codes each length has, and their symbols in order. */
interface Code {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

const MOST_CODE_BITS = 15;

function codeOf(lengths: readonly number[]): Code {
  const counts = new Uint16Array(MOST_CODE_BITS + 1);
  for (const length of lengths) if (length > 0) counts[length]! += 1;
  const symbols = lengths.map((length, symbol) => ({ length, symbol }));
  const used = symbols.filter(({ length }) => length > 0).sort((a, b) => a.length - b.length);
  return { counts, symbols: Uint16Array.from(used, ({ symbol }) => symbol) };
}

/** §3.2.6. */
const FIXED_LENGTHS = codeOf(
  Array.from({ length: 288 }, (_, symbol) => {
    if (symbol < 144 || symbol >= 280) return 8;
    return symbol < 256 ? 9 : 7;
  }),
);
const FIXED_DISTANCES = codeOf(Array.from({ length: 30 }, () => 5));

class BitReader {
  readonly #octets: Uint8Array;
  #at = 0;
  #bits = 0;
  #count = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** All octets have been read; the rest of the last one need not. */
  get isAtEnd(): boolean {
    return this.#at === this.#octets.length;
  }

  read(count: number): number {
    while (this.#count < count) {
      this.#bits |= this.#octet() << this.#count;
      this.#count += 8;
    }
    const value = this.#bits & (2 ** count - 1);
    this.#bits >>>= count;
    this.#count -= count;
    return value;
  }

  symbol({ counts, symbols }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= MOST_CODE_BITS; length++) {
      code |= this.read(1);
      const count = counts[length]!;
      if (code - count < first) return symbols[index + code - first]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new Error('no such code');
  }

  /** The octets after the one that was begun. */
  take(length: number): Uint8Array {
    this.skipToOctet();
    if (this.#at + length > this.#octets.length) throw new Error('the message breaks off');
    this.#at += length;
    return this.#octets.subarray(this.#at - length, this.#at);
  }

  skipToOctet(): void {
    this.#bits = 0;
    this.#count = 0;
  }

  #octet(): number {
    const octet = this.#octets[this.#at++];
    if (octet === undefined) throw new Error('the message breaks off');
    return octet;
  }
}

/** Of what one side sends, message by message. */
export class DeflateInspector {
  #output: Uint8Array = new Uint8Array(2 * LARGEST_WINDOW);
  #length = 0;
  /** Where the message begins in the output. */
  #start = 0;
  #longestDistance = 0;
  #usesContext = false;

  /** Throws for what is no compressed message. */
  inspect(payload: Uint8Array): Inspected {
    this.#begin();
    // Some send an empty message of a context as no octet at all, where the tail is no block.
    if (payload.length > 0) this.#readBlocks(new BitReader(Buffer.concat([payload, TAIL])));
    return {
      octets: this.#output.slice(this.#start, this.#length),
      longestDistance: this.#longestDistance,
      usesContext: this.#usesContext,
    };
  }

  /** Keeps as much of the earlier messages as can be referred to. */
  #begin(): void {
    const kept = Math.min(this.#length, LARGEST_WINDOW);
    this.#output.copyWithin(0, this.#length - kept, this.#length);
    this.#length = kept;
    this.#start = kept;
    this.#longestDistance = 0;
    this.#usesContext = false;
  }

  #readBlocks(reader: BitReader): void {
    while (!reader.isAtEnd) {
      if (reader.read(1) === 1) throw new Error('a last block, which no peer of ours has sent yet');
      const type = reader.read(2);
      if (type === 0) this.#readStored(reader);
      else if (type === 1) this.#readCompressed(reader, FIXED_LENGTHS, FIXED_DISTANCES);
      else if (type === 2) this.#readDynamic(reader);
      else throw new Error('no such type of block');
    }
  }

  #readStored(reader: BitReader): void {
    const [low = 0, high = 0, notLow = 0, notHigh = 0] = reader.take(4);
    if ((low ^ notLow) !== 0xff || (high ^ notHigh) !== 0xff) throw new Error('a bad length');
    const octets = reader.take(low + 256 * high);
    this.#reserve(octets.length);
    this.#output.set(octets, this.#length);
    this.#length += octets.length;
  }

  /** §3.2.7. */
  #readDynamic(reader: BitReader): void {
    const literalCount = reader.read(5) + 257;
    const distanceCount = reader.read(5) + 1;
    const lengthCount = reader.read(4) + 4;
    const lengthLengths = LENGTH_ORDER.map(() => 0);
    for (const symbol of LENGTH_ORDER.slice(0, lengthCount)) lengthLengths[symbol] = reader.read(3);
    const lengthCode = codeOf(lengthLengths);
    const lengths: number[] = [];
    while (lengths.length < literalCount + distanceCount) {
      const symbol = reader.symbol(lengthCode);
      if (symbol < 16) lengths.push(symbol);
      else if (symbol === 16) repeat(lengths, lengths.at(-1) ?? 0, 3 + reader.read(2));
      else if (symbol === 17) repeat(lengths, 0, 3 + reader.read(3));
      else repeat(lengths, 0, 11 + reader.read(7));
    }
    const literals = codeOf(lengths.slice(0, literalCount));
    this.#readCompressed(reader, literals, codeOf(lengths.slice(literalCount)));
  }

  #readCompressed(reader: BitReader, literals: Code, distances: Code): void {
    for (;;) {
      const symbol = reader.symbol(literals);
      if (symbol === 256) return;
      if (symbol < 256) {
        this.#reserve(1);
        this.#output[this.#length++] = symbol;
        continue;
      }
      const length = LENGTH_BASE[symbol - 257]! + reader.read(LENGTH_EXTRA[symbol - 257] ?? 0);
      const code = reader.symbol(distances);
      this.#copy(length, DISTANCE_BASE[code]! + reader.read(DISTANCE_EXTRA[code]!));
    }
  }

  #copy(length: number, distance: number): void {
    if (distance > this.#length) throw new Error('a reference to before the first message');
    if (this.#length - distance < this.#start) this.#usesContext = true;
    this.#longestDistance = Math.max(this.#longestDistance, distance);
    this.#reserve(length);
    for (let index = 0; index < length; index++) {
      this.#output[this.#length] = this.#output[this.#length - distance]!;
      this.#length++;
    }
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#output.length) return;
    const larger = new Uint8Array(2 * (this.#length + length));
    larger.set(this.#output);
    this.#output = larger;
  }
}

function repeat(lengths: number[], value: number, count: number): void {
  for (let index = 0; index < count; index++) lengths.push(value);
}
