/** A relay whose agents are to go elsewhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from 'framewire/testing';
import { until } from '@framewire/test-support/waiting';
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

test('a relay that drains refuses new connections of agents with 503', async (t) => {
  const { relay, port } = await startRelay(t);
  await relay.drain();
  const { connections } = startAgent(t, port);
  const { state, error } = await connections.next();
  assert.equal(state, 'refused');
  assert.equal((error as { status?: number }).status, 503);
  assert.equal((await ask(port, { path: '/register' })).status, 503);
});

test('a relay that drains tells a wrong secret first', async (t) => {
  const { relay, port } = await startRelay(t, { secretKey: 'right' });
  await relay.drain();
  assert.equal((await ask(port, { path: '/register' })).status, 526);
});

test('a relay that drains serves callers, and is done when no request is open', async (t) => {
  let finish: (() => void) | undefined;
  const target = await serveTarget(t, ({ url }, response) => {
    if (url !== '/slow') return void response.end('served');
    finish = () => void response.end('finished');
    response.write('begun ');
  });
  const { relay, port } = await startWithAgent(t, {}, { poolIdleSize: 2 });
  const asking = begin(port, { destination: `${target}/slow` });
  asking.end();
  const response = await responseTo(asking);
  assert.equal(relay.activeRequests, 1);
  let isDrained = false;
  const drained = relay.drain().then(() => (isDrained = true));
  assert.equal((await ask(port, { destination: target })).body, 'served');
  await until(() => relay.activeRequests === 1);
  assert.equal(isDrained, false);
  finish?.();
  assert.equal((await readAnswer(response)).body, 'begun finished');
  await drained;
  assert.equal(relay.activeRequests, 0);
});

test('a request is open until its answer has gone out, or its caller', async (t) => {
  const { relay, port, agent } = await startWithFake(t);
  const asking = begin(port, { destination: 'http://app/' });
  asking.end();
  await agent.receive();
  assert.equal(relay.activeRequests, 1);
  const drained = relay.drain();
  asking.destroy();
  await drained;
  assert.equal(relay.activeRequests, 0);
});

test('a relay that drains does not wait for longer than its timeout', async (t) => {
  const clock = new ManualClock();
  const { relay, port, agent } = await startWithFake(t, { clock, pingInterval: Infinity });
  const asking = begin(port, { destination: 'http://app/' });
  asking.end();
  await agent.receive();
  await agent.receive();
  const drained = relay.drain(3_000);
  clock.advance(3_000);
  await drained;
  assert.equal(relay.activeRequests, 1);
});

test('a relay that drains answers 503 when its agents are gone, to those who wait too', async (t) => {
  const { relay, port, agent } = await startWithFake(t, { timeout: Infinity });
  const first = ask(port, { destination: 'http://app/1' });
  await agent.receive();
  const waiting = ask(port, { destination: 'http://app/2' });
  await until(() => relay.activeRequests === 2);
  const drained = relay.drain();
  agent.terminate();
  assert.equal((await first).status, 526);
  assert.equal((await waiting).status, 503);
  await drained;
  assert.equal((await ask(port, { destination: 'http://app/3' })).status, 503);
});
