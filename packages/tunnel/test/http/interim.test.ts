import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { ManualClock } from 'framewire/testing';
import { forwardRequest } from '#src/http/forward-request.js';
import { turns } from '@framewire/test-support/waiting';
import { listen } from '../listening.ts';
import { RawPeer, RawTarget } from './raw.ts';
import { begin, call, connectionsTo, dial, gateway, GET, limits } from './serving.ts';

const DONE = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

test('RFC 9110 §15.2 of many interim responses twenty pass, and then the answer', async (t) => {
  const { caller, asked } = await begin(t, GET);
  await asked.readHead();
  asked.send('HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n'.repeat(50), DONE);
  const text = await caller.readTo('HTTP/1.1 200 OK\r\n');
  assert.equal(count(text, 'HTTP/1.1 103 Early Hints\r\n'), 20);
});

test('RFC 9110 §15.2 interim responses pass as long as they have no more than 64 KiB', async (t) => {
  const raw = await RawTarget.start(t);
  const caller = await call(t, await gateway(t, raw.port));
  caller.send(GET);
  const asked = await raw.next();
  await asked.readHead();
  for (let index = 1; index <= 4; index++) {
    asked.send(`HTTP/1.1 103 X\r\nX-N: ${index}\r\nLink: ${'x'.repeat(20_000)}\r\n\r\n`);
    if (index < 4) await caller.readHead();
  }
  asked.send(DONE);
  const text = await caller.readTo('HTTP/1.1 200 OK\r\n');
  assert.equal(text, 'HTTP/1.1 200 OK\r\n');
});

test('RFC 9110 §15.2.1 the 100 that a caller waits for passes, whatever came before', async (t) => {
  const { caller, asked } = await begin(
    t,
    'PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n',
  );
  await asked.readHead();
  asked.send('HTTP/1.1 102 X\r\n\r\n'.repeat(30), 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(30), DONE);
  const text = await caller.readTo('HTTP/1.1 200 OK\r\n');
  assert.equal(count(text, 'HTTP/1.1 102 '), 20);
  assert.equal(count(text, 'HTTP/1.1 100 '), 1);
});

test('RFC 9110 §15.2 a caller that does not read has no interim responses kept for it', async (t) => {
  const raw = await RawTarget.start(t);
  const connections = connectionsTo(t, () => dial(raw.port));
  const server = http.createServer({ highWaterMark: 1 }, (request, response) => {
    // As if nothing got through to the caller before the answer is there.
    response.socket?.cork();
    const hooks = { onAnswer: () => response.socket?.uncork() };
    void forwardRequest(request, response, { connections }, { hooks });
  });
  const caller = await RawPeer.dial(await listen(t, server));
  t.after(() => caller.socket.destroy());
  caller.send(GET);
  const asked = await raw.next();
  await asked.readHead();
  asked.send('HTTP/1.1 103 X\r\nLink: <a>\r\n\r\n'.repeat(10), DONE);
  const text = await caller.readTo('HTTP/1.1 200 OK\r\n');
  assert.equal(count(text, 'HTTP/1.1 103 X\r\n'), 1);
});

test('a target that says nothing but that it is at work is late all the same', async (t) => {
  const clock = new ManualClock();
  const { front, caller, asked } = await begin(t, GET, {
    clock,
    limits: limits({ firstByteTimeout: 2_000 }),
  });
  await asked.readHead();
  for (let index = 0; index < 20; index++) {
    asked.send('HTTP/1.1 102 Processing\r\n\r\n');
    await caller.readHead();
    clock.advance(1_999);
  }
  asked.send('HTTP/1.1 102 Processing\r\n\r\n');
  // What the target sends is read before the end of its connection is told.
  await turns(50);
  clock.advance(1);
  assert.match(await caller.readHead(), /^HTTP\/1.1 504 /);
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_FIRST_BYTE_TIMEOUT');
  assert.equal(clock.pending, 0);
});
