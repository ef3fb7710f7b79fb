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
    /to wss:\/\/example\.org\/; connect --location follows it$/u,
  );
  assert.match(refusal(401, ''), /--auth/u);
});

function ofProxy(details: object): string {
  const proxy = 'http://proxy.example:3128';
  const url = 'ws://example.com/';
  return describeError(new HandshakeError('ERR_WS_PROXY', '', { proxy, url, ...details }), {});
}

test('a proxy that refuses is named, and a 407 says what to do (RFC 9110 §15.5.8)', () => {
  assert.equal(
    ofProxy({ status: 407, body: Buffer.from('who are you?\n') }),
    'the proxy http://proxy.example:3128 refused ws://example.com/: ' +
      '407 Proxy Authentication Required; who are you?; ' +
      '--proxy http://user:password@… tells who you are',
  );
  assert.doesNotMatch(ofProxy({ status: 403 }), /--proxy/u);
});

test('a proxy that cannot be reached: which one, and why', () => {
  const cause = systemError('ECONNREFUSED', { address: '127.0.0.1', port: 1 });
  assert.equal(
    ofProxy({ cause }),
    'cannot connect to ws://example.com/ through the proxy http://proxy.example:3128: ' +
      'nobody listens at 127.0.0.1:1 (ECONNREFUSED)',
  );
});

test('what helps with the certificate of a server does not help with that of a proxy', () => {
  const text = ofProxy({ cause: systemError('DEPTH_ZERO_SELF_SIGNED_CERT') });
  assert.match(text, /self-signed; NODE_EXTRA_CA_CERTS/u);
  assert.doesNotMatch(text, /--ca/u);
});

test('a redirect that is not followed tells which, whatever was wrong with it', () => {
  const cause = new Error('not shown');
  const url = 'wss://example.com/';
  const error = new HandshakeError('ERR_WS_REDIRECT', '302 to "\u0007"', { url, cause });
  const text = describeError(error, {});
  assert.match(text, /^cannot connect to wss:\/\/example\.com\/: .*: 302 to "\\x07" \(RFC/u);
});

test('a server without WebSockets over HTTP/2: what to leave out (RFC 8441 §3)', () => {
  const url = 'wss://example.com/';
  const text = describeError(new HandshakeError('ERR_WS_HTTP2', 'no h2', { url }), {});
  assert.match(text, /^cannot connect to wss:\S+: .*: no h2 .*; without --http2 it is asked over/u);
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
