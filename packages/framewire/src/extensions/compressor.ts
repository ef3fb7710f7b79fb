/** RFC 7692 §7.2.1 — what one connection compresses of what it sends, and with which state. */
import { copyOf } from '../protocol/octets.ts';
import { PreparedMessage } from '../protocol/prepared-message.ts';
import { EMPTY_BLOCK_LENGTHS, type Deflater } from './codec.ts';
import type { Compression } from './compression.ts';
import type { SharedDeflater } from './shared-states.ts';
import { nextTurn } from './turns.ts';

/** What is compressed at a time: less than a millisecond at any level that is sensible here. */
export const DEFLATE_SLICE: number = 64 * 1024;

/** A message that does not get smaller by this part of its size is not worth the work of the peer. */
const LEAST_GAIN = 1 / 16;

/** The most messages that are not even tried after some that did not get smaller. */
const LONGEST_BREAK = 64;

/** An empty block without its last four octets: all that is left of an empty message (§7.2.3.6). */
const EMPTY_MESSAGE: Uint8Array = Uint8Array.of(0x00);

export class Compressor {
  readonly #compression: Compression;
  /** The context of this connection; made when it is first used. */
  #own: Deflater | undefined;
  /** The peer has seen a message in between that the context knows nothing of. */
  #isOutdated = false;
  /** Messages that will not be tried. */
  #break = 0;
  #nextBreak = 1;

  constructor(compression: Compression) {
    this.#compression = compression;
  }

  /** Messages of a slice can be compressed in the call that sends them. */
  get isImmediate(): boolean {
    return this.#compression.isImmediate;
  }

  /**
   * Whether a message of this size, of a large one where it is not known, is to be compressed.
   * `compress` is what the caller said of it.
   */
  wants(octets: number, compress: boolean | undefined): boolean {
    if (compress !== undefined) return compress;
    if (octets < this.#compression.threshold) return false;
    if (this.#break === 0) return true;
    this.#break--;
    return false;
  }

  /**
   * Compresses a slice, `final` with the last of its message. The result is lent until the next call
   * of any compressor, unless it is promised. It fails where memory is exhausted.
   */
  deflate(octets: Uint8Array, final: boolean): Uint8Array | Promise<Uint8Array> {
    if (octets.length === 0) return EMPTY_MESSAGE;
    const deflated = this.#state().deflate(octets);
    if (!final) return deflated;
    return deflated instanceof Promise ? deflated.then(withoutTail) : withoutTail(deflated);
  }

  /** A message before its first octet was sent: undefined where it cannot be compressed. */
  tryDeflate(
    octets: Uint8Array,
    final: boolean,
  ): Uint8Array | Promise<Uint8Array | undefined> | undefined {
    try {
      const deflated = this.deflate(octets, final);
      return deflated instanceof Promise ? deflated.catch(() => this.#giveUp()) : deflated;
    } catch {
      return this.#giveUp();
    }
  }

  #giveUp(): undefined {
    this.close();
    return undefined;
  }

  /** Whether `deflated` is worth sending; if not, it will not be sent, and is forgotten. */
  pays(octets: number, deflated: number): boolean {
    this.learn(octets, deflated);
    if (isSmaller(deflated, octets)) return true;
    this.#own?.reset();
    return false;
  }

  /** What compressing a message came to: where it does not pay, the next ones are spared it. */
  learn(octets: number, deflated: number): void {
    if (isSmaller(deflated, octets)) {
      this.#nextBreak = 1;
      return;
    }
    this.#break = this.#nextBreak;
    this.#nextBreak = Math.min(2 * this.#nextBreak, LONGEST_BREAK);
  }

  /**
   * A prepared message as it is sent compressed, or itself when that does not pay. It needs no
   * context, so that it is compressed once for all connections that compress with the same parameters.
   */
  prepare(
    message: PreparedMessage,
    compress: boolean | undefined = message.compress,
  ): PreparedMessage | Promise<PreparedMessage> {
    const { shared, threshold } = this.#compression;
    const { length } = message.payload;
    if (length === 0 || !(compress ?? length >= threshold)) return message;
    try {
      return message.variant(shared, () => deflatePrepared(message, shared));
    } catch {
      return message;
    }
  }

  /** A compressed message was sent that the context of this connection knows nothing of. */
  skipMessage(): void {
    this.#isOutdated = true;
  }

  close(): void {
    this.#own?.close();
    this.#own = undefined;
  }

  #state(): Deflater | SharedDeflater {
    if (!this.#compression.keepsContext) return this.#compression.shared;
    this.#own ??= this.#compression.createDeflater();
    if (this.#isOutdated) this.#own.reset();
    this.#isOutdated = false;
    return this.#own;
  }
}

/** Without the lengths of the empty block at the end (§7.2.1). */
function withoutTail(octets: Uint8Array): Uint8Array {
  return octets.subarray(0, octets.length - EMPTY_BLOCK_LENGTHS.length);
}

function deflatePrepared(
  message: PreparedMessage,
  shared: SharedDeflater,
): PreparedMessage | Promise<PreparedMessage> {
  const { payload } = message;
  const toVariant = (deflated: Uint8Array): PreparedMessage => {
    if (!isSmaller(deflated.length, payload.length)) return message;
    return new PreparedMessage(message.type, withoutTail(deflated), { compressed: true });
  };
  const first =
    payload.length > DEFLATE_SLICE ? deflateSlices(payload, shared) : shared.deflate(payload);
  return first instanceof Promise ? first.then(toVariant, () => message) : toVariant(first);
}

async function deflateSlices(octets: Uint8Array, shared: SharedDeflater): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < octets.length; start += DEFLATE_SLICE) {
    await nextTurn();
    const deflated = shared.deflate(octets.subarray(start, start + DEFLATE_SLICE));
    parts.push(deflated instanceof Promise ? await deflated : copyOf(deflated, 0, deflated.length));
  }
  return Buffer.concat(parts);
}

function isSmaller(deflated: number, octets: number): boolean {
  return deflated <= octets * (1 - LEAST_GAIN);
}
