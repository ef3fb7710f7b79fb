/** RFC 6455 §5.6 — a message encoded once, to be sent to many peers. */
import { firstOctet, headerLengthFor, writeHeader } from './frame-header.ts';
import { Opcode, type MessageType } from './opcode.ts';

/** Made by `prepareMessage`. Holds a copy of the data, so that the original may change. */
export class PreparedMessage {
  readonly type: MessageType;
  /** The whole frame as a server sends it, without a mask (§5.1). */
  readonly frame: Uint8Array;
  readonly #headerLength: number;

  /** Copies the octets; as text they must be valid UTF-8, which is not checked here. */
  constructor(type: MessageType, octets: Uint8Array) {
    this.type = type;
    this.#headerLength = headerLengthFor(octets.length, 0);
    this.frame = new Uint8Array(this.#headerLength + octets.length);
    writeHeader(this.frame, 0, firstOctet(Opcode[type], true), octets.length, 0);
    this.frame.set(octets, this.#headerLength);
  }

  get payload(): Uint8Array {
    return this.frame.subarray(this.#headerLength);
  }
}
