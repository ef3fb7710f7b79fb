/** Servers that answer an opening handshake in ways they should not. The numbers are those of the list. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { connect, type ConnectOptions } from 'framewire';
import { ManualClock } from 'framewire/testing';
import { octetsOf } from '../protocol/frames.ts';
import { RawListener } from '../connection/opening.ts';
import {
  responseHead,
  turns,
  within,
  type HeaderChanges,
  type RawPeer,
} from '../connection/raw-peer.ts';

type Answer = (peer: RawPeer, key: string) => Promise<void> | void;

interface Attempt {
  readonly listener: RawListener;
  readonly clock: ManualClock;
}

const ATTEMPTS: readonly (readonly [string, HeaderChanges, string, ConnectOptions?])[] = [
  ['27 without Sec-WebSocket-Accept', { 'Sec-WebSocket-Accept': undefined }, 'ERR_WS_ACCEPT'],
  [
    '27 with the Accept of another key',
    { 'Sec-WebSocket-Accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' },
    'ERR_WS_ACCEPT',
  ],
  ['27 without Upgrade', { Upgrade: undefined }, 'ERR_WS_UPGRADE'],
  ['27 with an Upgrade to something else', { Upgrade: 'h2c' }, 'ERR_WS_UPGRADE'],
  ['27 without Connection', { Connection: undefined }, 'ERR_WS_CONNECTION'],
  ['27 with Connection: close', { Connection: 'close' }, 'ERR_WS_CONNECTION'],
  [
    '28 with a subprotocol nobody asked for',
    { 'Sec-WebSocket-Protocol': 'chat' },
    'ERR_WS_SUBPROTOCOL',
  ],
  ['28 without a subprotocol that was asked for', {}, 'ERR_WS_SUBPROTOCOL', { protocols: 'chat' }],
  [
    '28 with two subprotocols',
    { 'Sec-WebSocket-Protocol': ['a', 'b'] },
    'ERR_WS_SUBPROTOCOL',
    { protocols: ['a', 'b'] },
  ],
  [
    '29 with an extension nobody asked for',
    { 'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=7' },
    'ERR_WS_EXTENSION',
  ],
  ['29 with an extension that is none', { 'Sec-WebSocket-Extensions': 'a;;' }, 'ERR_WS_EXTENSION'],
  ['34 with a Transfer-Encoding', { 'Transfer-Encoding': 'chunked' }, 'ERR_WS_HEAD_MALFORMED'],
  ['34 with a Content-Length', { 'Content-Length': '5' }, 'ERR_WS_HEAD_MALFORMED'],
];

for (const [name, changes, code, options] of ATTEMPTS) {
  test(`§4.1 a 101 ${name} is refused`, async (t) => {
    const listener = await RawListener.start(t);
    const clock = new ManualClock();
    const connecting = connect(listener.url, { ...options, clock });
    const peer = await listener.next();
    await peer.openAsServer(changes, peer.frame(0x81, 'smuggled'));
    await assert.rejects(within(connecting, 'connect'), (error: Error & { code?: string }) => {
      assert.equal(error.name, 'HandshakeError');
      assert.equal(error.code, code, error.message);
      assert.equal(Reflect.get(error, 'status'), 101);
      assert.equal(Reflect.get(error, 'url'), listener.url);
      return true;
    });
    await peer.ended();
    assert.equal(clock.pending, 0);
  });
}

test('34 a Content-Length of 0 on a 101 is harmless', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url);
  const peer = await listener.next();
  await peer.openAsServer({ 'Content-Length': '0' }, peer.frame(0x81, 'fine'));
  const connection = await within(connecting, 'connect');
  assert.equal(await within(connection.receive(), 'a message'), 'fine');
  connection.terminate();
});

async function rejected(
  { listener, clock }: Attempt,
  answer: Answer,
  options: ConnectOptions = {},
): Promise<Error & { readonly code?: string; readonly status?: number }> {
  const connecting = connect(listener.url, { ...options, clock });
  connecting.catch(() => {});
  const peer = await listener.next();
  const request = await peer.readHead();
  await answer(peer, request.headers.get('sec-websocket-key') ?? '');
  const error = await within(
    connecting.then(
      () => assert.fail('it was accepted'),
      (reason: unknown) => reason as Error,
    ),
    'the rejection',
  );
  peer.end();
  await peer.closed();
  assert.equal(clock.pending, 0);
  return error;
}

test('30 §10.4 a head without end is refused at its bound, however much would come', async (t) => {
  const listener = await RawListener.start(t);
  let sent = 0;
  const error = await rejected({ listener, clock: new ManualClock() }, async (peer) => {
    peer.send('HTTP/1.1 101 Switching Protocols\r\n');
    const line = `X-Long: ${'x'.repeat(1000)}\r\n`;
    for (; sent < 10_000 && !peer.hasEnded && !peer.isClosed; sent++) {
      peer.send(line);
      await turns(1);
    }
  });
  assert.equal(error.code, 'ERR_WS_HEAD_TOO_LARGE');
  assert.ok(sent < 1000, `${sent} kB were sent`);
});

test('30 one line of megabytes is refused without being kept', async (t) => {
  const listener = await RawListener.start(t);
  const error = await rejected({ listener, clock: new ManualClock() }, (peer) => {
    peer.send('HTTP/1.1 101 ', Buffer.alloc(20_000_000, 'x'));
  });
  assert.equal(error.code, 'ERR_WS_HEAD_TOO_LARGE');
});

test('30 a head that is dribbled has the time of the whole handshake, and no more', async (t) => {
  const listener = await RawListener.start(t);
  const clock = new ManualClock();
  const error = await rejected(
    { listener, clock },
    async (peer, key) => {
      for (const octet of responseHead(key).slice(0, 60)) {
        peer.send(octet);
        await turns(3);
        clock.advance(100);
      }
    },
    { handshakeTimeout: 5000 },
  );
  assert.equal(error.code, 'ERR_WS_OPENING_TIMEOUT');
  assert.equal(error.name, 'TimeoutError');
});

test('RFC 9110 §15.2 informational answers are stepped over, a few of them', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url);
  const peer = await listener.next();
  const key = (await peer.readHead()).headers.get('sec-websocket-key') ?? '';
  const early = 'HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n';
  peer.send('HTTP/1.1 100 Continue\r\n\r\n', early.repeat(5), responseHead(key));
  (await within(connecting, 'connect')).terminate();
});

test('RFC 9110 §15.2 a flood of them is not', async (t) => {
  const listener = await RawListener.start(t);
  const error = await rejected({ listener, clock: new ManualClock() }, (peer) => {
    peer.send('HTTP/1.1 102 Processing\r\n\r\n'.repeat(1000));
  });
  assert.equal(error.code, 'ERR_WS_STATUS');
});

for (const [name, answer, code] of [
  ['nonsense', 'SSH-2.0-OpenSSH_9.9\r\n\r\n', 'ERR_WS_HEAD_MALFORMED'],
  ['HTTP/2', 'HTTP/2.0 101 Switching Protocols\r\n\r\n', 'ERR_WS_HTTP_VERSION'],
  [
    'a bare line feed',
    'HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\r\n\r\n',
    'ERR_WS_HEAD_MALFORMED',
  ],
  ['a folded header', 'HTTP/1.1 101 OK\r\nA: b\r\n c\r\n\r\n', 'ERR_WS_HEAD_MALFORMED'],
  [
    'a space before the colon',
    'HTTP/1.1 101 OK\r\nUpgrade : websocket\r\n\r\n',
    'ERR_WS_HEAD_MALFORMED',
  ],
  ['a status of two digits', 'HTTP/1.1 10 OK\r\n\r\n', 'ERR_WS_HEAD_MALFORMED'],
  ['2000 headers', `HTTP/1.1 101 OK\r\n${'a:b\r\n'.repeat(2000)}\r\n`, 'ERR_WS_HEAD_TOO_LARGE'],
] as const) {
  test(`§4.1 an answer that is ${name} is refused`, async (t) => {
    const listener = await RawListener.start(t);
    const error = await rejected({ listener, clock: new ManualClock() }, (peer) => {
      peer.send(answer);
    });
    assert.equal(error.code, code);
  });
}

for (const reader of ['a handler', 'a loop'] as const) {
  test(`32 frames in the packet of the 101 are delivered to ${reader}, in order`, async (t) => {
    const listener = await RawListener.start(t);
    const seen: unknown[] = [];
    const connecting = connect(
      listener.url,
      reader === 'a loop' ? {} : { handler: { message: (_c, message) => void seen.push(message) } },
    );
    const peer = await listener.next();
    await peer.openAsServer(
      {},
      peer.frame(0x81, 'one'),
      peer.frame(0x89, 'p'),
      peer.frame(0x82, octetsOf(100_000)),
      peer.frame(0x88),
    );
    peer.end();
    const connection = await within(connecting, 'connect');
    if (reader === 'a loop') for await (const message of connection) seen.push(message);
    assert.equal((await within(connection.closed, 'the end')).code, 1005);
    assert.deepEqual(seen, ['one', octetsOf(100_000)]);
    assert.equal((await peer.readFrame()).opcode, 0xa);
    await peer.expectClose(1005);
  });
}

test('32 … and those that come octet by octet behind it', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url);
  const peer = await listener.next();
  const key = (await peer.readHead()).headers.get('sec-websocket-key') ?? '';
  const octets = Buffer.concat([Buffer.from(responseHead(key)), peer.frame(0x81, 'slow')]);
  for (const octet of octets) {
    peer.send(Uint8Array.of(octet));
    await turns(1);
  }
  const connection = await within(connecting, 'connect');
  assert.equal(await within(connection.receive(), 'a message'), 'slow');
  connection.terminate();
});

for (const how of ['timeout', 'abort'] as const) {
  test(`33 ${how} while waiting for the body of a refusal: the refusal is known best`, async (t) => {
    const listener = await RawListener.start(t);
    const clock = new ManualClock();
    const controller = new AbortController();
    const { signal } = controller;
    const connecting = connect(listener.url, { clock, signal, handshakeTimeout: 500 });
    connecting.catch(() => {});
    const peer = await listener.next();
    await peer.read(1);
    peer.send('HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\n');
    await turns(10);
    if (how === 'abort') controller.abort();
    else clock.advance(500);
    await assert.rejects(within(connecting, 'the rejection'), { status: 500 });
    assert.equal(clock.pending, 0);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    await peer.ended();
  });
}

test('33 a signal that is aborted already costs no connection', async (t) => {
  const listener = await RawListener.start(t);
  const reason = new Error('never wanted it');
  await assert.rejects(connect(listener.url, { signal: AbortSignal.abort(reason) }), reason);
  assert.equal(await listener.size, 0);
});

test('33 an abort after the handshake has no effect, and the signal no listener', async (t) => {
  const listener = await RawListener.start(t);
  const controller = new AbortController();
  const connecting = connect(listener.url, { signal: controller.signal });
  const peer = await listener.next();
  await peer.openAsServer();
  const connection = await within(connecting, 'connect');
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
  controller.abort();
  peer.sendText('still here');
  assert.equal(await within(connection.receive(), 'a message'), 'still here');
  connection.terminate();
});

for (const url of ['ws://h/#f', 'ws://h:0/', 'ws://[::1%25eth0]/', 'ftp://h/', 'h']) {
  test(`35 §3 connect() refuses ${url}`, async () => {
    await assert.rejects(connect(url), { name: 'TypeError', code: 'ERR_WS_INVALID_URL' });
  });
}
