import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { isAuthorityForm, isHost, splitTarget } from '#src/handshake/request-target.js';

test('RFC 9112 §3.2.1: an origin-form target is a path and a query', () => {
  assert.deepEqual(splitTarget('/'), { authority: undefined, path: '/', query: '' });
  assert.deepEqual(splitTarget('/chat?a=1?b=2'), {
    authority: undefined,
    path: '/chat',
    query: 'a=1?b=2',
  });
  assert.deepEqual(splitTarget('/chat?'), { authority: undefined, path: '/chat', query: '' });
});

test('RFC 9112 §3.2.2, case 23: an absolute-form target names host, path and query', () => {
  assert.deepEqual(splitTarget('http://example.com/chat?a=1'), {
    authority: 'example.com',
    path: '/chat',
    query: 'a=1',
  });
  assert.deepEqual(splitTarget('WSS://[::1]:8080'), {
    authority: '[::1]:8080',
    path: '/',
    query: '',
  });
  assert.deepEqual(splitTarget('ws://example.com?a=/b'), {
    authority: 'example.com',
    path: '/',
    query: 'a=/b',
  });
});

test('case 23: a path is the text that was sent, never a host, never resolved', () => {
  for (const path of ['//evil.example/chat', '///', '/a/../b', '/a//b', '/%2e%2e/', '/http://x/']) {
    assert.deepEqual(splitTarget(path), { authority: undefined, path, query: '' });
  }
});

test('RFC 9112 §3.2: what is no target of a handshake', () => {
  for (const target of [
    '',
    '*',
    'chat',
    'example.com:443',
    '/a b',
    '/a#b',
    '/ä',
    '/a\r\nb',
    '/\0',
    '/\x7f',
    'http://',
    'http:///chat',
    'http:/chat',
    'http://user@example.com/',
    'http://user:password@example.com/',
    'http://exa mple.com/',
    'http://example.com:99999/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
  ]) {
    assert.equal(splitTarget(target), undefined, target);
  }
});

test('RFC 9112 §3.2: no text makes the parser throw, and a path begins with "/"', () => {
  const mischief = fc.string({ unit: fc.constantFrom('/', 'a', ':', '?', '@', '#', '[', ']') });
  fc.assert(
    fc.property(fc.constantFrom('', '/', 'http://', 'wss:'), mischief, (start, rest) => {
      const target = splitTarget(start + rest);
      if (target === undefined) return;
      assert.ok(target.path.startsWith('/'));
      assert.ok(!target.path.includes('?'));
      assert.ok(target.authority === undefined || isHost(target.authority));
    }),
  );
});

test('RFC 3986 §3.2.2: hosts, with and without a port', () => {
  for (const host of [
    'example.com',
    'EXAMPLE.com:80',
    'localhost:',
    '127.0.0.1:65535',
    '[::1]',
    '[2001:db8::1.2.3.4]:443',
    'xn--bcher-kva.example',
    'under_score',
    "sub-delims!$&'()*+;=",
  ]) {
    assert.ok(isHost(host), host);
  }
});

test('RFC 9112 §3.2, case 3: what is no host', () => {
  for (const host of [
    '',
    ':80',
    'a, b',
    'a,b',
    'a b',
    'a/b',
    'user@a',
    'a:65536',
    'a:123456',
    'a:b',
    'a:1:2',
    '::1',
    '[::1',
    '[]',
    '[::1%25eth0]',
    'ä',
    'a\n',
  ]) {
    assert.ok(!isHost(host), host);
  }
});

test('RFC 9112 §3.2.3: an authority-form target is a host and a port', () => {
  for (const target of ['example.com:443', '127.0.0.1:1', '[2001:db8::1]:65535']) {
    assert.ok(isAuthorityForm(target), target);
  }
  for (const target of [
    '',
    'example.com',
    'example.com:',
    'example.com:0',
    'example.com:65536',
    'example.com:443 ',
    'example.com:443/',
    'user@example.com:443',
    ':443',
    '[::1]',
    '::1:443',
    '/:443',
  ]) {
    assert.ok(!isAuthorityForm(target), target);
  }
});
