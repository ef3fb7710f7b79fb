/** RFC 6455 §5.5 — the payloads of control frames, above all that of Close. */
import { invalidArgument, outOfRange, ProtocolError, type CloseFrame } from '../errors.ts';
import { CloseCode, isCloseCodeOnWire } from './close-code.ts';
import { MAX_CONTROL_PAYLOAD } from './frame-header.ts';
import type { Role } from './opcode.ts';
import { Utf8Validator } from './utf8.ts';

/** §5.5.1: what remains for the reason beside the two octets of the code. */
const MAX_REASON_LENGTH = MAX_CONTROL_PAYLOAD - 2;

const NO_CODE: CloseFrame = Object.freeze({ code: CloseCode.noStatusReceived, reason: '' });
const EMPTY = new Uint8Array(0);

/** §5.5.1: reads the payload of a Close frame. */
export function decodeClose(
  octets: Uint8Array,
  start: number,
  end: number,
): CloseFrame | ProtocolError {
  if (start === end) return NO_CODE;
  if (end - start === 1) return new ProtocolError('ERR_WS_CLOSE_PAYLOAD', '');
  const code = (octets[start]! << 8) | octets[start + 1]!;
  if (!isCloseCodeOnWire(code)) return new ProtocolError('ERR_WS_CLOSE_CODE', String(code));
  const utf8 = new Utf8Validator();
  if (!utf8.accept(octets, start + 2, end) || !utf8.isComplete) {
    return new ProtocolError('ERR_WS_INVALID_UTF8', 'in the reason of a Close frame');
  }
  // A view is enough for the decoder, and the string it makes keeps nothing of the buffer.
  return {
    code,
    reason: new TextDecoder('utf-8', { ignoreBOM: true }).decode(octets.subarray(start + 2, end)),
  };
}

/** §5.5.1: the payload of a Close frame; none for 1005, which stands for a Close without a code. */
export function encodeClose({ code, reason }: CloseFrame): Uint8Array {
  if (code === CloseCode.noStatusReceived) return EMPTY;
  const text = new TextEncoder().encode(reason);
  const payload = new Uint8Array(2 + text.length);
  payload[0] = code >>> 8;
  payload[1] = code;
  payload.set(text, 2);
  return payload;
}

/**
 * Judges a code and reason before this side sends them: a `RangeError` for a code that must not be
 * on the wire (§7.4) or is not for this role, and for a reason of more than 123 octets (§5.5.1); a
 * `TypeError` for a reason that is no string.
 */
export function assertClose(code: number, reason: string, role: Role): void {
  if (!isCloseCodeOnWire(code)) {
    throw outOfRange(`close code ${code}: 1000–1003, 1007–1014 and 3000–4999 can be sent`);
  }
  // §7.4.1: a server that misses an extension refuses the opening handshake instead.
  if (code === CloseCode.mandatoryExtension && role === 'server') {
    throw outOfRange(`close code ${code} is sent by clients only`);
  }
  if (typeof reason !== 'string') throw invalidArgument('a close reason must be a string');
  const length = new TextEncoder().encode(reason).length;
  if (length <= MAX_REASON_LENGTH) return;
  throw outOfRange(`a close reason has ${length} octets where ${MAX_REASON_LENGTH} fit`);
}

/** Judges the payload of a Ping or Pong before it is sent (§5.5). */
export function assertControlPayload(length: number): void {
  if (length <= MAX_CONTROL_PAYLOAD) return;
  throw outOfRange(`a control frame carries ${MAX_CONTROL_PAYLOAD} octets at most, got ${length}`);
}
