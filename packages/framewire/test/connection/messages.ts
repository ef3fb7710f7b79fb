/** Messages as both ends have them, and as they are in between. */
import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import type { Message } from 'framewire';
import { concat, utf8 } from '../protocol/frames.ts';

/** From now on keeps copies of all that is written; what has come behind the opening handshake. */
export function record(stream: Duplex): () => Uint8Array {
  const written: Uint8Array[] = [];
  const write = stream.write.bind(stream) as (chunk: Uint8Array | string) => boolean;
  stream.write = (chunk: Uint8Array | string) => {
    written.push(Uint8Array.from(typeof chunk === 'string' ? utf8(chunk) : chunk));
    return write(chunk);
  };
  return () => {
    const octets = concat(...written);
    return octets.subarray(Buffer.from(octets).indexOf('\r\n\r\n') + 4);
  };
}

/** Fails in a few words: a difference of large messages takes long to show. */
export function assertMessage(actual: Message | undefined, expected: Message, what: string): void {
  const isSame =
    typeof expected === 'string' || typeof actual !== 'object'
      ? actual === expected
      : Buffer.from(expected).equals(actual);
  assert.ok(isSame, what);
}
