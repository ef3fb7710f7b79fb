/** RFC 6455 §4.1 item 7 and §4.2.2 step 5.4 — the key of a client and the server's answer to it. */
import { hash } from 'node:crypto';

import { invalidArgument } from '../errors.ts';

/** §1.3: what the server appends to the key, so that only a WebSocket server knows the answer. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * Sixteen octets in base64: 21 characters, one more that carries two bits and hence has four zero
 * bits below them, and the padding. Any other encoding of the same octets is not canonical.
 */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

const KEY_OCTETS = 16;

/**
 * The value of Sec-WebSocket-Accept for a Sec-WebSocket-Key (§4.2.2 step 5.4). SHA-1 protects
 * nothing here: it shows that the key was understood (§10.8).
 */
export function acceptFor(key: string): string {
  return hash('sha1', key + GUID, 'base64');
}

/** Whether a Sec-WebSocket-Key is canonical base64 of exactly 16 octets (§4.2.1 item 5). */
export function isValidKey(key: string): boolean {
  return KEY.test(key);
}

/** The Sec-WebSocket-Key for 16 octets that nobody can foresee (§4.1 item 7). */
export function createKey(octets: Uint8Array): string {
  if (octets.length !== KEY_OCTETS) {
    throw invalidArgument(`a key has ${KEY_OCTETS} octets, not ${octets.length}`);
  }
  return btoa(String.fromCharCode(...octets));
}
