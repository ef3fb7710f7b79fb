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

/** All of it is left where a block with BFINAL was the message's last (§7.2.3.4). */
const OPEN_TAIL: Tail = { octets: EMPTY_BLOCK_LENGTHS, unreadAtEnd: [0, 4] };

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
 * out of what is inflated in one go, so that a small window needs small pieces. The largest is all
 * that a reference can express.
 */
export function pieceSize(windowBits: number): number {
  return windowBits === 15 ? 64 * 1024 : 2 ** windowBits;
}
