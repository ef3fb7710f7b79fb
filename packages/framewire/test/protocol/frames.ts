/** Frames as RFC 6455 §5.2 draws them, written and read without any code of the library. */
import { randomFillSync } from 'node:crypto';
import { hex } from 'framewire/testing';

/** The key of the examples in §5.7. */
export const KEY: Uint8Array = hex`37 fa 21 3d`;

const FIN = 0x80;
const MASK = 0x80;

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `count` octets that are no two neighbours alike, so that a lost or doubled one shows. */
export function octetsOf(count: number): Uint8Array {
  const octets = new Uint8Array(count);
  for (let index = 0; index < count; index++) octets[index] = index * 7 + (index >>> 8);
  return octets;
}

/** Octets that cannot be made smaller, unless by referring to the same ones. */
export function randomOctets(count: number): Uint8Array {
  return randomFillSync(new Uint8Array(count));
}

/** An unmasked header that announces a length in its shortest form. */
export function header(octet0: number, length: number | bigint): Uint8Array {
  if (length < 126) return Uint8Array.of(octet0, Number(length));
  if (length < 65_536) {
    return Uint8Array.of(octet0, 126, Number(length) >>> 8, Number(length) & 0xff);
  }
  const octets = Uint8Array.of(octet0, 127, 0, 0, 0, 0, 0, 0, 0, 0);
  new DataView(octets.buffer).setBigUint64(2, BigInt(length));
  return octets;
}

/** An unmasked frame: `frame(0x81, utf8('Hello'))`. */
export function frame(octet0: number, payload: Uint8Array = hex``): Uint8Array {
  return concat(header(octet0, payload.length), payload);
}

export function closeFrame(code: number, reason: string = ''): Uint8Array {
  return frame(0x88, closePayload(code, reason));
}

export function closePayload(code: number, reason: string = ''): Uint8Array {
  return concat(Uint8Array.of(code >>> 8, code & 0xff), utf8(reason));
}

/** §5.3, as the RFC states it: octet i is XORed with octet i modulo 4 of the key. */
export function xor(payload: Uint8Array, key: Uint8Array): Uint8Array {
  const octets = payload.slice();
  for (let index = 0; index < octets.length; index++) octets[index]! ^= key[index % 4]!;
  return octets;
}

/**
 * The same frame as a client sends it. May be given the beginning of a frame: what there is of the
 * payload is masked, and a header that is cut short stays so.
 */
export function masked(frame: Uint8Array, key: Uint8Array = KEY): Uint8Array {
  const octets = frame.slice();
  if (octets.length < 2) return octets;
  const length7 = octets[1]!;
  octets[1] = length7 | MASK;
  const headerLength = length7 < 126 ? 2 : length7 === 126 ? 4 : 10;
  if (octets.length < headerLength) return octets;
  return concat(octets.subarray(0, headerLength), key, xor(octets.subarray(headerLength), key));
}

export interface Frame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  /** Undefined when the frame is not masked. */
  readonly key: Uint8Array | undefined;
  /** Unmasked. */
  readonly payload: Uint8Array;
}

/** Reads whole frames; throws where a frame is cut or its length not minimal. */
export function readFrames(octets: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  let at = 0;
  while (at < octets.length) {
    const octet0 = view.getUint8(at);
    const octet1 = view.getUint8(at + 1);
    at += 2;
    let length = octet1 & 0x7f;
    if (length === 126) {
      length = view.getUint16(at);
      at += 2;
      if (length < 126) throw new Error('a length of less than 126 in 16 bits');
    } else if (length === 127) {
      length = Number(view.getBigUint64(at));
      at += 8;
      if (length < 65_536) throw new Error('a length of less than 65536 in 64 bits');
    }
    const key = (octet1 & MASK) === 0 ? undefined : octets.slice(at, at + 4);
    if (key !== undefined) at += 4;
    if (at + length > octets.length) throw new Error('a frame is cut');
    const payload = octets.slice(at, at + length);
    at += length;
    frames.push({
      fin: (octet0 & FIN) !== 0,
      rsv: (octet0 >>> 4) & 0x7,
      opcode: octet0 & 0xf,
      key,
      payload: key === undefined ? payload : xor(payload, key),
    });
  }
  return frames;
}

/** The same octets in pieces: cut at each of the positions, in any order and beyond the end. */
export function slicesOf(octets: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const positions = cuts.map((cut) => cut % (octets.length + 1)).sort((a, b) => a - b);
  const ends = [...positions, octets.length];
  return ends.map((end, index) => octets.subarray(index === 0 ? 0 : ends[index - 1]!, end));
}

/** One octet after the other. */
export function singleOctets(octets: Uint8Array): Uint8Array[] {
  return Array.from(octets, (octet) => Uint8Array.of(octet));
}
