import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandshakeError } from 'framewire';
import { describeError } from '#src/describe-error.js';

function network(cause: Error): HandshakeError {
  return new HandshakeError('ERR_WS_NETWORK', '', { url: 'ws://example.com/', cause });
}

function systemError(code: string, details: object = {}): Error {
  return Object.assign(new Error(`${code} as the system says it`), { code, ...details });
}

test('a refused port names the address', () => {
  const refused = systemError('ECONNREFUSED', { address: '127.0.0.1', port: 1 });
  assert.equal(
    describeError(network(refused), {}),
    'cannot connect to ws://example.com/: nobody listens at 127.0.0.1:1 (ECONNREFUSED)',
  );
});

test('a name with several addresses tells all of them, each once', () => {
  const of = (address: string): Error => systemError('ECONNREFUSED', { address, port: 80 });
  const all = new AggregateError([of('::1'), of('127.0.0.1'), of('::1')], '');
  assert.match(
    describeError(network(all), {}),
    /: nobody listens at \[::1\]:80 \(ECONNREFUSED\), nobody listens at 127\.0\.0\.1:80 \(\w+\)$/u,
  );
});

test('a certificate nobody vouches for: the reason, and what to do', () => {
  const text = describeError(network(systemError('DEPTH_ZERO_SELF_SIGNED_CERT')), {});
  assert.match(text, /self-signed; --ca names one to trust, --no-check accepts any/u);
});

test('codes nobody explained keep the message of the system', () => {
  assert.match(
    describeError(network(systemError('EWEIRD')), {}),
    /: EWEIRD as the system says it/u,
  );
});

function refusal(status: number, body: string, headers: [string, string][] = []): string {
  const error = new HandshakeError('ERR_WS_STATUS', '', {
    url: 'ws://example.com/',
    status,
    headers: new Map(headers),
    body: Buffer.from(body),
  });
  return describeError(error, {});
}

test('a refusal tells the status, its reason and the first line of the body', () => {
  assert.equal(
    refusal(403, '\nbad origin\nsecond line\n'),
    'the server refused ws://example.com/: 403 Forbidden; bad origin',
  );
  assert.equal(refusal(404, ''), 'the server refused ws://example.com/: 404 Not Found');
});

test('a page of HTML is not quoted, a long line is cut', () => {
  assert.doesNotMatch(refusal(404, '<!doctype html><title>x'), /doctype/u);
  assert.equal(refusal(400, 'x'.repeat(4000)).length < 300, true);
});

test('a redirection tells where to, a 401 how to say who one is', () => {
  assert.match(
    refusal(301, '', [['location', 'wss://example.org/']]),
    /to wss:\/\/example\.org\/$/u,
  );
  assert.match(refusal(401, ''), /--auth/u);
});

test('what the server says cannot drive the terminal', () => {
  const text = refusal(403, '\u001b]0;title\u0007', []);
  assert.match(text, /\\x1b\]0;title\\x07/u);
});

test('no stack, unless FRAMEWIRE_DEBUG asks for it', () => {
  const error = network(systemError('ECONNREFUSED'));
  assert.doesNotMatch(describeError(error, {}), /\n/u);
  assert.match(describeError(error, { FRAMEWIRE_DEBUG: '1' }), /\n\s+at /u);
});
