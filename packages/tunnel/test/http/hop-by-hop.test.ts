import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TunnelError } from '@framewire/tunnel';
import { framingOf, requestFields, responseFields, trailerPairs } from '#src/http/hop-by-hop.js';
import { withHost, withoutField } from '#src/http/prepare.js';

const NOTHING = { isChunked: false, length: undefined };

function passed(rawHeaders: string[], method = 'GET', isUpgrade = false): string[] {
  const request = { rawHeaders, method, httpVersionMajor: 1, httpVersionMinor: 1 };
  return requestFields(request, { framing: NOTHING, isUpgrade });
}

test('§7.6.1 what Connection names goes, in any case and any number of fields', () => {
  assert.deepEqual(
    passed([
      'connection',
      'X-A , close',
      'x-a',
      '1',
      'CONNECTION',
      ',x-b,,',
      'X-B',
      '2',
      'x-c',
      '3',
    ]),
    ['x-c', '3'],
  );
});

test('§7.6.1 what Connection must not name stays', () => {
  const fields = ['Host', 'a', 'Authorization', 'b', 'Cookie', 'c', 'Content-Type', 'd'];
  assert.deepEqual(
    passed([...fields, 'Connection', 'host, authorization, cookie, content-type']),
    fields,
  );
});

test('§7.8 Upgrade stays for an upgrade, all of it', () => {
  const raw = [
    'Upgrade',
    'a',
    'Host',
    'x',
    'upgrade',
    'b/2',
    'Connection',
    'upgrade, x-y',
    'X-Y',
    '1',
  ];
  assert.deepEqual(passed(raw), ['Host', 'x']);
  assert.deepEqual(passed(raw, 'GET', true), [
    'Host',
    'x',
    'Connection',
    'Upgrade',
    'Upgrade',
    'a, b/2',
  ]);
});

test('§10.1.4 of TE only trailers stays', () => {
  assert.deepEqual(passed(['TE', 'gzip;q=1']), []);
  assert.deepEqual(passed(['te', 'gzip, Trailers']), [
    'TE',
    'trailers',
    'Connection',
    'keep-alive, TE',
  ]);
});

test('§8.6 a method that expects content says that there is none', () => {
  assert.deepEqual(passed([], 'POST'), ['Content-Length', '0']);
  assert.deepEqual(passed([], 'PROPFIND'), ['Content-Length', '0']);
  assert.deepEqual(passed([], 'OPTIONS'), []);
});

test('RFC 9112 §6.3 the framing is chunks, a length, or nothing', () => {
  const code = 'ERR_TUNNEL_BAD_REQUEST';
  assert.deepEqual(framingOf(['transfer-encoding', ' Chunked '], code), {
    isChunked: true,
    length: undefined,
  });
  assert.deepEqual(framingOf(['CONTENT-LENGTH', '12'], code), { isChunked: false, length: 12 });
  assert.deepEqual(framingOf(['Host', 'a'], code), NOTHING);
});

for (const raw of [
  ['Transfer-Encoding', 'gzip, chunked'],
  ['Transfer-Encoding', 'xchunked'],
  ['Transfer-Encoding', 'chunked', 'transfer-encoding', 'chunked'],
  ['Content-Length', '99999999999999999999'],
  ['Content-Length', '1, 1'],
]) {
  test(`RFC 9112 §6.1 it is refused as ${JSON.stringify(raw)}`, () => {
    const error = framingOf(raw, 'ERR_TUNNEL_BAD_RESPONSE');
    assert.ok(TunnelError.isInstance(error));
    assert.equal(error.code, 'ERR_TUNNEL_BAD_RESPONSE');
  });
}

test('RFC 9112 §6.3 what goes on in chunks has no Content-Length, and only that announces trailers', () => {
  const raw = ['Content-Length', '1', 'Trailer', 'X', 'A', 'b'];
  assert.deepEqual(responseFields(raw, { isChunked: true, status: 200 }), [
    'Trailer',
    'X',
    'A',
    'b',
  ]);
  assert.deepEqual(responseFields(raw, { isChunked: false, status: 200 }), [
    'Content-Length',
    '1',
    'A',
    'b',
  ]);
});

test('§15.5.22 a 426 says what to upgrade to, other answers do not', () => {
  const raw = ['Upgrade', 'h2c', 'Connection', 'Upgrade'];
  assert.deepEqual(responseFields(raw, { isChunked: true, status: 426 }), ['Upgrade', 'h2c']);
  assert.deepEqual(responseFields(raw, { isChunked: true, status: 200 }), []);
});

test('§6.5.1 trailers that say what only heads may are dropped', () => {
  assert.deepEqual(
    trailerPairs([
      'X-A',
      '1',
      'Host',
      'b',
      'Forwarded',
      'for=x',
      'X-Forwarded-Host',
      'y',
      'x-a',
      '2',
    ]),
    [
      ['X-A', '1'],
      ['x-a', '2'],
    ],
  );
});

test('§7.2 another Host is the only one, and the first field', () => {
  assert.deepEqual(withHost(['A', '1', 'host', 'x', 'HOST', 'y'], 'z'), ['Host', 'z', 'A', '1']);
  assert.deepEqual(withoutField(['Authorization', 'x', 'B', '1'], 'authorization'), ['B', '1']);
});
