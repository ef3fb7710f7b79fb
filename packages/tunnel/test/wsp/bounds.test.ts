/** What ends when somebody takes too long, or says what is not so. */
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { ManualClock } from 'framewire/testing';
import { turn } from '@framewire/test-support/waiting';
import {
  ask,
  begin,
  readAnswer,
  responseTo,
  serveTarget,
  startAgent,
  startRelay,
  startWithAgent,
  startWithFake,
} from './rig.ts';
import { listenRaw } from './raw-peer.ts';

for (const body of ['short', 'much too long']) {
  test(`a request that is said to have 8 octets and is ${body} is none`, async (t) => {
    let arrived: (() => void) | undefined;
    const begun = new Promise<void>((resolve) => (arrived = resolve));
    let left: ((isComplete: boolean) => void) | undefined;
    const gone = new Promise<boolean>((resolve) => (left = resolve));
    const target = await serveTarget(t, (request) => {
      request.on('error', () => {}).once('data', () => arrived?.());
      request.once('close', () => left?.(request.complete));
    });
    const listener = await listenRaw(t);
    const { requests, connections } = startAgent(t, listener.port);
    const peer = await listener.next();
    await peer.accept();
    await peer.readFrame();
    assert.equal((await connections.next()).state, 'open');
    peer.sendFrame(0x81, JSON.stringify({ Method: 'POST', URL: target, ContentLength: 8 }));
    // What is not wrong yet goes on to the destination.
    peer.sendFrame(0x02, body.slice(0, 2));
    await begun;
    peer.sendFrame(0x80, body.slice(2));
    await peer.closed();
    const outcome = await requests.next();
    assert.equal((outcome.error as { code?: string }).code, 'ERR_TUNNEL_WSP_WIRE');
    assert.equal(outcome.status, undefined);
    assert.equal(await gone, false);
  });
}

test('a destination that does not connect is a 527 after connectTimeout', async (t) => {
  const clock = new ManualClock();
  const httpAgent = new http.Agent();
  let dialled: (() => void) | undefined;
  const dialling = new Promise<void>((resolve) => (dialled = resolve));
  httpAgent.createConnection = () => {
    dialled?.();
    return undefined;
  };
  const { port } = await startWithAgent(t, {}, { clock, connectTimeout: 3_000, httpAgent });
  const asked = ask(port, { destination: 'http://app/' });
  await dialling;
  clock.advance(3_000);
  const answer = await asked;
  assert.equal(answer.status, 527);
  assert.match(answer.body, /the target took too long to connect\n$/);
});

test('a caller that goes on sending after its answer is cut off after lingerTimeout', async (t) => {
  const clock = new ManualClock();
  const { port } = await startRelay(t, { clock, lingerTimeout: 2_000 });
  const upload = begin(port, { method: 'POST', destination: 'http://app/' });
  const closed = new Promise((resolve) => upload.once('close', resolve));
  upload.write('x');
  const answer = await readAnswer(await responseTo(upload));
  assert.equal(answer.body, 'No proxy available\n');
  assert.equal(clock.pending, 1);
  clock.advance(2_000);
  await closed;
});

test('a caller that does not take the rest of its answer is cut off', async (t) => {
  const clock = new ManualClock();
  const { port, requests, agent } = await startWithFake(t, { clock, bodyIdleTimeout: 2_000 });
  const asking = begin(port, { destination: 'http://app/' });
  asking.end();
  await agent.receive();
  await agent.send('{"StatusCode":200,"Header":{}}');
  const response = await responseTo(asking);
  response.pause();
  void agent.send(Buffer.alloc(15 * 1024 * 1024)).catch(() => {});
  let isOver = false;
  const outcome = requests.next().finally(() => (isOver = true));
  while (!isOver) {
    clock.advance(2_000);
    await turn();
  }
  assert.equal((await outcome).error?.code, 'ERR_TUNNEL_IDLE_TIMEOUT');
  response.resume();
  assert.equal((await readAnswer(response)).isComplete, false);
});

test('RFC 9112 §9.3.2: an answer whose turn on the connection never comes is given up', async (t) => {
  const clock = new ManualClock();
  const { relay, requests, agent } = await startWithFake(t, { clock, bodyIdleTimeout: 2_000 });
  // As Node has it where an earlier request of the connection is not answered yet: without a socket.
  const request = new http.IncomingMessage(new net.Socket());
  Object.assign(request, { method: 'GET', url: '/request', complete: true });
  request.rawHeaders = ['X-Proxy-Destination', 'http://app/'];
  request.push(null);
  let isOver = false;
  void relay.request(request, new http.ServerResponse(request)).then(() => (isOver = true));
  await agent.receive();
  await agent.receive();
  await agent.send('{"StatusCode":200,"Header":{}}');
  await agent.send(Buffer.alloc(256 * 1024));
  for (let turns = 0; !isOver || relay.activeRequests > 0; turns++) {
    assert.ok(turns < 10_000, 'it waits for ever');
    clock.advance(2_000);
    await turn();
  }
  assert.equal((await requests.next()).error?.code, 'ERR_TUNNEL_IDLE_TIMEOUT');
});
