import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandshakeError } from 'framewire';
import { retryAfter } from '#src/client/retry-after.js';

/** Sun, 06 Nov 1994 08:49:37 GMT, the sample of RFC 9110 §5.6.7. */
const SAMPLE = 784_111_777_000;

function refusal(status: number | undefined, headers: Record<string, string>): HandshakeError {
  return new HandshakeError('ERR_WS_STATUS', '', {
    status,
    headers: new Map(Object.entries(headers)),
  });
}

for (const status of [429, 503]) {
  test(`RFC 9110 §10.2.3 a number counts seconds: ${status}`, () => {
    assert.equal(retryAfter(refusal(status, { 'retry-after': '120' })), 120_000);
    assert.equal(retryAfter(refusal(status, { 'retry-after': '0' })), 0);
  });
}

for (const date of [
  'Sun, 06 Nov 1994 08:49:37 GMT',
  'Sunday, 06-Nov-94 08:49:37 GMT',
  'Sun Nov  6 08:49:37 1994',
]) {
  test(`RFC 9110 §5.6.7 a date is read in each of its formats: ${date}`, () => {
    assert.equal(retryAfter(refusal(503, { 'retry-after': date }), SAMPLE - 5_000), 5_000);
  });
}

test('RFC 9110 §6.6.1 a date is compared with the Date of the server, whose clock it is of', () => {
  const headers = {
    'retry-after': 'Sun, 06 Nov 1994 08:50:37 GMT',
    date: 'Sun, 06 Nov 1994 08:49:37 GMT',
  };
  assert.equal(retryAfter(refusal(503, headers), 0), 60_000);
});

test('a date that is over asks for nothing', () => {
  const headers = { 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' };
  assert.equal(retryAfter(refusal(503, headers), SAMPLE + 1), 0);
});

test('§10.4 no server silences a client for more than ten minutes', () => {
  for (const value of ['601', '9'.repeat(400), 'Sun, 06 Nov 1994 08:49:37 GMT']) {
    assert.equal(retryAfter(refusal(503, { 'retry-after': value }), 0), 600_000, value);
  }
});

test('what is neither a number nor a date asks for nothing', () => {
  for (const value of [
    '',
    '-1',
    '1.5',
    '1e3',
    'soon',
    '2999-01-01T00:00:00Z',
    'Sun, 06 Nov 2999 08:49:37 +0000',
    'Sun, 06 Nov 2999 99:49:37 GMT',
  ]) {
    assert.equal(retryAfter(refusal(503, { 'retry-after': value }), 0), 0, value);
  }
  assert.equal(retryAfter(refusal(503, {})), 0);
  assert.equal(retryAfter(new HandshakeError('ERR_WS_STATUS', '', { status: 503 })), 0);
});

test('only a 429 or a 503 is asked', () => {
  for (const status of [undefined, 301, 404, 500]) {
    assert.equal(retryAfter(refusal(status, { 'retry-after': '120' })), 0);
  }
  assert.equal(retryAfter(new Error('another')), 0);
  assert.equal(retryAfter(undefined), 0);
});
