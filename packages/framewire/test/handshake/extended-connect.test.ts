import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HandshakeErrorCode } from 'framewire';
import {
  connectAcceptance,
  connectFields,
  connectRefusal,
  judgeConnect,
  judgeConnectResponse,
} from '#src/handshake/extended-connect.js';
import type { ClientRequest } from '#src/handshake/client-handshake.js';
import { refusalHeaders } from '#src/handshake/server-handshake.js';
import { invalidArgument, accepted, refused, SAMPLE_KEY } from './sample-heads.js';

const REQUEST: ClientRequest = {
  target: '/chat?room=1',
  host: 'server.example.com',
  key: SAMPLE_KEY,
  protocols: ['chat', 'superchat'],
  extensions: 'permessage-deflate; client_max_window_bits',
  origin: 'http://example.com',
};

/** RFC 8441 §5.1: the request of the example. */
const FIELDS: Readonly<Record<string, string>> = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':scheme': 'https',
  ':path': '/chat',
  ':authority': 'server.example.com',
  'sec-websocket-protocol': 'chat, superchat',
  'sec-websocket-extensions': 'permessage-deflate',
  'sec-websocket-version': '13',
  origin: 'http://www.example.com',
};

function fields(changes: Readonly<Record<string, string | undefined>> = {}): Map<string, string> {
  const entries = Object.entries({ ...FIELDS, ...changes });
  return new Map(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

test('RFC 8441 §5.1: a request has neither key nor Upgrade', () => {
  assert.deepEqual(connectFields(REQUEST, 'https'), {
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'https',
    ':authority': 'server.example.com',
    ':path': '/chat?room=1',
    'sec-websocket-version': '13',
    origin: 'http://example.com',
    'sec-websocket-protocol': 'chat, superchat',
    'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits',
  });
});

test('RFC 9113 §8.2: names are in lower case, repeated fields joined, cookies with a semicolon', () => {
  const headers = [
    ['X-A', '1'],
    ['x-a', '2'],
    ['Cookie', 'a=b'],
    ['cookie', 'c=d'],
    ['Host', 'virtual.example'],
  ] as const;
  const record = connectFields({ ...REQUEST, headers }, 'http');
  assert.equal(record[':scheme'], 'http');
  assert.equal(record[':authority'], 'virtual.example');
  assert.equal(record['x-a'], '1, 2');
  assert.equal(record['cookie'], 'a=b; c=d');
  assert.equal('host' in record, false);
});

test('RFC 9110 §5.1: any token is a name, also those that objects have of themselves', () => {
  const headers = [
    ['constructor', 'a'],
    ['__proto__', 'b'],
    ['__PROTO__', 'c'],
  ] as const;
  const record = connectFields({ ...REQUEST, headers }, 'https');
  assert.deepEqual(Object.entries(record).slice(-2), [
    ['constructor', 'a'],
    ['__proto__', 'b, c'],
  ]);
});

test('RFC 9113 §8.2.2: what HTTP/2 does not have, and what is ours, cannot be sent', () => {
  for (const headers of [
    { 'Keep-Alive': '5' },
    { 'Proxy-Connection': 'close' },
    { TE: 'gzip' },
    { TE: 'trailers, gzip' },
    { 'HTTP2-Settings': 'AA' },
    { Connection: 'x' },
    { Upgrade: 'websocket' },
    { 'Sec-WebSocket-Key': SAMPLE_KEY },
    { 'X-A': 'a\r\nb' },
  ]) {
    assert.throws(
      () => connectFields({ ...REQUEST, headers: headers as Record<string, string> }, 'https'),
      invalidArgument,
    );
  }
  for (const change of [{ target: 'chat' }, { origin: 'a\r\nX: y' }]) {
    assert.throws(() => connectFields({ ...REQUEST, ...change }, 'https'), invalidArgument);
  }
});

test('RFC 9113 §8.2.2: of the fields of one hop, TE may say "trailers"', () => {
  const record = connectFields({ ...REQUEST, headers: { TE: 'trailers' } }, 'https');
  assert.equal(record['te'], 'trailers');
});

test('RFC 8441 §5.1: any status of success opens, with what was agreed on', () => {
  const headers = new Map([
    ['sec-websocket-protocol', 'chat'],
    ['sec-websocket-extensions', 'permessage-deflate'],
  ]);
  for (const status of [200, 204, 299]) {
    assert.deepEqual(accepted(judgeConnectResponse({ status, headers }, REQUEST)), {
      protocol: 'chat',
      extensions: 'permessage-deflate',
    });
  }
});

test('RFC 8441 §5.1: what was not offered is no answer', () => {
  const answers: [HandshakeErrorCode, Record<string, string>][] = [
    ['ERR_WS_SUBPROTOCOL', {}],
    ['ERR_WS_SUBPROTOCOL', { 'sec-websocket-protocol': 'other' }],
    ['ERR_WS_EXTENSION', { 'sec-websocket-extensions': 'foo' }],
  ];
  for (const [code, headers] of answers) {
    const response = { status: 200, headers: new Map(Object.entries(headers)) };
    assert.equal(refused(judgeConnectResponse(response, REQUEST), code).status, 200);
  }
});

test('RFC 8441 §5.1: the request of the example is taken', () => {
  assert.deepEqual(accepted(judgeConnect(fields({ ':path': '/chat?room=1' }))), {
    protocols: ['chat', 'superchat'],
    origin: 'http://www.example.com',
    extensions: 'permessage-deflate',
    host: 'server.example.com',
    path: '/chat',
    query: 'room=1',
  });
});

test('RFC 9113 §8.3.1: the authority may stand in Host, and Host must not contradict it', () => {
  const host = (changes: Record<string, string | undefined>): string =>
    accepted(judgeConnect(fields(changes))).host;
  assert.equal(host({ ':authority': undefined, host: 'other.example' }), 'other.example');
  assert.equal(host({ ':authority': '[::1]:8443' }), '[::1]:8443');
  assert.equal(host({ ':authority': 'A.example', host: 'a.example' }), 'A.example');
  assert.equal(host({ ':authority': '[::1]', host: '[::1]' }), '[::1]');
});

const BAD: readonly [string, HandshakeErrorCode, number, Record<string, string | undefined>][] = [
  ['another method', 'ERR_WS_EXTENDED_CONNECT', 405, { ':method': 'GET' }],
  ['no :protocol', 'ERR_WS_EXTENDED_CONNECT', 501, { ':protocol': undefined }],
  ['another protocol', 'ERR_WS_EXTENDED_CONNECT', 501, { ':protocol': 'connect-udp' }],
  ['a body', 'ERR_WS_REQUEST_BODY', 400, { 'content-length': '5' }],
  ['no :scheme', 'ERR_WS_EXTENDED_CONNECT', 400, { ':scheme': undefined }],
  ['another :scheme', 'ERR_WS_EXTENDED_CONNECT', 400, { ':scheme': 'ws' }],
  ['no :authority', 'ERR_WS_HOST', 400, { ':authority': undefined }],
  ['two authorities', 'ERR_WS_HOST', 400, { host: 'other.example' }],
  ['a bad authority', 'ERR_WS_HOST', 400, { ':authority': 'a b' }],
  ['no :path', 'ERR_WS_EXTENDED_CONNECT', 400, { ':path': undefined }],
  ['an empty :path', 'ERR_WS_EXTENDED_CONNECT', 400, { ':path': '' }],
  ['an absolute :path', 'ERR_WS_EXTENDED_CONNECT', 400, { ':path': 'https://a/b' }],
  ['a :path with a space', 'ERR_WS_EXTENDED_CONNECT', 400, { ':path': '/a b' }],
  ['no version', 'ERR_WS_VERSION', 400, { 'sec-websocket-version': undefined }],
  ['two versions', 'ERR_WS_VERSION', 400, { 'sec-websocket-version': '13, 8' }],
  ['bad subprotocols', 'ERR_WS_SUBPROTOCOL', 400, { 'sec-websocket-protocol': 'a,,b' }],
  ['bad extensions', 'ERR_WS_EXTENSION', 400, { 'sec-websocket-extensions': 'a; "' }],
];

for (const [name, code, status, changes] of BAD) {
  test(`81 RFC 8441 §4: an extended CONNECT with ${name} is refused with ${status}`, () => {
    assert.equal(refused(judgeConnect(fields(changes)), code).status, status);
  });
}

test('RFC 9110 §15.5.6: a 405 says that CONNECT is allowed, and what the method was', () => {
  const method = judgeConnect(fields({ ':method': 'GET' }));
  const error = refused(method, 'ERR_WS_EXTENDED_CONNECT');
  assert.match(error.message, /no extended CONNECT for a WebSocket: :method is "GET"/u);
  assert.deepEqual(refusalHeaders(error), [['Allow', 'CONNECT']]);
  const scheme = judgeConnect(fields({ ':scheme': 'ws' }));
  assert.deepEqual(refusalHeaders(refused(scheme, 'ERR_WS_EXTENDED_CONNECT')), []);
});

test('RFC 8441 §5: a key that is sent all the same means nothing', () => {
  accepted(judgeConnect(fields({ 'sec-websocket-key': 'none' })));
});

test('RFC 8441 §5.1: the answer that opens', () => {
  const offer = accepted(judgeConnect(fields()));
  assert.deepEqual(connectAcceptance(offer, undefined, undefined, undefined), { ':status': '200' });
  const headers = [
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', 'b=2'],
    ['X-Node', '7'],
  ] as const;
  assert.deepEqual(connectAcceptance(offer, 'chat', 'permessage-deflate', headers), {
    ':status': '200',
    'sec-websocket-protocol': 'chat',
    'sec-websocket-extensions': 'permessage-deflate',
    'set-cookie': ['a=1', 'b=2'],
    'x-node': '7',
  });
  assert.throws(() => connectAcceptance(offer, 'other', undefined, undefined), invalidArgument);
  assert.throws(
    () => connectAcceptance(offer, undefined, undefined, { Upgrade: 'x' }),
    invalidArgument,
  );
});

test('RFC 8441 §5.1: a refusal has a body, and no status that would open', () => {
  const { fields: record, content } = connectRefusal(
    403,
    [
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['X-Why', 'so'],
    ],
    'no',
  );
  assert.deepEqual(record, {
    ':status': '403',
    'x-why': 'so',
    'content-type': 'text/plain; charset=utf-8',
    'content-length': '2',
  });
  assert.equal(Buffer.from(content).toString(), 'no');
  for (const status of [101, 200, 204, 299, 304, 600]) {
    assert.throws(() => connectRefusal(status, undefined, ''), invalidArgument);
  }
});
