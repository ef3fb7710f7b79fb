/** What the protocol tells about what arrived. Nothing is allocated to say it. */
import type { CloseFrame } from '../errors.ts';
import type { MessageType } from './opcode.ts';

/**
 * Octets are handed over as a buffer and the range from `start` to `end`. They are lent: they belong
 * to the protocol again when the call returns, so what is to stay must be copied.
 */
export interface ProtocolSink {
  /**
   * A whole message (§6.2), its text known to be valid UTF-8. With `lent` false the octets belong to
   * the sink: they were put together for it.
   */
  onMessage(type: MessageType, octets: Uint8Array, start: number, end: number, lent: boolean): void;
  /**
   * A part of a message that is received as a stream, as it arrives; `final` with the last part. The
   * text up to here is valid UTF-8, but a part may end within a code point.
   */
  onFragment(
    type: MessageType,
    octets: Uint8Array,
    start: number,
    end: number,
    final: boolean,
  ): void;
  /** A Ping (§5.5.2); the Pong is in the output already, or owed while pongs are held. */
  onPing(octets: Uint8Array, start: number, end: number): void;
  onPong(octets: Uint8Array, start: number, end: number): void;
  /** A Close (§5.5.1); this side's own is in the output. Nothing is received after it. */
  onClose?(frame: CloseFrame): void;
  /** The connection failed (§7.1.7); a Close is in the output if one could be sent. */
  onFailure?(error: Error): void;
}
