import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { HandshakeError } from '#src/errors.js';
import type { HandshakeErrorCode } from '#src/errors.js';
import { clientRequestHead, judgeResponse } from '#src/handshake/client-handshake.js';
import { judgeRequest } from '#src/handshake/server-handshake.js';
import type { ClientRequest } from '#src/handshake/client-handshake.js';
import { parseRequestHead } from '#src/handshake/http1-head.js';
import {
  accepted,
  invalidArgument,
  latin1,
  refused,
  SAMPLE_ACCEPT,
  SAMPLE_KEY,
  sampleResponse,
} from './sample-heads.js';

const REQUEST: ClientRequest = {
  target: '/chat',
  host: 'server.example.com',
  key: SAMPLE_KEY,
  protocols: [],
};

const OFFER: ClientRequest = { ...REQUEST, extensions: 'permessage-deflate, x-other; a=1' };

test('RFC 6455 §1.2 and §4.1: the sample request', () => {
  const head = clientRequestHead({
    ...REQUEST,
    protocols: ['chat', 'superchat'],
    extensions: 'permessage-deflate',
    origin: 'http://example.com',
    headers: { Cookie: 'a=b', authorization: 'Bearer c' },
  });
  assert.equal(
    latin1(head),
    'GET /chat HTTP/1.1\r\n' +
      'Host: server.example.com\r\n' +
      'Upgrade: websocket\r\n' +
      'Connection: Upgrade\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
      'Sec-WebSocket-Version: 13\r\n' +
      'Origin: http://example.com\r\n' +
      'Sec-WebSocket-Protocol: chat, superchat\r\n' +
      'Sec-WebSocket-Extensions: permessage-deflate\r\n' +
      'Cookie: a=b\r\n' +
      'authorization: Bearer c\r\n' +
      '\r\n',
  );
});

test('RFC 6455 §4.1: what is not asked for is not sent', () => {
  const { headers } = accepted(parseRequestHead(clientRequestHead(REQUEST)));
  assert.deepEqual(
    [...headers.keys()],
    ['host', 'upgrade', 'connection', 'sec-websocket-key', 'sec-websocket-version'],
  );
});

test('RFC 6455 §4.1 item 4: a Host of the caller takes the place of the URL’s', () => {
  const head = clientRequestHead({ ...REQUEST, headers: { host: 'virtual.example:8080' } });
  const { headers } = accepted(parseRequestHead(head));
  assert.equal(headers.get('host'), 'virtual.example:8080');
});

test('RFC 6455 §4.1 item 8: an Origin among the headers, but not two', () => {
  const headers = { ORIGIN: 'http://example.com' };
  const head = clientRequestHead({ ...REQUEST, headers });
  assert.equal(accepted(parseRequestHead(head)).headers.get('origin'), 'http://example.com');
  const twice = [
    ['Origin', 'a://b'],
    ['origin', 'a://b'],
  ] as const;
  for (const request of [
    { ...REQUEST, headers, origin: 'http://example.com' },
    { ...REQUEST, headers: new Map(twice).entries(), origin: 'a://b' },
    { ...REQUEST, headers: twice },
  ]) {
    assert.throws(() => clientRequestHead(request), invalidArgument);
  }
});

test('RFC 6455 §4.1: headers of the handshake are not for the caller', () => {
  for (const name of [
    'Connection',
    'UPGRADE',
    'Sec-WebSocket-Key',
    'sec-websocket-version',
    'Sec-WebSocket-Extensions',
    'Sec-WebSocket-Protocol',
    'Sec-WebSocket-Accept',
    'Content-Length',
    'transfer-encoding',
  ]) {
    assert.throws(() => clientRequestHead({ ...REQUEST, headers: { [name]: '0' } }), {
      ...invalidArgument,
      message: new RegExp(`the header ${name} belongs to the opening handshake`),
    });
  }
});

test('case 18: a request that would break out of its lines is a TypeError', () => {
  const broken = 'a\r\nX: y';
  for (const change of [
    { target: `/${broken}` },
    { target: 'chat' },
    { host: broken },
    { host: '' },
    { host: 'user@example.com' },
    { key: broken },
    { key: '' },
    { protocols: [broken] },
    { protocols: ['a', 'a'] },
    { extensions: broken },
    { extensions: '' },
    { origin: broken },
    { headers: { 'X-One': broken } },
    { headers: { [broken]: 'a' } },
    { headers: { Host: broken } },
    {
      headers: [
        ['Host', 'a'],
        ['host', 'b'],
      ] as const,
    },
  ] satisfies Partial<ClientRequest>[]) {
    const request = { ...REQUEST, ...change };
    assert.throws(() => clientRequestHead(request), invalidArgument, JSON.stringify(change));
  }
});

test('RFC 6455 §4: the server takes what the client writes', () => {
  const name = fc.stringMatching(/^[a-zA-Z0-9.-]{1,8}$/);
  const request = fc.record({
    path: fc.webPath(),
    host: fc.domain(),
    protocols: fc.uniqueArray(name),
    origin: fc.option(fc.webUrl(), { nil: undefined }),
  });
  fc.assert(
    fc.property(request, ({ path, host, protocols, origin }) => {
      const target = `/${path}`;
      const extra = origin === undefined ? {} : { origin };
      const head = clientRequestHead({ target, host, key: SAMPLE_KEY, protocols, ...extra });
      assert.deepEqual(accepted(judgeRequest(accepted(parseRequestHead(head)))), {
        key: SAMPLE_KEY,
        protocols,
        origin,
        host,
        extensions: undefined,
        path: target,
        query: '',
      });
    }),
  );
});

test('RFC 6455 §4.1: the answer that fits', () => {
  assert.deepEqual(judgeResponse(sampleResponse(), REQUEST), { protocol: '', extensions: '' });
  const lax = sampleResponse({
    upgrade: 'WebSocket',
    connection: 'keep-alive, upgrade',
    'content-length': '0',
    'sec-websocket-accept': ` ${SAMPLE_ACCEPT}\t`,
  });
  assert.deepEqual(judgeResponse(lax, REQUEST), { protocol: '', extensions: '' });
});

test('RFC 6455 §4.1, checks 2 to 4, case 27: the error names the header at fault', () => {
  const cases: [HandshakeErrorCode, Record<string, string | undefined>][] = [
    ['ERR_WS_UPGRADE', { upgrade: undefined }],
    ['ERR_WS_UPGRADE', { upgrade: 'h2c' }],
    ['ERR_WS_UPGRADE', { upgrade: 'websocket, h2c' }],
    ['ERR_WS_UPGRADE', { upgrade: 'websocket, websocket' }],
    ['ERR_WS_CONNECTION', { connection: undefined }],
    ['ERR_WS_CONNECTION', { connection: 'close' }],
    ['ERR_WS_ACCEPT', { 'sec-websocket-accept': undefined }],
    ['ERR_WS_ACCEPT', { 'sec-websocket-accept': '' }],
    ['ERR_WS_ACCEPT', { 'sec-websocket-accept': SAMPLE_ACCEPT.toLowerCase() }],
    ['ERR_WS_ACCEPT', { 'sec-websocket-accept': SAMPLE_KEY }],
    ['ERR_WS_ACCEPT', { 'sec-websocket-accept': `${SAMPLE_ACCEPT}, ${SAMPLE_ACCEPT}` }],
  ];
  for (const [code, changes] of cases) {
    const error = refused(judgeResponse(sampleResponse(changes), REQUEST), code);
    assert.equal(error.status, 101);
    assert.match(error.message, /Upgrade|Connection|Sec-WebSocket-Accept/);
  }
});

test('RFC 6455 §4.1: the checks are made in their order', () => {
  const wrong = {
    'transfer-encoding': 'chunked',
    upgrade: 'h2c',
    connection: 'close',
    'sec-websocket-accept': 'x',
    'sec-websocket-extensions': 'x',
    'sec-websocket-protocol': 'x',
  };
  const codes: string[] = [];
  const changes: Record<string, string | undefined> = { ...wrong };
  for (const name of Object.keys(wrong)) {
    const result = judgeResponse(sampleResponse(changes), REQUEST);
    codes.push(result instanceof HandshakeError ? result.code : '');
    changes[name] = name === 'connection' ? 'Upgrade' : undefined;
    if (name === 'upgrade') changes[name] = 'websocket';
    if (name === 'sec-websocket-accept') changes[name] = SAMPLE_ACCEPT;
  }
  assert.deepEqual(codes, [
    'ERR_WS_HEAD_MALFORMED',
    'ERR_WS_UPGRADE',
    'ERR_WS_CONNECTION',
    'ERR_WS_ACCEPT',
    'ERR_WS_EXTENSION',
    'ERR_WS_SUBPROTOCOL',
  ]);
});

test('RFC 9112 §6.3, case 34: a 101 that announces a body', () => {
  for (const changes of [
    { 'transfer-encoding': 'chunked' },
    { 'transfer-encoding': '' },
    { 'content-length': '5' },
    { 'content-length': '0, 0' },
    { 'content-length': '00' },
    { 'content-length': '' },
  ]) {
    refused(judgeResponse(sampleResponse(changes), REQUEST), 'ERR_WS_HEAD_MALFORMED');
  }
});

test('RFC 6455 §4.1, fifth check: extensions that were offered', () => {
  for (const extensions of [
    'permessage-deflate',
    'permessage-deflate; server_max_window_bits=10',
    'x-other, permessage-deflate',
  ]) {
    const response = sampleResponse({ 'sec-websocket-extensions': extensions });
    assert.deepEqual(judgeResponse(response, OFFER), { protocol: '', extensions });
  }
  assert.deepEqual(judgeResponse(sampleResponse(), OFFER), { protocol: '', extensions: '' });
});

test('RFC 6455 §4.1, fifth check, case 29: extensions not offered, or twice, or malformed', () => {
  const judge = (value: string, request: ClientRequest) =>
    judgeResponse(sampleResponse({ 'sec-websocket-extensions': value }), request);
  refused(judge('permessage-deflate', REQUEST), 'ERR_WS_EXTENSION');
  for (const value of [
    'x-unknown',
    'permessage-deflate, x-unknown',
    'constructor',
    '__proto__',
    'permessage-deflate, permessage-deflate',
    '',
    'permessage-deflate;',
    'permessage-deflate; a="\\c\\c',
  ]) {
    refused(judge(value, OFFER), 'ERR_WS_EXTENSION');
  }
});

test('RFC 6455 §4.1, sixth check: a subprotocol that was offered', () => {
  const response = sampleResponse({ 'sec-websocket-protocol': 'superchat' });
  const request = { ...REQUEST, protocols: ['chat', 'superchat'] };
  assert.deepEqual(judgeResponse(response, request), { protocol: 'superchat', extensions: '' });
});

test('RFC 6455 §4.1, sixth check, case 28: unrequested, none when requested, two', () => {
  const cases: [string[], string | undefined][] = [
    [[], 'chat'],
    [[], ''],
    [['chat'], undefined],
    [['chat'], ''],
    [['chat'], 'superchat'],
    [['chat'], 'Chat'],
    [['chat', 'superchat'], 'chat, superchat'],
    [['chat'], 'chat, chat'],
  ];
  for (const [protocols, value] of cases) {
    const response = sampleResponse({ 'sec-websocket-protocol': value });
    refused(judgeResponse(response, { ...REQUEST, protocols }), 'ERR_WS_SUBPROTOCOL');
  }
});

test('RFC 6455 §4.1: no headers make the judgement throw', () => {
  const name = fc.constantFrom(
    'upgrade',
    'connection',
    'content-length',
    'sec-websocket-accept',
    'sec-websocket-extensions',
    'sec-websocket-protocol',
    '__proto__',
  );
  const value = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('websocket', 'Upgrade'));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), (entries) => {
      const headers = new Map(entries);
      assert.ok(judgeResponse(sampleResponse({}, { headers }), OFFER) instanceof HandshakeError);
    }),
  );
});
