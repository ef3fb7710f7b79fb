import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TUNNEL_ERROR_CODES, TunnelError } from '@framewire/tunnel';

test('an error has a code, the status for a caller, and a sentence', () => {
  const cause = new Error('ECONNREFUSED');
  const error = new TunnelError('ERR_TUNNEL_TARGET_UNREACHABLE', '127.0.0.1:1', { cause });
  assert.equal(error.name, 'TunnelError');
  assert.equal(error.status, 502);
  assert.equal(error.message, 'the target cannot be reached: 127.0.0.1:1');
  assert.equal(error.cause, cause);
  assert.ok(TunnelError.isInstance(error));
  assert.ok(!TunnelError.isInstance(cause));
});

test('every code has a sentence of its own, and a status that refuses', () => {
  const messages = TUNNEL_ERROR_CODES.map((code) => new TunnelError(code).message);
  assert.equal(new Set(messages).size, messages.length);
  for (const code of TUNNEL_ERROR_CODES) {
    const { status } = new TunnelError(code);
    assert.ok(status >= 400 && status <= 599, code);
  }
});
