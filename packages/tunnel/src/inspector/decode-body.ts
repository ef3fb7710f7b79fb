/** RFC 9110 §8.4 — the content of a body without its codings, as far as it is there. */
import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  inflateRawSync,
  inflateSync,
} from 'node:zlib';

/** Octets that a body may unfold to. */
const MAX_DECODED = 1024 * 1024;
/** More of them are somebody's joke. */
const MAX_CODINGS = 3;

export interface DecodedBody {
  readonly octets: Uint8Array;
  /** Why the octets are still as they were sent. */
  readonly problem?: string;
}

/** What is cut off is decoded as far as it goes. */
export function decodeBody(octets: Uint8Array, contentEncoding: string): DecodedBody {
  const codings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity')
    .reverse();
  if (octets.length === 0 || codings.length === 0) return { octets };
  if (codings.length > MAX_CODINGS) return { octets, problem: 'it is encoded too many times' };
  let decoded = octets;
  for (const coding of codings) {
    try {
      const next = decode(decoded, coding);
      if (next === undefined) return { octets, problem: `${coding} is not decoded here` };
      decoded = next;
    } catch (error) {
      return { octets, problem: problemOf(error, coding) };
    }
  }
  return { octets: decoded };
}

function decode(octets: Uint8Array, coding: string): Uint8Array | undefined {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_DECODED };
  if (coding === 'gzip' || coding === 'x-gzip') return gunzipSync(octets, options);
  if (coding === 'br') {
    return brotliDecompressSync(octets, {
      finishFlush: constants.BROTLI_OPERATION_FLUSH,
      maxOutputLength: MAX_DECODED,
    });
  }
  if (coding !== 'deflate') return undefined;
  // Some send it without the header of zlib (RFC 9110 §8.4.1.2, note).
  const hasHeader = (octets[0]! & 0x0f) === 8 && ((octets[0]! << 8) | (octets[1] ?? 0)) % 31 === 0;
  return hasHeader ? inflateSync(octets, options) : inflateRawSync(octets, options);
}

function problemOf(error: unknown, coding: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_BUFFER_TOO_LARGE'
    ? `it unfolds to more than ${MAX_DECODED / 1024} KiB`
    : `it is not valid ${coding}`;
}
