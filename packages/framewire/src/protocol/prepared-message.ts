/** RFC 6455 §5.6 — a message encoded once, to be sent to many peers. */
import { firstOctet, headerLengthFor, writeHeader } from './frame-header.ts';
import { Opcode, type MessageType } from './opcode.ts';

/** Made by `prepareMessage`. Holds a copy of the data, so that the original may change. */
export class PreparedMessage {
  readonly type: MessageType;
  /** The payload is compressed, and the frame says so (RFC 7692 §6). */
  readonly compressed: boolean;
  /** What was said about compressing it; see `SendOptions`. */
  readonly compress: boolean | undefined;
  /** The whole frame as a server sends it, without a mask (§5.1). */
  readonly frame: Uint8Array;
  readonly #headerLength: number;
  #variants: Map<object, PreparedMessage | Promise<PreparedMessage>> | undefined;

  /** Copies the octets; as text they must be valid UTF-8, which is not checked here. */
  constructor(
    type: MessageType,
    octets: Uint8Array,
    options: { readonly compressed?: boolean; readonly compress?: boolean | undefined } = {},
  ) {
    this.type = type;
    this.compressed = options.compressed ?? false;
    this.compress = options.compress;
    this.#headerLength = headerLengthFor(octets.length, 0);
    this.frame = new Uint8Array(this.#headerLength + octets.length);
    const octet0 = firstOctet(Opcode[type], true, this.compressed);
    writeHeader(this.frame, 0, octet0, octets.length, 0);
    this.frame.set(octets, this.#headerLength);
  }

  get payload(): Uint8Array {
    return this.frame.subarray(this.#headerLength);
  }

  /** @internal The message as an extension makes it of this one: once, for all who share the key. */
  variant(
    key: object,
    make: () => PreparedMessage | Promise<PreparedMessage>,
  ): PreparedMessage | Promise<PreparedMessage> {
    this.#variants ??= new Map();
    const variant = this.#variants.get(key) ?? make();
    this.#variants.set(key, variant);
    return variant;
  }
}
