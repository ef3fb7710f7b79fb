/** RFC 6455 §5.4 — which frame may follow which, and how many fragments a message may have. */
import { LimitError, type ProtocolErrorCode } from '../errors.ts';
import type { Limits } from './limits.ts';
import { isControl, Opcode, type MessageType } from './opcode.ts';

/** A fragment of fewer octets counts against `maxSmallFragments`; a larger one pays by its size. */
export const SMALL_FRAGMENT = 32;

/** The message that is being received. */
export class Fragmentation {
  /** The type of the message begun, until its last frame is complete. */
  #type: MessageType | undefined;
  /** RFC 7692 §6: so says its first frame, for all of them. */
  isCompressed = false;
  #smallFragments = 0;

  get type(): MessageType | undefined {
    return this.#type;
  }

  /**
   * | | no message begun | message begun |
   * | --- | --- | --- |
   * | text, binary | begins one | EXPECTED_CONTINUATION |
   * | continuation | UNEXPECTED_CONTINUATION | continues it |
   * | close, ping, pong | allowed | allowed: interleaved (§5.5) |
   */
  check(opcode: number): ProtocolErrorCode | undefined {
    if (isControl(opcode)) return undefined;
    const continues = opcode === Opcode.continuation;
    if (this.#type === undefined) return continues ? 'ERR_WS_UNEXPECTED_CONTINUATION' : undefined;
    return continues ? undefined : 'ERR_WS_EXPECTED_CONTINUATION';
  }

  /** Takes note of a data frame whose header was judged; an error when there are too many. */
  begin(
    opcode: number,
    payloadLength: number,
    compressed: boolean,
    limits: Limits,
  ): LimitError | undefined {
    if (opcode !== Opcode.continuation) {
      this.#type = opcode === Opcode.text ? 'text' : 'binary';
      this.isCompressed = compressed;
      this.#smallFragments = 0;
    }
    if (payloadLength >= SMALL_FRAGMENT) return undefined;
    this.#smallFragments++;
    if (this.#smallFragments <= limits.maxSmallFragments) return undefined;
    return new LimitError(
      'ERR_WS_TOO_MANY_FRAGMENTS',
      'maxSmallFragments',
      limits.maxSmallFragments,
      this.#smallFragments,
    );
  }

  end(): void {
    this.#type = undefined;
  }
}
