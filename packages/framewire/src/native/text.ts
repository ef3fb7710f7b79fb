/** RFC 6455 §5.6 — text out of octets that are known to be UTF-8, as fast as this Node can. */
import { isAscii, transcode } from 'node:buffer';
import { longReadBuffer } from './masking.ts';

/** Below so many octets JavaScript decodes what is not ASCII faster than Node does. */
const SHORT = 64;

/** Up to so many code units JavaScript encodes faster than Node does. */
const SHORT_UNITS = 16;

/** From so many octets on, and only there, the way by way of UTF-16 can be the faster one. */
const TRANSCODING_PAYS_FROM = 256;

let transcodes: boolean | undefined;

export function decodeText(octets: Uint8Array, start: number, end: number): string {
  // Only a `Buffer` can decode, and making one costs as much as a short text.
  if (octets.buffer === longReadBuffer.buffer) {
    return decode(longReadBuffer, octets.byteOffset + start, octets.byteOffset + end);
  }
  return decode(asBuffer(octets), start, end);
}

/** Encodes text at `at`, where it is known to fit; returns the octets it took. */
export function writeText(text: string, octets: Uint8Array, at: number): number {
  if (text.length <= SHORT_UNITS) return encodeShort(text, octets, at) - at;
  return asBuffer(octets).write(text, at, 'utf8');
}

/** RFC 3629 §3. A surrogate without its other half becomes U+FFFD, as everywhere. Returns the end. */
function encodeShort(text: string, target: Uint8Array, start: number): number {
  let at = start;
  for (let index = 0; index < text.length; index++) {
    let code = text.charCodeAt(index);
    if (code < 0x80) {
      target[at++] = code;
      continue;
    }
    if (code < 0x800) {
      target[at++] = 0xc0 | (code >> 6);
      target[at++] = 0x80 | (code & 0x3f);
      continue;
    }
    if (code >= 0xd800 && code <= 0xdfff) {
      const codePoint = text.codePointAt(index)!;
      if (codePoint > 0xffff) {
        index++;
        target[at++] = 0xf0 | (codePoint >> 18);
        target[at++] = 0x80 | ((codePoint >> 12) & 0x3f);
        target[at++] = 0x80 | ((codePoint >> 6) & 0x3f);
        target[at++] = 0x80 | (codePoint & 0x3f);
        continue;
      }
      code = 0xfffd;
    }
    target[at++] = 0xe0 | (code >> 12);
    target[at++] = 0x80 | ((code >> 6) & 0x3f);
    target[at++] = 0x80 | (code & 0x3f);
  }
  return at;
}

/** The octets as they are, as a `Buffer`. */
export function asBuffer(octets: Uint8Array): Buffer {
  if (Buffer.isBuffer(octets)) return octets;
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}

function decode(octets: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length < SHORT) {
    if (isShortAscii(octets, start, end)) return octets.toString('latin1', start, end);
    return isLittleEndian ? decodeShort(octets, start, end) : octets.toString('utf8', start, end);
  }
  const text = octets.subarray(start, end);
  if (isAscii(text)) return text.toString('latin1');
  if (length < TRANSCODING_PAYS_FROM || !(transcodes ??= isTranscodingFaster())) {
    return text.toString('utf8');
  }
  return transcode(text, 'utf8', 'ucs2').toString('ucs2');
}

function isShortAscii(octets: Uint8Array, start: number, end: number): boolean {
  let seen = 0;
  for (let at = start; at < end; at++) seen |= octets[at]!;
  return seen < 0x80;
}

/** UTF-16, of which there are never more units than octets of UTF-8. */
const units = new Uint16Array(SHORT);
const unitOctets = Buffer.from(units.buffer);
const isLittleEndian = isFirstOctetLow();

function isFirstOctetLow(): boolean {
  units[0] = 1;
  return unitOctets[0] === 1;
}

/** RFC 3629 §3, the table of octet sequences, for octets that are known to be valid. */
function decodeShort(octets: Uint8Array, start: number, end: number): string {
  let count = 0;
  for (let at = start; at < end;) {
    const octet = octets[at++]!;
    if (octet < 0x80) {
      units[count++] = octet;
    } else if (octet < 0xe0) {
      units[count++] = ((octet & 0x1f) << 6) | tail(octets, at++);
    } else if (octet < 0xf0) {
      units[count++] = ((octet & 0x0f) << 12) | (tail(octets, at++) << 6) | tail(octets, at++);
    } else {
      const high = ((octet & 0x07) << 18) | (tail(octets, at++) << 12);
      const codePoint = high | (tail(octets, at++) << 6) | tail(octets, at++);
      units[count++] = 0xd7c0 + (codePoint >> 10);
      units[count++] = 0xdc00 | (codePoint & 0x3ff);
    }
  }
  return unitOctets.toString('utf16le', 0, 2 * count);
}

function tail(octets: Uint8Array, at: number): number {
  return octets[at]! & 0x3f;
}

/**
 * Up to Node 22 decoding takes 12 times as long as transcoding and copying; from 24 on it is the
 * faster one. A Node without its own internationalisation cannot transcode.
 */
function isTranscodingFaster(): boolean {
  // Without ICU it is missing, whatever the types say.
  if (typeof (transcode as unknown) !== 'function') return false;
  const sample = Buffer.from('文'.repeat(1000));
  const decoding = fastest(() => sample.toString('utf8'));
  return fastest(() => transcode(sample, 'utf8', 'ucs2').toString('ucs2')) < decoding;
}

function fastest(task: () => unknown): bigint {
  const times = Array.from({ length: 5 }, () => {
    const start = process.hrtime.bigint();
    task();
    return process.hrtime.bigint() - start;
  });
  return times.reduce((least, time) => (time < least ? time : least));
}
