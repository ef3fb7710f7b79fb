import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProtocolError, type CloseFrame } from '#src/errors.js';
import {
  assertClose,
  assertControlPayload,
  decodeClose,
  encodeClose,
} from '#src/protocol/control-frames.js';
import { hex } from 'framewire/testing';
import { validText } from './conversations.ts';
import { isOutOfRange } from './endpoint.ts';
import { closePayload, concat } from './frames.ts';

function decoded(payload: Uint8Array): CloseFrame | ProtocolError {
  return decodeClose(payload, 0, payload.length);
}

function assertBad(payload: Uint8Array, code: string, message: RegExp): void {
  const error = decoded(payload);
  assert.ok(error instanceof ProtocolError);
  assert.equal(error.code, code);
  assert.match(error.message, message);
}

test('§5.5.1 a code and a reason', () => {
  assert.deepEqual(decoded(hex`03 e9  62 79 65`), { code: 1001, reason: 'bye' });
  assert.deepEqual(encodeClose({ code: 1001, reason: 'bye' }), hex`03 e9  62 79 65`);
});

test('§5.5.1 a code without a reason', () => {
  assert.deepEqual(decoded(hex`0f a0`), { code: 4000, reason: '' });
  assert.deepEqual(encodeClose({ code: 4000, reason: '' }), hex`0f a0`);
});

test('§7.1.5 an empty payload stands for 1005, and the other way round', () => {
  assert.deepEqual(decoded(hex``), { code: 1005, reason: '' });
  assert.deepEqual(encodeClose({ code: 1005, reason: '' }), hex``);
});

test('§5.5.1 one octet is not a code', () => {
  assertBad(hex`03`, 'ERR_WS_CLOSE_PAYLOAD', /one octet \(RFC 6455 §5\.5\.1\)/u);
});

test('§7.4 a code that cannot be on the wire is named', () => {
  assertBad(hex`03 ee`, 'ERR_WS_CLOSE_CODE', /: 1006 \(RFC 6455 §7\.4\)/u);
  assertBad(hex`ff ff`, 'ERR_WS_CLOSE_CODE', /: 65535 /u);
});

test('§8.1 a reason that is not UTF-8', () => {
  assertBad(hex`03 e8  ff`, 'ERR_WS_INVALID_UTF8', /in the reason of a Close frame/u);
});

test('§8.1 a reason that ends within a code point', () => {
  assertBad(hex`03 e8  41 e2 82`, 'ERR_WS_INVALID_UTF8', /in the reason of a Close frame/u);
});

test('§5.5.1 a reason keeps its byte order mark, since it is text like any other', () => {
  assert.deepEqual(decoded(hex`03 e8  ef bb bf 41`), { code: 1000, reason: '\uFEFFA' });
});

test('§5.5.1 a Close is read from the range it is given', () => {
  const chunk = concat(hex`ff ff`, closePayload(1000, 'here'), hex`ff`);
  assert.deepEqual(decodeClose(chunk, 2, chunk.length - 1), { code: 1000, reason: 'here' });
  assert.deepEqual(decodeClose(chunk, 2, 2), { code: 1005, reason: '' });
});

test('§5.5.1 what was encoded is decoded again', () => {
  const codes = fc.oneof(
    fc.constantFrom(1000, 1003, 1007, 1014),
    fc.integer({ min: 3000, max: 4999 }),
  );
  fc.assert(
    fc.property(codes, validText(30), (code, reason) => {
      const payload = encodeClose({ code, reason });
      assert.deepEqual(payload, closePayload(code, reason));
      assert.deepEqual(decoded(payload), { code, reason });
    }),
    { numRuns: 200 },
  );
});

test('§7.4 either role may send these codes', () => {
  for (const role of ['client', 'server'] as const) {
    for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1014, 3000, 4999]) {
      assert.doesNotThrow(() => assertClose(code, '', role), `${code} by a ${role}`);
    }
  }
});

test('§7.4 nobody may send these codes, and the error names the one that was tried', () => {
  for (const role of ['client', 'server'] as const) {
    for (const code of [
      0,
      999,
      1004,
      1005,
      1006,
      1015,
      1016,
      2999,
      5000,
      65_536,
      -1,
      1000.5,
      NaN,
    ]) {
      assert.throws(
        () => assertClose(code, '', role),
        (error: Error) => isOutOfRange(error) && error.message.includes(`close code ${code}:`),
      );
    }
  }
});

test('§7.4.1 a client may send 1010', () => {
  assert.doesNotThrow(() => assertClose(1010, '', 'client'));
});

test('§7.4.1 a server may not send 1010', () => {
  assert.throws(() => assertClose(1010, '', 'server'), isOutOfRange);
});

test('§5.5.1 a reason may have 123 octets', () => {
  assert.doesNotThrow(() => assertClose(1000, 'x'.repeat(123), 'client'));
  assert.throws(() => assertClose(1000, 'x'.repeat(124), 'client'), /124 octets where 123 fit/u);
});

test('§5.5.1 a reason is a string, and no memory of anything else', () => {
  const reason = new Float64Array(2) as unknown as string;
  assert.throws(() => assertClose(1000, reason, 'client'), TypeError);
});

test('§5.5.1 it is octets that count: an emoji at the edge is refused, never cut in half', () => {
  assert.doesNotThrow(() => assertClose(1000, `${'x'.repeat(119)}🙂`, 'server'));
  for (let before = 120; before <= 122; before++) {
    assert.throws(() => assertClose(1000, `${'x'.repeat(before)}🙂`, 'server'), isOutOfRange);
  }
});

test('§5.5 the payload of a control frame has 125 octets at most', () => {
  assert.doesNotThrow(() => assertControlPayload(0));
  assert.doesNotThrow(() => assertControlPayload(125));
  assert.throws(() => assertControlPayload(126), isOutOfRange);
  assert.throws(() => assertControlPayload(126), /125 octets at most, got 126/u);
});
