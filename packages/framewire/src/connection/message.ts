/** RFC 6455 §5.6 — what the application receives and sends. */
import { Buffer, isUtf8 } from 'node:buffer';
import { invalidArgument } from '../errors.ts';
import { readBuffer } from '../native/masking.ts';
import { copyMessage } from '../native/memory.ts';
import { decodeText } from '../native/text.ts';
import type { MessageType } from '../protocol/opcode.ts';
import { MAX_COPIED } from '../protocol/output.ts';
import { PreparedMessage } from '../protocol/prepared-message.ts';

/**
 * A string is a text message, a `Uint8Array` a binary one. The octets are the application's; the
 * `buffer` they lie in may hold other messages too, so that `byteOffset` matters.
 */
export type Message = string | Uint8Array;

/** What can be sent: a string as text, octets as binary unless told otherwise. */
export type Sendable = string | ArrayBufferView | ArrayBufferLike | PreparedMessage;

export interface SendOptions {
  /** `text` sends octets as text; they must be UTF-8, or `send` throws a `TypeError`. */
  readonly type?: MessageType | undefined;
  /**
   * Where permessage-deflate was agreed on: `true` compresses the message whatever its size, `false`
   * does not, as for secrets (RFC 7692 §8). Default: from `threshold` on, while it makes messages
   * smaller.
   */
  readonly compress?: boolean | undefined;
}

/** Who gets a message: somebody later, somebody now, or a handler that gives it back after its call. */
export type Taker = 'reader' | 'owner' | 'borrower';

/** The message that arrived, its octets the protocol's where they are `lent`. */
export function toMessage(
  type: MessageType,
  octets: Uint8Array,
  start: number,
  end: number,
  lent: boolean,
  taker: Taker,
): Message {
  if (type === 'text') return decodeText(octets, start, end);
  if (!lent) return octets.subarray(start, end);
  if (taker === 'borrower' && end - start <= MAX_BORROWED && isLasting(octets)) {
    return new Uint8Array(octets.buffer, octets.byteOffset + start, end - start);
  }
  return copyMessage(octets, start, end, taker === 'reader');
}

/** Longer messages are not copied when they are sent, but read after the call. */
const MAX_BORROWED = MAX_COPIED;

/** No socket is read within a call; what else is lent, as inflated octets, may change in the middle of it. */
function isLasting(octets: Uint8Array): boolean {
  return octets.buffer === readBuffer.buffer;
}

/** What borrowed octets are overwritten with: nobody takes that for a message. */
const SPOILT = 0xdb;

/** After the borrower's call; however the message came, so that to keep it never works. */
export function giveBack(message: Message): void {
  if (typeof message !== 'string' && message.length <= MAX_BORROWED) message.fill(SPOILT);
}

/** The octets of what is to be sent, without copying; a `TypeError` for anything else. */
export function octetsOf(data: Exclude<Sendable, string | PreparedMessage>): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return new Uint8Array(data);
  throw invalidArgument(
    `data must be a string, an ArrayBuffer, a view of one or a PreparedMessage, got ${kindOf(data)}`,
  );
}

export function assertUtf8(octets: Uint8Array): void {
  if (!isUtf8(octets)) throw notUtf8();
}

export function notUtf8(): TypeError {
  return invalidArgument('octets sent as text are not valid UTF-8');
}

/** Encodes a message once, to be sent to many connections or many times. */
export function prepareMessage(data: Sendable, options: SendOptions = {}): PreparedMessage {
  if (data instanceof PreparedMessage) return data;
  const { compress } = options;
  if (typeof data === 'string') return new PreparedMessage('text', Buffer.from(data), { compress });
  const octets = octetsOf(data);
  if (options.type === 'text') assertUtf8(octets);
  return new PreparedMessage(options.type ?? 'binary', octets, { compress });
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'object' ? (value.constructor?.name ?? 'an object') : typeof value;
}
