import assert from 'node:assert/strict';

import { HandshakeError } from '#src/errors.js';
import type { HandshakeErrorCode } from '#src/errors.js';
import type { HeaderMap } from '#src/handshake/header-values.js';
import type { RequestHead, ResponseHead } from '#src/handshake/http1-head.js';

/** The key and the answer of RFC 6455 §1.3. */
export const SAMPLE_KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
export const SAMPLE_ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

type Changes = Readonly<Record<string, string | undefined>>;

/** The request of RFC 6455 §1.2; a change of undefined leaves a header out. */
export function sampleRequest(changes: Changes = {}, line: Partial<RequestHead> = {}): RequestHead {
  const headers = changed(
    {
      host: 'server.example.com',
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-key': SAMPLE_KEY,
      origin: 'http://example.com',
      'sec-websocket-protocol': 'chat, superchat',
      'sec-websocket-version': '13',
    },
    changes,
  );
  return { method: 'GET', target: '/chat', httpVersion: '1.1', headers, ...line };
}

/** A 101 that accepts the sample key, without a subprotocol. */
export function sampleResponse(
  changes: Changes = {},
  line: Partial<ResponseHead> = {},
): ResponseHead {
  const headers = changed(
    { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-accept': SAMPLE_ACCEPT },
    changes,
  );
  const reason = 'Switching Protocols';
  return { httpVersion: '1.1', status: 101, reason, headers, cookies: [], ...line };
}

function changed(headers: Changes, changes: Changes): HeaderMap {
  const result = new Map<string, string>();
  for (const [name, value] of Object.entries({ ...headers, ...changes })) {
    if (value !== undefined) result.set(name, value);
  }
  return result;
}

/** Demands that a result is a refusal with this code, and returns it. */
export function refused(result: unknown, code: HandshakeErrorCode): HandshakeError {
  assert.ok(result instanceof HandshakeError, `not refused: ${String(result)}`);
  assert.equal(result.code, code, result.message);
  return result;
}

/** Demands that a result is no refusal, and returns it. */
export function accepted<T>(result: T): Exclude<T, HandshakeError> {
  assert.ok(!(result instanceof HandshakeError), String(result));
  return result as Exclude<T, HandshakeError>;
}

export function octets(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (octet) => String.fromCharCode(octet)).join('');
}

/** A caller's mistake, with the library's code on it. */
export const invalidArgument = { name: 'TypeError', code: 'ERR_WS_INVALID_ARGUMENT' } as const;
