import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { checkOriginPatterns, isOriginAllowed } from '#src/handshake/origin.js';
import { invalidArgument } from './sample-heads.js';

function isSame(origin: string | undefined, host: string | undefined, encrypted = false): boolean {
  return isOriginAllowed('same', origin, host, encrypted);
}

function isListed(origin: string, ...list: (string | RegExp)[]): boolean {
  checkOriginPatterns(list);
  return isOriginAllowed(list, origin, 'server.example.com', false);
}

test('RFC 6455 §10.2, case 9: a request without an Origin comes from no browser', () => {
  for (const policy of ['same', 'any', [], ['https://example.com']] as const) {
    assert.ok(isOriginAllowed(policy, undefined, 'example.com', true));
  }
});

test('RFC 6455 §10.2: "any" allows whatever there is', () => {
  for (const origin of ['https://evil.example', 'null', '', 'a'.repeat(10_000)]) {
    assert.ok(isOriginAllowed('any', origin, 'example.com', true));
  }
});

test('RFC 6455 §10.2: the same host and port, in any case and with the default port', () => {
  assert.ok(isSame('http://example.com', 'example.com'));
  assert.ok(isSame('http://EXAMPLE.com', 'example.COM'));
  assert.ok(isSame('http://example.com:80', 'example.com'));
  assert.ok(isSame('http://example.com', 'example.com:80'));
  assert.ok(isSame('https://example.com', 'example.com:443', true));
  assert.ok(isSame('http://localhost:8080', 'localhost:8080'));
  assert.ok(isSame('http://[::1]:8080', '[::1]:8080'));
  assert.ok(isSame('http://example.com/', 'example.com'));
});

test('RFC 6455 §10.2, case 9: another host, port or kind of origin', () => {
  for (const origin of [
    'http://evil.example',
    'http://example.com.evil.example',
    'http://sub.example.com',
    'http://example.com:8080',
    'https://example.com:80',
    'null',
    '',
    'example.com',
    'http://example.com/path',
    'http://user@example.com',
    'http://example.com#',
    'http://example.com?',
    'http:\\\\example.com',
    'http://exa mple.com',
    'http://example.com, http://example.com',
    'http://',
    'http://example.com:99999',
    'file://',
    'chrome-extension://example.com',
    `http://example.com${'/'.repeat(600)}`,
  ]) {
    assert.ok(!isSame(origin, 'example.com'), origin);
  }
});

test('RFC 9112 §3.2: nothing is the same as a Host that is missing or malformed', () => {
  for (const host of [undefined, '', 'example.com/', 'a@example.com', 'example.com, example.com']) {
    assert.ok(!isSame('http://example.com', host), host);
  }
});

test('RFC 6455 §10.2: on TLS the page came over TLS; without it, a proxy may have ended it', () => {
  assert.ok(isSame('https://example.com', 'example.com', true));
  assert.ok(!isSame('http://example.com', 'example.com', true));
  assert.ok(isSame('https://example.com', 'example.com', false));
  assert.ok(isSame('http://example.com', 'example.com', false));
});

test('RFC 6454 §4: a list has exact origins', () => {
  const list = ['https://app.example.com', 'http://localhost:3000', 'https://bücher.example:443/'];
  assert.ok(isListed('https://app.example.com', ...list));
  assert.ok(isListed('HTTPS://App.Example.com:443', ...list));
  assert.ok(isListed('http://localhost:3000', ...list));
  assert.ok(isListed('https://xn--bcher-kva.example', ...list));
  for (const origin of [
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com.evil.example',
    'https://a.app.example.com',
    'http://localhost',
    'http://localhost:30000',
    'null',
    '',
  ]) {
    assert.ok(!isListed(origin, ...list), origin);
  }
  assert.ok(!isListed('https://app.example.com'));
});

test('RFC 6454 §6.2: a list may name "null" and schemes of applications', () => {
  assert.ok(isListed('null', 'null'));
  assert.ok(isListed('file://', 'file://'));
  assert.ok(isListed('capacitor://localhost', 'Capacitor://localhost'));
  assert.ok(!isListed('capacitor://localhost', 'ionic://localhost'));
});

test('RFC 6455 §10.2: a wildcard stands for one or more leading labels', () => {
  const list = ['https://*.example.com', 'http://*.test:8080'];
  assert.ok(isListed('https://a.example.com', ...list));
  assert.ok(isListed('https://a.b.Example.com:443', ...list));
  assert.ok(isListed('http://a.test:8080', ...list));
  for (const origin of [
    'https://example.com',
    'https://.example.com',
    'https://evilexample.com',
    'https://a.example.com.evil.example',
    'http://a.example.com',
    'https://a.example.com:8443',
    'https://evil.example/.example.com',
    'https://evil.example#.example.com',
    'https://evil.example\\.example.com',
    'http://a.test',
    'https://a.test:8080',
    'null',
  ]) {
    assert.ok(!isListed(origin, ...list), origin);
  }
});

test('a regular expression must match the whole origin, and keeps no state', () => {
  const pattern = /https:\/\/(?:a|ab)\.example/gimy;
  for (let time = 0; time < 3; time++) {
    assert.ok(isListed('https://ab.example', pattern));
    assert.ok(isListed('HTTPS://A.example', pattern));
  }
  assert.ok(!isListed('https://a.example.evil.example', pattern));
  assert.ok(!isListed('https://evil.example/https://a.example', pattern));
  assert.ok(!isListed('https://b', /https:\/\/a|https:\/\/b:1/));
});

test('nothing longer than an origin can be reaches a regular expression', () => {
  assert.ok(isListed('a'.repeat(512), /a*/));
  assert.ok(!isListed('a'.repeat(513), /a*/));
});

test('patterns that would never match, or too much, are a TypeError', () => {
  for (const pattern of [
    '',
    '*',
    'example.com',
    '*.example.com',
    '//example.com',
    'https://',
    'https://*',
    'https://*.',
    'https://*.*.example.com',
    'https://a.*.example.com',
    'https://example.com/path',
    'https://user@example.com',
    'https://example.com:99999',
    `https://${'a'.repeat(600)}`,
    1,
  ]) {
    assert.throws(() => checkOriginPatterns([pattern as string]), invalidArgument, String(pattern));
  }
  const longest = `app://${'a'.repeat(506)}`;
  assert.doesNotThrow(() => checkOriginPatterns([longest]));
  assert.throws(() => checkOriginPatterns([`${longest}a`]), invalidArgument);
  assert.doesNotThrow(() => checkOriginPatterns([/x/, 'null', 'https://*.example.com:8443']));
});

test('a pattern that was not checked matches nothing', () => {
  assert.ok(!isOriginAllowed(['example.com'], 'example.com', 'example.com', false));
  assert.ok(!isOriginAllowed(['example.com'], 'https://example.com', 'example.com', false));
});

test('RFC 6455 §10.2: no Origin makes the check throw', () => {
  const mischief = fc.string({
    unit: fc.constantFrom('h', ':', '/', '.', '@', '[', '*', '%', 'é'),
  });
  const origins = fc.oneof(fc.string({ unit: 'binary' }), mischief);
  fc.assert(
    fc.property(
      fc.constantFrom('', 'http://', 'https://'),
      origins,
      mischief,
      (start, rest, host) => {
        assert.equal(typeof isSame(start + rest, host), 'boolean');
        assert.equal(isListed(start + rest, 'https://example.com', 'https://*.example.com'), false);
      },
    ),
    { numRuns: 1000 },
  );
});

test('RFC 6455 §10.2: every name and port is the same as itself, and as no other port', () => {
  fc.assert(
    fc.property(fc.domain(), fc.integer({ min: 1, max: 65_534 }), (name, port) => {
      assert.ok(isSame(`https://${name}:${port}`, `${name}:${port}`, true));
      assert.ok(!isSame(`https://${name}:${port}`, `${name}:${port + 1}`, true));
    }),
  );
});

test('RFC 6455 §10.2: a list may contain the same host', () => {
  const policy = ['same', 'https://partner.example'];
  checkOriginPatterns(policy);
  assert.equal(isOriginAllowed(policy, 'https://app.example', 'app.example', true), true);
  assert.equal(isOriginAllowed(policy, 'https://partner.example', 'app.example', true), true);
  assert.equal(isOriginAllowed(policy, 'https://other.example', 'app.example', true), false);
});
