import assert from 'node:assert/strict';
import type http from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { test } from 'node:test';
import { ManualClock } from 'framewire/testing';
import { requireLimits } from '#src/http/forward.js';
import { forwardRequest } from '#src/http/forward-request.js';
import { forwardUpgrade } from '#src/http/forward-upgrade.js';
import { turns } from '@framewire/test-support/waiting';
import { RawTarget } from './raw.ts';
import { begin, call, connectionsTo, gateway, GET, limits } from './serving.ts';

const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';

/** A socket that never connects. */
function nowhere(): net.Socket {
  const socket = new net.Socket();
  Object.defineProperty(socket, 'connecting', { value: true });
  return socket;
}

for (const [what, request] of [
  ['a request', GET],
  ['an upgrade', UPGRADE],
] as const) {
  test(`${what} that gets no connection in time is a 504`, async (t) => {
    const clock = new ManualClock();
    const front = await gateway(t, 1, {
      clock,
      limits: limits({ connectTimeout: 1_000 }),
      open: nowhere,
    });
    const caller = await call(t, front);
    caller.send(request);
    while (clock.pending === 0) await turns(1);
    await turns(5);
    clock.advance(999);
    await turns(5);
    assert.equal(caller.unread, '');
    clock.advance(1);
    assert.match(await caller.readHead(), /^HTTP\/1.1 504 /);
    assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_CONNECT_TIMEOUT');
    assert.equal(clock.pending, 0);
  });

  test(`${what} without an answer in time is a 504`, async (t) => {
    const clock = new ManualClock();
    const { front, caller, asked } = await begin(t, request, {
      clock,
      limits: limits({ firstByteTimeout: 2_000 }),
    });
    await asked.readHead();
    clock.advance(1_500);
    if (request === GET) {
      // An interim response is a sign of life.
      asked.send('HTTP/1.1 102 Processing\r\n\r\n');
      await caller.readHead();
      clock.advance(1_999);
      await turns(5);
      assert.equal(caller.unread, '');
    }
    clock.advance(1_999);
    assert.match(await caller.readHead(), /^HTTP\/1.1 504 /);
    assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_FIRST_BYTE_TIMEOUT');
    await asked.readRest();
    assert.equal(clock.pending, 0);
  });
}

test('a TLS handshake that the target does not go on with is a 504', async (t) => {
  const clock = new ManualClock();
  const raw = await RawTarget.start(t);
  const open = (): Duplex => tls.connect({ port: raw.port, host: '127.0.0.1' });
  const front = await gateway(t, raw.port, { clock, open });
  const caller = await call(t, front);
  caller.send(GET);
  const asked = await raw.next();
  await asked.readTo('\x16\x03');
  clock.advance(10_000);
  assert.match(await caller.readHead(), /^HTTP\/1.1 504 /);
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_CONNECT_TIMEOUT');
  await asked.readRest();
});

test('a TLS handshake that fails is a 502', async (t) => {
  const raw = await RawTarget.start(t);
  const open = (): Duplex => tls.connect({ port: raw.port, host: '127.0.0.1' });
  const front = await gateway(t, raw.port, { open });
  const caller = await call(t, front);
  caller.send(GET);
  (await raw.next()).send('HTTP/1.1 400 Bad Request\r\n\r\n');
  assert.match(await caller.readHead(), /^HTTP\/1.1 502 /);
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_TARGET_UNREACHABLE');
});

test('RFC 9110 §15.5.9 a caller that does not go on with its content gets a 408', async (t) => {
  const clock = new ManualClock();
  const { front, caller, asked } = await begin(
    t,
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nA',
    { clock, limits: limits({ firstByteTimeout: 2_000 }) },
  );
  await asked.readTo('\r\n\r\nA');
  clock.advance(1_500);
  caller.send('B');
  await asked.readTo('B');
  clock.advance(1_500);
  await turns(5);
  assert.equal(caller.unread, '');
  clock.advance(500);
  assert.match(await caller.readHead(), /^HTTP\/1.1 408 /);
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_REQUEST_TIMEOUT');
  await asked.readRest();
  // What it owes is waited for, but not for ever.
  clock.advance(5_000);
  await caller.readRest();
  assert.equal(clock.pending, 0);
});

test('RFC 9110 §10.1.1 a target that never says 100 is the one that is late', async (t) => {
  const clock = new ManualClock();
  const raw = await RawTarget.start(t);
  const front = await gateway(t, raw.port, { clock, limits: limits({ firstByteTimeout: 2_000 }) });
  const caller = await call(t, front);
  caller.send('PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
  await (await raw.next()).readHead();
  clock.advance(2_000);
  assert.match(await caller.readHead(), /^HTTP\/1.1 504 /);
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_FIRST_BYTE_TIMEOUT');
});

test('an answer that stands still is broken off', async (t) => {
  const clock = new ManualClock();
  const { front, caller, asked } = await begin(t, GET, {
    clock,
    limits: limits({ idleTimeout: 3_000 }),
  });
  await asked.readHead();
  asked.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n');
  await caller.readTo('A');
  clock.advance(2_999);
  asked.send('1\r\nB\r\n');
  await caller.readTo('B');
  clock.advance(2_999);
  await turns(5);
  assert.equal(caller.unread.trim(), '');
  clock.advance(1);
  assert.doesNotMatch((await caller.readRest()).text, /0\r\n\r\n/);
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_IDLE_TIMEOUT');
  await asked.readRest();
  assert.equal(clock.pending, 0);
});

test('a caller that does not take its answer is dismissed, also when all of it is here', async (t) => {
  const clock = new ManualClock();
  const raw = await RawTarget.start(t);
  const size = 16 * 1024 * 1024;
  const front = await gateway(t, raw.port, { clock, limits: limits({ idleTimeout: 3_000 }) });
  const caller = await call(t, front);
  caller.socket.pause();
  caller.send(GET);
  const asked = await raw.next();
  await asked.readHead();
  asked.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`, Buffer.alloc(size));
  const outcome = front.outcome();
  // Until nothing moves any more, which the target sees.
  for (let last = -1; last !== asked.socket.writableLength;) {
    last = asked.socket.writableLength;
    await turns(200);
  }
  clock.advance(3_000);
  assert.equal((await outcome).error?.code, 'ERR_TUNNEL_IDLE_TIMEOUT');
  assert.equal(clock.pending, 0);
});

test('an upgraded connection that stands still is reset on both sides', async (t) => {
  const clock = new ManualClock();
  const { front, caller, asked } = await begin(t, UPGRADE, {
    clock,
    limits: limits({ idleTimeout: 3_000 }),
  });
  asked.send('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  await caller.readHead();
  clock.advance(2_000);
  caller.send('A');
  await asked.readTo('A');
  clock.advance(2_999);
  asked.send('B');
  await caller.readTo('B');
  clock.advance(3_000);
  assert.equal(await caller.closed(), 'reset');
  assert.equal(await asked.closed(), 'reset');
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_IDLE_TIMEOUT');
  assert.equal(clock.pending, 0);
});

test('RFC 9110 §15.5.14 a Content-Length beyond the limit is a 413, and the target is not asked', async (t) => {
  const raw = await RawTarget.start(t);
  const front = await gateway(t, raw.port, { limits: limits({ maxBodySize: 3 }) });
  const caller = await call(t, front);
  caller.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n');
  assert.match((await caller.readAnswer()).head, /^HTTP\/1.1 413 /);
  assert.equal(raw.count, 0);
  // The connection goes on once the content has come.
  caller.send('abcd', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc');
  await (await raw.next()).readTo('abc');
});

test('RFC 9110 §15.5.14 chunks beyond the limit are a 413, and no end for the target', async (t) => {
  const { front, caller, asked } = await begin(
    t,
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
    { limits: limits({ maxBodySize: 3 }) },
  );
  await asked.readTo('abc');
  caller.send('1\r\nd\r\n0\r\n\r\n');
  assert.match(await caller.readHead(), /^HTTP\/1.1 413 /);
  assert.doesNotMatch((await asked.readRest()).text, /d|0\r\n\r\n/);
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_BODY_TOO_LARGE');
});

test('RFC 9112 §9.6 a caller that never stops sending is dismissed after a while', async (t) => {
  const clock = new ManualClock();
  const raw = await RawTarget.start(t);
  const front = await gateway(t, raw.port, { clock, limits: limits({ maxBodySize: 3 }) });
  const caller = await call(t, front);
  caller.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n');
  assert.match((await caller.readAnswer()).head, /^HTTP\/1.1 413 /);
  await front.outcome();
  caller.send('1\r\na\r\n');
  await turns(5);
  clock.advance(5_000);
  await caller.readRest();
  assert.equal(clock.pending, 0);
});

test('RFC 9112 §9.6 a caller that goes on with very much is dismissed at once', async (t) => {
  const raw = await RawTarget.start(t);
  const front = await gateway(t, raw.port, { limits: limits({ maxBodySize: 3 }) });
  const caller = await call(t, front);
  caller.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${2 ** 40}\r\n\r\n`);
  assert.match((await caller.readAnswer()).head, /^HTTP\/1.1 413 /);
  const chunk = Buffer.alloc(1024 * 1024);
  for (let index = 0; index < 200 && !caller.socket.destroyed; index++) {
    if (!caller.socket.write(chunk)) await turns(1);
  }
  await caller.closed();
});

for (const name of ['connectTimeout', 'firstByteTimeout', 'idleTimeout', 'maxBodySize'] as const) {
  test(`${name} is above 0, or a mistake that is told before anything is done`, (t) => {
    const request = {} as http.IncomingMessage;
    const response = {} as http.ServerResponse;
    for (const value of [Number.NaN, 0, -1, '5' as unknown as number]) {
      const options = { limits: limits({ [name]: value }) };
      const mistake = {
        name: 'TypeError',
        code: 'ERR_TUNNEL_INVALID_ARGUMENT',
        message: new RegExp(`^${name} `),
      };
      assert.throws(() => requireLimits(options.limits), mistake);
      const upstream = { connections: connectionsTo(t, nowhere) };
      assert.throws(() => forwardRequest(request, response, upstream, options), mistake);
      const nobody = new net.Socket();
      assert.throws(() => forwardUpgrade(request, nobody, Buffer.of(), upstream, options), mistake);
    }
    const good = limits({ [name]: Infinity });
    assert.equal(requireLimits(good), good);
  });
}
