/**
 * RFC 6455 §8.1 — text is UTF-8, as RFC 3629 §4 defines it, judged octet by octet as it arrives: an
 * error shows at the first octet that cannot continue what came before, in whatever pieces.
 */

/** Tells whether octets are complete and valid UTF-8, such as `buffer.isUtf8` of Node. */
export type IsUtf8 = (octets: Uint8Array) => boolean;

/** From this many octets on, a native check is worth the call: of anything, and of what is not ASCII. */
const NATIVE_PAYS_FROM = 64;
const NATIVE_PAYS_BEYOND_ASCII = 16;

export class Utf8Validator {
  readonly #isUtf8: IsUtf8 | undefined;
  /** How many more octets the code point begun needs; between code points 0. */
  #missing = 0;
  /** The bounds of the next octet: narrower than 80–BF after E0, ED, F0 and F4. */
  #lower = 0x80;
  #upper = 0xbf;

  constructor(isUtf8?: IsUtf8) {
    this.#isUtf8 = isUtf8;
  }

  /** No code point is left unfinished: a message may end here. */
  get isComplete(): boolean {
    return this.#missing === 0;
  }

  /** Judges the octets that follow those of the last call; false at the first bad one. */
  accept(octets: Uint8Array, start: number, end: number): boolean {
    if (this.#isUtf8 === undefined || this.#missing > 0) {
      return this.#acceptEach(octets, start, end);
    }
    const at = end - start < NATIVE_PAYS_FROM ? skipAscii(octets, start, end) : start;
    if (end - at < NATIVE_PAYS_BEYOND_ASCII) return this.#acceptEach(octets, at, end);
    const cut = lastBoundary(octets, end);
    // Where the native check says no, the octets are gone through to keep one judge of what is bad.
    const from = this.#isUtf8(octets.subarray(at, cut)) ? cut : at;
    return this.#acceptEach(octets, from, end);
  }

  #acceptEach(octets: Uint8Array, start: number, end: number): boolean {
    let at = start;
    while (at < end) {
      if (this.#missing === 0) at = skipAscii(octets, at, end);
      if (at === end) return true;
      const octet = octets[at++]!;
      if (this.#missing === 0 ? !this.#lead(octet) : !this.#continue(octet)) return false;
    }
    return true;
  }

  #continue(octet: number): boolean {
    if (octet < this.#lower || octet > this.#upper) return false;
    this.#lower = 0x80;
    this.#upper = 0xbf;
    this.#missing--;
    return true;
  }

  /** RFC 3629 §4, the rows UTF8-2, UTF8-3 and UTF8-4; one octet alone was skipped before. */
  #lead(octet: number): boolean {
    if (octet < 0xc2 || octet > 0xf4) return false;
    this.#missing = octet < 0xe0 ? 1 : octet < 0xf0 ? 2 : 3;
    if (octet === 0xe0) this.#lower = 0xa0;
    else if (octet === 0xed) this.#upper = 0x9f;
    else if (octet === 0xf0) this.#lower = 0x90;
    else if (octet === 0xf4) this.#upper = 0x8f;
    return true;
  }
}

function skipAscii(octets: Uint8Array, start: number, end: number): number {
  let at = start;
  while (
    at + 4 <= end &&
    (octets[at]! | octets[at + 1]! | octets[at + 2]! | octets[at + 3]!) < 0x80
  ) {
    at += 4;
  }
  while (at < end && octets[at]! < 0x80) at++;
  return at;
}

/** Where the last code point before `end` begins, when it may be unfinished; `end` when it is not. */
function lastBoundary(octets: Uint8Array, end: number): number {
  for (let back = 1; back <= 3; back++) {
    const octet = octets[end - back]!;
    if (octet < 0x80) return end;
    if (octet >= 0xc0) return end - back;
  }
  return end;
}
