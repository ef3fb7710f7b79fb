/** RFC 6455 §5.6 — text out of octets that are known to be UTF-8, as fast as this Node can. */
import { isAscii, transcode } from 'node:buffer';
import { readBuffer } from './masking.ts';

/** From so many octets on it pays to look at them before they are decoded. */
const LOOK_PAYS_FROM = 64;

/** From so many octets on, and only there, the way by way of UTF-16 can be the faster one. */
const TRANSCODING_PAYS_FROM = 256;

let transcodes: boolean | undefined;

export function decodeText(octets: Uint8Array, start: number, end: number): string {
  // Only a `Buffer` can decode, and making one costs as much as a short text.
  if (octets.buffer === readBuffer.buffer) {
    return decode(readBuffer, octets.byteOffset + start, octets.byteOffset + end);
  }
  return decode(asBuffer(octets), start, end);
}

/** The octets as they are, as a `Buffer`. */
export function asBuffer(octets: Uint8Array): Buffer {
  if (Buffer.isBuffer(octets)) return octets;
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}

function decode(octets: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length < LOOK_PAYS_FROM) return octets.toString('utf8', start, end);
  const text = octets.subarray(start, end);
  if (isAscii(text)) return text.toString('latin1');
  if (length < TRANSCODING_PAYS_FROM || !(transcodes ??= isTranscodingFaster())) {
    return text.toString('utf8');
  }
  return transcode(text, 'utf8', 'ucs2').toString('ucs2');
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
