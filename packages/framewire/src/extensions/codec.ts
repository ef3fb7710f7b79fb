/** RFC 7692 §7.2 — what the two ways of using zlib have in common. */
/** What a state that compresses is made with. */
export interface DeflaterParameters {
  readonly windowBits: number;
  readonly level: number;
  readonly memoryLevel: number;
}

export interface Deflater {
  /**
   * Compresses octets up to an octet boundary, as §7.2.1 wants it but with the last four octets,
   * `EMPTY_BLOCK_LENGTHS`. The result is lent until the next call. One call at a time.
   */
  deflate(octets: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Forgets the messages so far. */
  reset(): void;
  close(): void;
}

/** §7.2.1: the end of an empty block without compression, which a message leaves out. */
export const EMPTY_BLOCK_LENGTHS: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

/** What completes a message, and how many octets of it may be left unread where it did. */
export interface Tail {
  readonly octets: Uint8Array;
  readonly unreadAtEnd: readonly number[];
}

/** A block without anything in it that says that more follow. */
const EMPTY_BLOCK: Uint8Array = Uint8Array.of(0x00, ...EMPTY_BLOCK_LENGTHS);

/**
 * Where the state goes on with the next message, empty blocks bring a message to light that broke off
 * in the middle, but for 1 in 400. All are left where a block with BFINAL was the message's last
 * (§7.2.3.4), and all but the first octets where it was an empty one.
 */
const OPEN_TAIL: Tail = {
  octets: Uint8Array.from(
    [EMPTY_BLOCK_LENGTHS, ...Array<Uint8Array>(16).fill(EMPTY_BLOCK)].flatMap((octets) => [
      ...octets,
    ]),
  ),
  unreadAtEnd: [0, 80, 84],
};

/**
 * Where the state is of no use after the message, a last block (with BFINAL) and an octet behind it
 * show whether the message broke off in the middle: then they are taken for a part of it. They are
 * left where the message's own, empty block was the last one already.
 */
const CLOSED_TAIL: Tail = {
  octets: Uint8Array.of(...EMPTY_BLOCK_LENGTHS, 0x01, ...EMPTY_BLOCK_LENGTHS, 0x00),
  unreadAtEnd: [1, 6, 10],
};

export function tailFor(takesContextOver: boolean): Tail {
  return takesContextOver ? OPEN_TAIL : CLOSED_TAIL;
}

/**
 * Octets that are inflated at a time. zlib notices a reference beyond the window only where it leads
 * out of what is inflated in one go, so that a small window needs small pieces: a distance of twice
 * the window is always refused, one between depends on where a piece ends. The largest window is all
 * that a reference can express.
 */
export function pieceSize(windowBits: number): number {
  return windowBits === 15 ? 64 * 1024 : 2 ** windowBits;
}
