/**
 * RFC 6455 §5.3 — Client-to-Server Masking.
 *
 * A masking key is held as one 32-bit integer whose low octet applies to the next octet of payload:
 * no view of a buffer stays alive for four octets, and a key that was used in part is just rotated.
 */

/** From this many octets on, a view of whole words costs less than it saves. */
const WORDS_PAY_FROM = 128;

export function readMaskingKey(octets: Uint8Array, at: number): number {
  return octets[at]! | (octets[at + 1]! << 8) | (octets[at + 2]! << 16) | (octets[at + 3]! << 24);
}

export function writeMaskingKey(target: Uint8Array, at: number, key: number): void {
  target[at] = key;
  target[at + 1] = key >>> 8;
  target[at + 2] = key >>> 16;
  target[at + 3] = key >>> 24;
}

/** `applyMask`, or a native way to the same result. */
export type ApplyMask = typeof applyMask;

/**
 * XORs the octets from `start` to `end` with the key, in place: masks and unmasks alike.
 * Returns the key rotated for the octet that follows.
 */
export function applyMask(octets: Uint8Array, start: number, end: number, key: number): number {
  if (end - start < WORDS_PAY_FROM) return maskOctets(octets, start, end, key);
  const wordsFrom = start + (-(octets.byteOffset + start) & 3);
  const count = (end - wordsFrom) >>> 2;
  const words = new Int32Array(octets.buffer, octets.byteOffset + wordsFrom, count);
  const rotated = maskOctets(octets, start, wordsFrom, key);
  // Masking one word by octets tells the key in the byte order of this machine.
  const first = words[0]!;
  maskOctets(octets, wordsFrom, wordsFrom + 4, rotated);
  maskWords(words, first ^ words[0]!);
  return maskOctets(octets, wordsFrom + 4 * count, end, rotated);
}

/** Masks a copy of a few octets, at `at` in `target`. */
export function maskInto(target: Uint8Array, at: number, octets: Uint8Array, key: number): void {
  let rotated = key;
  for (let index = 0; index < octets.length; index++) {
    target[at + index] = octets[index]! ^ rotated;
    rotated = (rotated >>> 8) | (rotated << 24);
  }
}

function maskOctets(octets: Uint8Array, start: number, end: number, key: number): number {
  let at = start;
  for (; at + 4 <= end; at += 4) {
    octets[at]! ^= key;
    octets[at + 1]! ^= key >>> 8;
    octets[at + 2]! ^= key >>> 16;
    octets[at + 3]! ^= key >>> 24;
  }
  let rotated = key;
  for (; at < end; at++) {
    octets[at]! ^= rotated;
    rotated = (rotated >>> 8) | (rotated << 24);
  }
  return rotated;
}

/** XORs all words but the first with the key. */
function maskWords(words: Int32Array, key: number): void {
  const count = words.length;
  let at = 1;
  for (; at + 8 <= count; at += 8) {
    words[at]! ^= key;
    words[at + 1]! ^= key;
    words[at + 2]! ^= key;
    words[at + 3]! ^= key;
    words[at + 4]! ^= key;
    words[at + 5]! ^= key;
    words[at + 6]! ^= key;
    words[at + 7]! ^= key;
  }
  for (; at < count; at++) words[at]! ^= key;
}

/**
 * Strong randomness for masking keys (§10.3), such as `randomFillSync` of `node:crypto`, or
 * `(target) => crypto.getRandomValues(target)` elsewhere.
 */
export type FillRandom = (target: Uint8Array) => void;

/** Draws unpredictable keys, each used once, from a pool that is filled many keys at a time. */
export class MaskingKeys {
  readonly #pool: Uint8Array;
  readonly #fillRandom: FillRandom;
  #next: number;

  constructor(fillRandom: FillRandom, poolSize: number = 8 * 1024) {
    this.#pool = new Uint8Array(poolSize);
    this.#fillRandom = fillRandom;
    this.#next = poolSize;
  }

  next(): number {
    if (this.#next + 4 > this.#pool.length) {
      this.#fillRandom(this.#pool);
      this.#next = 0;
    }
    const key = readMaskingKey(this.#pool, this.#next);
    this.#next += 4;
    return key;
  }
}
