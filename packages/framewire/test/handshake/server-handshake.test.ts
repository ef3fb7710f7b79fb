import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { HandshakeError } from '#src/errors.js';
import type { HandshakeErrorCode } from '#src/errors.js';
import {
  acceptanceHead,
  judgeRequest,
  refusalHead,
  refusalHeaders,
} from '#src/handshake/server-handshake.js';
import { judgeResponse } from '#src/handshake/client-handshake.js';
import type { UpgradeOffer } from '#src/handshake/server-handshake.js';
import { HeadReader, parseResponseHead } from '#src/handshake/http1-head.js';
import {
  accepted,
  invalidArgument,
  latin1,
  refused,
  SAMPLE_KEY,
  sampleRequest,
} from './sample-heads.js';

const OFFER: UpgradeOffer = accepted(
  judgeRequest(sampleRequest({ 'sec-websocket-extensions': 'permessage-deflate' })),
);

type Changes = Readonly<Record<string, string | undefined>>;

function refusedWith(code: HandshakeErrorCode, status: number, ...variants: Changes[]): void {
  for (const changes of variants) {
    const error = refused(judgeRequest(sampleRequest(changes)), code);
    assert.equal(error.status, status, JSON.stringify(changes));
  }
}

test('RFC 6455 §1.2 and §4.2.1: the sample request is an offer', () => {
  assert.deepEqual(judgeRequest(sampleRequest({}, { target: '/chat?room=1' })), {
    key: SAMPLE_KEY,
    protocols: ['chat', 'superchat'],
    origin: 'http://example.com',
    host: 'server.example.com',
    extensions: undefined,
    path: '/chat',
    query: 'room=1',
  });
});

test('RFC 6455 §4.2.1: without the headers that may be left out', () => {
  const request = sampleRequest({ origin: undefined, 'sec-websocket-protocol': undefined });
  const offer = accepted(judgeRequest(request));
  assert.equal(offer.origin, undefined);
  assert.deepEqual(offer.protocols, []);
});

test('RFC 6455 §4.2.1 item 1, case 1: POST is 405, with what is allowed', () => {
  for (const method of ['POST', 'HEAD', 'get', 'CONNECT']) {
    const error = refused(judgeRequest(sampleRequest({}, { method })), 'ERR_WS_METHOD');
    assert.equal(error.status, 405);
    assert.deepEqual(refusalHeaders(error), [['Allow', 'GET']]);
  }
});

test('RFC 6455 §4.2.1 item 1, case 2: HTTP/1.0 is 505', () => {
  const result = judgeRequest(sampleRequest({}, { httpVersion: '1.0' }));
  assert.equal(refused(result, 'ERR_WS_HTTP_VERSION').status, 505);
});

test('RFC 9112 §3.2, case 3: no Host, an empty one, two, or none that is a host', () => {
  refusedWith(
    'ERR_WS_HOST',
    400,
    { host: undefined },
    { host: '' },
    { host: 'a.example, b.example' },
    { host: 'a.example/' },
    { host: 'user@a.example' },
  );
});

test('RFC 6455 §4.2.1 item 3, case 4: another Upgrade is 426, and told what to upgrade to', () => {
  refusedWith(
    'ERR_WS_UPGRADE',
    426,
    { upgrade: undefined },
    { upgrade: 'h2c' },
    { upgrade: 'websocket/13' },
    { upgrade: 'websocketx' },
  );
  const error = refused(judgeRequest(sampleRequest({ upgrade: 'h2c' })), 'ERR_WS_UPGRADE');
  assert.deepEqual(refusalHeaders(error), [
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
  ]);
});

test('RFC 6455 §4.2.1 items 3 and 4, cases 5 and 6: lists, in any case', () => {
  for (const changes of [
    { connection: 'keep-alive, Upgrade' },
    { connection: 'upgrade' },
    { upgrade: 'WebSocket' },
    { upgrade: 'h2c, websocket' },
  ]) {
    accepted(judgeRequest(sampleRequest(changes)));
  }
  refusedWith(
    'ERR_WS_CONNECTION',
    400,
    { connection: 'close' },
    { connection: undefined },
    { connection: 'Upgraded' },
  );
});

test('RFC 6455 §4.2.1 item 5, case 7: keys that are none', () => {
  refusedWith(
    'ERR_WS_KEY',
    400,
    ...[
      undefined,
      '',
      `${SAMPLE_KEY}, ${SAMPLE_KEY}`,
      Buffer.alloc(15).toString('base64'),
      Buffer.alloc(17).toString('base64'),
      'not base64 not base64 !!',
      'dGhlIHNhbXBsZSBub25jZR==',
    ].map((key) => ({ 'sec-websocket-key': key })),
  );
});

test('RFC 6455 §4.4, case 8: another version is 426, and told of 13', () => {
  refusedWith(
    'ERR_WS_VERSION',
    426,
    ...[undefined, '', '8', '12', '13, 8', '13, 13', '13foo', '013', '1e1'].map((version) => ({
      'sec-websocket-version': version,
    })),
  );
  const request = sampleRequest({ 'sec-websocket-version': '8' });
  assert.deepEqual(refusalHeaders(refused(judgeRequest(request), 'ERR_WS_VERSION')), [
    ['Sec-WebSocket-Version', '13'],
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
  ]);
});

test('RFC 6455 §4.1 item 10, cases 10 and 11: malformed subprotocols', () => {
  refusedWith(
    'ERR_WS_SUBPROTOCOL',
    400,
    ...['', 'a,,b', 'a,', 'a, a', 'a b', 'é', `b${' '.repeat(32_000)}x`].map((protocols) => ({
      'sec-websocket-protocol': protocols,
    })),
  );
});

test('RFC 6455 §9.1, case 12: extensions nobody knows are an offer to decline', () => {
  for (const extensions of ['constructor', '__proto__; toString']) {
    const request = sampleRequest({ 'sec-websocket-extensions': extensions });
    assert.equal(accepted(judgeRequest(request)).extensions, extensions);
  }
});

test('RFC 6455 §9.1, case 13: malformed extensions', () => {
  refusedWith(
    'ERR_WS_EXTENSION',
    400,
    ...['', 'a;', 'a,,b', `a; b="${'\\c'.repeat(8192)}`].map((extensions) => ({
      'sec-websocket-extensions': extensions,
    })),
  );
});

test('RFC 9112 §3.2.2, case 23: an absolute target says which host and path', () => {
  const target = 'http://other.example:8080/chat?a';
  const offer = accepted(judgeRequest(sampleRequest({}, { target })));
  assert.deepEqual([offer.host, offer.path, offer.query], ['other.example:8080', '/chat', 'a']);
});

test('case 23: a path that looks like a host is a path', () => {
  const offer = accepted(judgeRequest(sampleRequest({}, { target: '//evil.example/chat' })));
  assert.deepEqual([offer.host, offer.path], ['server.example.com', '//evil.example/chat']);
  for (const target of ['*', 'chat', '/a#b', 'http://user@a/', 'http://', '/\xe9']) {
    const error = refused(judgeRequest(sampleRequest({}, { target })), 'ERR_WS_HEAD_MALFORMED');
    assert.equal(error.status, 400);
  }
});

test('RFC 9112 §11.2, case 24: a request that announces a body', () => {
  refusedWith(
    'ERR_WS_REQUEST_BODY',
    400,
    { 'content-length': '5' },
    { 'content-length': '' },
    { 'content-length': '0, 0' },
    { 'content-length': '+0' },
    { 'transfer-encoding': 'chunked' },
    { 'transfer-encoding': '' },
  );
  accepted(judgeRequest(sampleRequest({ 'content-length': '0' })));
});

test('RFC 6455 §4.2.1: the first thing that is wrong is told, in the documented order', () => {
  const wrong: [string, HandshakeErrorCode, string | undefined][] = [
    ['upgrade', 'ERR_WS_UPGRADE', 'websocket'],
    ['connection', 'ERR_WS_CONNECTION', 'Upgrade'],
    ['content-length', 'ERR_WS_REQUEST_BODY', undefined],
    ['host', 'ERR_WS_HOST', 'a.example'],
    ['sec-websocket-version', 'ERR_WS_VERSION', '13'],
    ['sec-websocket-key', 'ERR_WS_KEY', SAMPLE_KEY],
    ['sec-websocket-protocol', 'ERR_WS_SUBPROTOCOL', 'a'],
    ['sec-websocket-extensions', 'ERR_WS_EXTENSION', 'a'],
  ];
  const changes = Object.fromEntries(
    wrong.map(([name]): [string, string | undefined] => [name, '']),
  );
  const result = judgeRequest(sampleRequest(changes, { httpVersion: '1.0', method: 'POST' }));
  refused(result, 'ERR_WS_HTTP_VERSION');
  refused(judgeRequest(sampleRequest(changes, { method: 'POST' })), 'ERR_WS_METHOD');
  for (const [name, code, right] of wrong) {
    refused(judgeRequest(sampleRequest(changes)), code);
    changes[name] = right;
  }
  accepted(judgeRequest(sampleRequest(changes)));
});

test('RFC 6455 §4.2.1: no headers make the judgement throw', () => {
  const names = [...sampleRequest().headers.keys(), 'content-length', 'sec-websocket-extensions'];
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.string({ unit: 'binary' }), (name, value) => {
      const result = judgeRequest(sampleRequest({ [name]: value }));
      assert.ok(result instanceof HandshakeError ? result.status !== undefined : result.key !== '');
    }),
    { numRuns: 1000 },
  );
});

test('RFC 9110 §10.2.3, case 25: a server that cannot now says when to try again', () => {
  for (const code of ['ERR_WS_SHUTTING_DOWN', 'ERR_WS_TOO_MANY_CONNECTIONS'] as const) {
    assert.deepEqual(refusalHeaders(new HandshakeError(code, '')), [['Retry-After', '5']]);
  }
  assert.deepEqual(refusalHeaders(new HandshakeError('ERR_WS_ORIGIN', '')), []);
});

test('RFC 6455 §1.3 and §4.2.2 step 5: the sample answer', () => {
  const head = acceptanceHead(OFFER, 'chat', 'permessage-deflate', { 'Set-Cookie': 'a=b' });
  assert.equal(
    latin1(head),
    'HTTP/1.1 101 Switching Protocols\r\n' +
      'Upgrade: websocket\r\n' +
      'Connection: Upgrade\r\n' +
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n' +
      'Sec-WebSocket-Protocol: chat\r\n' +
      'Sec-WebSocket-Extensions: permessage-deflate\r\n' +
      'Set-Cookie: a=b\r\n' +
      '\r\n',
  );
});

test('RFC 6455 §4.2.2: the client takes what the server writes', () => {
  const request = {
    target: '/chat',
    host: 'server.example.com',
    key: SAMPLE_KEY,
    extensions: 'permessage-deflate',
  };
  for (const protocol of ['chat', undefined]) {
    const head = acceptanceHead(OFFER, protocol, undefined, undefined);
    const response = accepted(parseResponseHead(head));
    const protocols = protocol === undefined ? [] : ['chat', 'superchat'];
    assert.deepEqual(judgeResponse(response, { ...request, protocols }), {
      protocol: protocol ?? '',
      extensions: '',
    });
  }
});

test('RFC 6455 §4.2.2: only what was offered can be agreed', () => {
  const plain: UpgradeOffer = { ...OFFER, extensions: undefined };
  for (const answer of [
    () => acceptanceHead(OFFER, 'Chat', undefined, undefined),
    () => acceptanceHead(OFFER, '', undefined, undefined),
    () => acceptanceHead(plain, undefined, 'permessage-deflate', undefined),
    () => acceptanceHead(OFFER, undefined, 'a;', undefined),
  ]) {
    assert.throws(answer, invalidArgument, String(answer));
  }
});

test('RFC 6455 §4.2.2, case 18: headers of the application stay in their lines', () => {
  for (const headers of [
    { 'X-One': 'a\r\nSet-Cookie: b' },
    { 'X-One': 'a\nb' },
    { 'X\r\nOne': 'a' },
    { Connection: 'close' },
    { upgrade: 'websocket' },
    { 'Sec-WebSocket-Accept': 'x' },
    { 'Sec-WebSocket-Protocol': 'chat' },
    { 'Sec-WebSocket-Extensions': 'x' },
    { 'Content-Length': '0' },
    { 'Transfer-Encoding': 'chunked' },
  ]) {
    const text = JSON.stringify(headers);
    assert.throws(() => acceptanceHead(OFFER, 'chat', undefined, headers), invalidArgument, text);
  }
});

function split(response: Uint8Array): [Map<string, string>, string, number] {
  const result = new HeadReader().push(response);
  assert.ok(result.kind === 'head');
  const { headers, status } = accepted(parseResponseHead(result.head));
  return [new Map(headers), Buffer.from(result.rest).toString('utf8'), status];
}

test('RFC 6455 §4.2.2 step 4: a refusal is a whole response, and the last', () => {
  const [headers, body, status] = split(refusalHead(403, undefined, 'go away, Zoë'));
  assert.equal(status, 403);
  assert.equal(body, 'go away, Zoë');
  assert.deepEqual(
    [...headers],
    [
      ['connection', 'close'],
      ['content-type', 'text/plain; charset=utf-8'],
      ['content-length', '13'],
    ],
  );
});

test('RFC 9110 §7.8, case 4: a refusal that names an Upgrade lists it in Connection', () => {
  const error = refused(judgeRequest(sampleRequest({ upgrade: undefined })), 'ERR_WS_UPGRADE');
  const [headers, body, status] = split(refusalHead(426, refusalHeaders(error), ''));
  assert.equal(status, 426);
  assert.equal(body, '');
  assert.equal(headers.get('upgrade'), 'websocket');
  assert.equal(headers.get('connection'), 'close, Upgrade');
  assert.equal(headers.get('content-length'), '0');
});

test('a refusal takes the headers of the application', () => {
  const headers = { 'content-type': 'application/json', 'WWW-Authenticate': 'Basic' };
  const [fields] = split(refusalHead(401, headers, '{}'));
  assert.equal(fields.get('content-type'), 'application/json');
  assert.equal(fields.get('www-authenticate'), 'Basic');
  const [kept] = split(refusalHead(401, { Connection: 'keep-alive' }, ''));
  assert.equal(kept.get('connection'), 'close');
});

test('a refusal has any status from 300 on that has a body', () => {
  for (const wanted of [300, 302, 404, 599]) {
    const [, body, status] = split(refusalHead(wanted, undefined, 'x'));
    assert.deepEqual([status, body], [wanted, 'x']);
  }
});

test('case 18: a refusal that breaks out, or looks like an acceptance, is a TypeError', () => {
  for (const status of [101, 200, 204, 299, 304, 600, Number.NaN, 400.5]) {
    assert.throws(() => refusalHead(status, undefined, ''), invalidArgument, String(status));
  }
  for (const headers of [
    { 'X-One': 'a\r\nb' },
    { 'X-One\n': 'a' },
    { 'content-length': '5' },
    { 'Transfer-Encoding': 'chunked' },
  ]) {
    const text = JSON.stringify(headers);
    assert.throws(() => refusalHead(403, headers, ''), invalidArgument, text);
  }
});
