/** RFC 6455 §5.2 — Base Framing Protocol: the 2 to 14 octets before a frame's payload. */
import type { ProtocolErrorCode } from '../errors.ts';
import { isControl, isReserved, Opcode, type Role } from './opcode.ts';

/** The longest header: two octets, a 64-bit length, a masking key. */
export const MAX_HEADER_LENGTH = 14;

/** §5.5: the most payload a control frame can carry. */
export const MAX_CONTROL_PAYLOAD = 125;

export const FIN = 0b1000_0000;
const RSV = 0b0111_0000;
const RSV1 = 0b0100_0000;
export const MASK = 0b1000_0000;
const LENGTH7 = 0b0111_1111;

export function isFinal(octet0: number): boolean {
  return (octet0 & FIN) !== 0;
}

export function opcodeOf(octet0: number): number {
  return octet0 & 0b0000_1111;
}

/** RFC 7692 §6 — RSV1 is the "Per-Message Compressed" bit, where that extension is agreed on. */
export function isCompressed(octet0: number): boolean {
  return (octet0 & RSV1) !== 0;
}

/** How many octets the header has, told by its second octet. */
export function headerLength(octet1: number): number {
  const length7 = octet1 & LENGTH7;
  const extended = length7 < 126 ? 0 : length7 === 126 ? 2 : 8;
  return 2 + extended + ((octet1 & MASK) === 0 ? 0 : 4);
}

/**
 * Judges FIN, RSV and the opcode, without regard to the frames before (§5.2, §5.5). With `compresses`
 * the first frame of a message may have RSV1, and no other frame (RFC 7692 §6).
 */
export function checkOctet0(octet0: number, compresses: boolean): ProtocolErrorCode | undefined {
  const opcode = opcodeOf(octet0);
  if ((octet0 & RSV) !== 0) {
    if (!compresses || (octet0 & RSV) !== RSV1) return 'ERR_WS_RESERVED_BITS';
    if (isControl(opcode)) return 'ERR_WS_COMPRESSED_CONTROL';
    if (opcode === Opcode.continuation) return 'ERR_WS_COMPRESSED_CONTINUATION';
  }
  if (isReserved(opcode)) return 'ERR_WS_RESERVED_OPCODE';
  if (isControl(opcode) && !isFinal(octet0)) return 'ERR_WS_CONTROL_FRAGMENTED';
  return undefined;
}

/** Judges MASK (§5.1) and a control frame's length (§5.5). `receiver` is the side that reads. */
export function checkOctet1(
  octet1: number,
  opcode: number,
  receiver: Role,
): ProtocolErrorCode | undefined {
  const masked = (octet1 & MASK) !== 0;
  if (receiver === 'server' && !masked) return 'ERR_WS_MASK_REQUIRED';
  if (receiver === 'client' && masked) return 'ERR_WS_MASK_FORBIDDEN';
  if (isControl(opcode) && (octet1 & LENGTH7) > MAX_CONTROL_PAYLOAD) {
    return 'ERR_WS_CONTROL_TOO_LONG';
  }
  return undefined;
}

/**
 * The payload length of a header that lies at `at` (§5.2). From 2^53 on the number is rounded down,
 * which no limit can tell apart; rounding up could reach the sign bit.
 */
export function readPayloadLength(octets: Uint8Array, at: number): number {
  const length7 = octets[at + 1]! & LENGTH7;
  if (length7 < 126) return length7;
  if (length7 === 126) return (octets[at + 2]! << 8) | octets[at + 3]!;
  const high = readUint32(octets, at + 2);
  return high * 2 ** 32 + (high < 2 ** 21 ? readUint32(octets, at + 6) : 0);
}

/** Judges how a length was written: in the fewest octets, and without the sign bit (§5.2). */
export function checkPayloadLength(octet1: number, length: number): ProtocolErrorCode | undefined {
  const length7 = octet1 & LENGTH7;
  if (length7 === 126) return length < 126 ? 'ERR_WS_LENGTH_NOT_MINIMAL' : undefined;
  if (length7 < 126) return undefined;
  if (length >= 2 ** 63) return 'ERR_WS_LENGTH_OUT_OF_RANGE';
  return length < 2 ** 16 ? 'ERR_WS_LENGTH_NOT_MINIMAL' : undefined;
}

/** How many octets `writeHeader` needs. */
export function headerLengthFor(payloadLength: number, masked: 0 | 1): number {
  const extended = payloadLength < 126 ? 0 : payloadLength < 2 ** 16 ? 2 : 8;
  return 2 + extended + 4 * masked;
}

/** Writes the header, all but the masking key, at `at`; the inverse of `readPayloadLength`. */
export function writeHeader(
  target: Uint8Array,
  at: number,
  octet0: number,
  payloadLength: number,
  masked: 0 | 1,
): void {
  target[at] = octet0;
  const mask = masked === 1 ? MASK : 0;
  if (payloadLength < 126) {
    target[at + 1] = mask | payloadLength;
    return;
  }
  if (payloadLength < 2 ** 16) {
    target[at + 1] = mask | 126;
    target[at + 2] = payloadLength >>> 8;
    target[at + 3] = payloadLength;
    return;
  }
  target[at + 1] = mask | 127;
  writeUint32(target, at + 2, Math.floor(payloadLength / 2 ** 32));
  writeUint32(target, at + 6, payloadLength >>> 0);
}

/** The first octet of a frame: FIN, RSV1 where a compressed message begins, the opcode. */
export function firstOctet(opcode: number, final: boolean, compressed: boolean): number {
  return (final ? FIN : 0) | (compressed ? RSV1 : 0) | opcode;
}

function readUint32(octets: Uint8Array, at: number): number {
  return (
    octets[at]! * 2 ** 24 + ((octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!)
  );
}

function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}
