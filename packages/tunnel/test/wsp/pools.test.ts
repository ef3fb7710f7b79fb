/** Who gets a connection, how many there are, and what is left when all is over. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { ManualClock } from 'framewire/testing';
import { WspRelay, type WspAgentEvent } from '@framewire/tunnel';
import { until } from '@framewire/test-support/waiting';
import { listen } from '../listening.ts';
import {
  ask,
  begin,
  Events,
  fakeAgent,
  OK,
  readAnswer,
  responseTo,
  serveTarget,
  startAgent,
  startRelay,
  startWithAgent,
  startWithFake,
  untilIdle,
} from './rig.ts';
import { listenRaw } from './raw-peer.ts';

test('defect 11: where all connections are busy, the agent opens more', async (t) => {
  const answers: http.ServerResponse[] = [];
  const target = await serveTarget(t, (_request, response) => {
    answers.push(response);
    if (answers.length === 5) for (const each of answers) each.end('x');
  });
  const { port } = await startWithAgent(t, {}, { poolIdleSize: 1, poolMaxSize: 5 });
  const asked = await Promise.all(
    Array.from({ length: 5 }, () => ask(port, { destination: target })),
  );
  assert.deepEqual(
    asked.map(({ status }) => status),
    [200, 200, 200, 200, 200],
  );
});

test('defect 11: an agent never has more connections than poolMaxSize', async (t) => {
  const answers: http.ServerResponse[] = [];
  const target = await serveTarget(t, (_request, response) => void answers.push(response));
  const clock = new ManualClock();
  const { port, agent } = await startWithAgent(t, { clock }, { poolIdleSize: 2, poolMaxSize: 2 });
  const asked = Array.from({ length: 3 }, () => ask(port, { destination: target }));
  await until(() => answers.length === 2 && clock.pending > 0);
  assert.deepEqual(
    agent.pools.map(({ idle, busy, connecting }) => [idle, busy, connecting]),
    [[0, 2, 0]],
  );
  answers[0]?.end('x');
  await until(() => answers.length === 3);
  for (const response of answers) response.end('x');
  assert.deepEqual(
    (await Promise.all(asked)).map(({ status }) => status),
    [200, 200, 200],
  );
});

test('defect 11: callers that wait have a bound', async (t) => {
  const { port, agent } = await startWithFake(t, { maxWaiting: 1, timeout: Infinity });
  const busy = ask(port, { destination: 'http://app/1' });
  await agent.receive();
  await agent.receive();
  const both = [2, 3].map((index) => ask(port, { destination: `http://app/${index}` }));
  const refused = await Promise.race(both);
  assert.deepEqual([refused.status, refused.body], [526, 'Unable to get a proxy connection\n']);
  for (let index = 0; index < 2; index++) {
    await agent.send(OK);
    await agent.send(Buffer.from('x'));
    if (index === 0) await agent.receive();
  }
  assert.equal((await busy).status, 200);
  const statuses = (await Promise.all(both)).map(({ status }) => status);
  assert.deepEqual(statuses.sort(), [200, 526]);
});

test('defect 12: callers that wait are given up together, each after its own time', async (t) => {
  const clock = new ManualClock();
  const { port, agent } = await startWithFake(t, { clock, timeout: 1_000 });
  begin(port, { destination: 'http://app/' }).end();
  await agent.receive();
  const before = clock.pending;
  const waiting = Array.from({ length: 3 }, () => ask(port, { destination: 'http://app/' }));
  await until(() => clock.pending === before + 3);
  clock.advance(1_000);
  for (const { status, body } of await Promise.all(waiting)) {
    assert.deepEqual([status, body], [526, 'Unable to get a proxy connection\n']);
  }
});

test('defect 12: a timeout of 0 does not wait', async (t) => {
  const clock = new ManualClock();
  const { port, agent } = await startWithFake(t, { clock, timeout: 0 });
  begin(port, { destination: 'http://app/' }).end();
  await agent.receive();
  const answer = await ask(port, { destination: 'http://app/' });
  assert.equal(answer.body, 'Unable to get a proxy connection\n');
});

test('defect 12: callers are served in the order they came, and one that left is passed over', async (t) => {
  const clock = new ManualClock();
  const { port, agent } = await startWithFake(t, { clock });
  const first = ask(port, { destination: 'http://app/1' });
  await agent.receive();
  await agent.receive();
  const base = clock.pending;
  const second = begin(port, { destination: 'http://app/2' });
  second.end();
  await until(() => clock.pending === base + 1);
  const third = ask(port, { destination: 'http://app/3' });
  await until(() => clock.pending === base + 2);
  second.destroy();
  await until(() => clock.pending === base + 1);
  await agent.send(OK);
  await agent.send(Buffer.from('one'));
  assert.equal((await first).body, 'one');
  assert.match(String(await agent.receive()), /"URL":"http:\/\/app\/3"/);
  await agent.receive();
  await agent.send(OK);
  await agent.send(Buffer.from('three'));
  assert.equal((await third).body, 'three');
});

test('the agent that has the fewest busy connections is asked', async (t) => {
  const { relay, port } = await startRelay(t);
  const one = [await fakeAgent(t, port, 'one_2'), await fakeAgent(t, port, 'one_2')];
  await fakeAgent(t, port, 'two_1');
  await untilIdle(relay, 3);
  begin(port, { destination: 'http://app/' }).end();
  await until(() => relay.pools.some(({ busy }) => busy === 1));
  begin(port, { destination: 'http://app/' }).end();
  await until(() => relay.pools.every(({ busy }) => busy === 1));
  for (const agent of one) agent.terminate();
});

test('the cleaner closes what is more than the agent asked for, once it is old', async (t) => {
  const clock = new ManualClock();
  const { relay, port } = await startRelay(t, {
    clock,
    idleTimeout: 6_000,
    pingInterval: Infinity,
  });
  const agents = [await fakeAgent(t, port), await fakeAgent(t, port), await fakeAgent(t, port)];
  await untilIdle(relay, 3);
  clock.advance(5_000);
  assert.equal(relay.pools[0]?.idle, 3);
  clock.advance(5_000);
  assert.equal(relay.pools[0]?.idle, 1);
  await until(() => agents.filter(({ readyState }) => readyState === 'closed').length === 2);
});

test('defect 16: an agent that has gone is forgotten, and no timer is left', async (t) => {
  const clock = new ManualClock();
  const agents = new Events<WspAgentEvent>();
  const { relay, port } = await startRelay(t, { clock, onAgent: agents.push });
  const agent = await fakeAgent(t, port, 'gone_1');
  assert.deepEqual(await agents.next(), { id: 'gone', state: 'joined' });
  await untilIdle(relay, 1);
  agent.terminate();
  await until(() => relay.pools[0]?.idle === 0);
  clock.advance(5_000);
  assert.deepEqual(await agents.next(), { id: 'gone', state: 'left' });
  assert.deepEqual(relay.pools, []);
  assert.equal(clock.pending, 0);
  assert.equal((await ask(port, { destination: 'http://app/' })).body, 'No proxy available\n');
});

test('defect 16: after a request and the end of both sides, no timer is left', async (t) => {
  const clock = new ManualClock();
  const target = await serveTarget(t, (_request, response) => void response.end('x'));
  const { relay, port, requests, agent } = await startWithAgent(t, { clock }, { clock });
  await ask(port, { destination: target });
  await requests.next();
  await agent.close();
  await relay.close();
  await until(() => clock.pending === 0);
});

test('defect 17: a relay that closes answers those who run, and refuses the others', async (t) => {
  let finish: (() => void) | undefined;
  const target = await serveTarget(t, (_request, response) => {
    finish = () => void response.end('finished');
    response.write('begun ');
  });
  const { relay, port } = await startWithAgent(t);
  const asking = begin(port, { destination: target });
  asking.end();
  const response = await responseTo(asking);
  const late = begin(port, { destination: target });
  late.flushHeaders();
  const closing = relay.close();
  late.end();
  assert.equal((await readAnswer(await responseTo(late))).status, 503);
  finish?.();
  const answer = await readAnswer(response);
  assert.deepEqual([answer.body, answer.isComplete], ['begun finished', true]);
  await closing;
  assert.deepEqual(relay.pools, []);
});

test('defect 17: what does not end in time is cut off', async (t) => {
  const clock = new ManualClock();
  const target = await serveTarget(t, (_request, response) => void response.write('begun'));
  const { relay, port } = await startWithAgent(t, { clock });
  const asking = begin(port, { destination: target });
  asking.end();
  const response = await responseTo(asking);
  const closing = relay.close({ timeout: 4_000 });
  clock.advance(4_000);
  assert.equal((await readAnswer(response)).isComplete, false);
  await closing;
});

test('defect 17: an agent that closes finishes what runs, and takes nothing more', async (t) => {
  let finish: (() => void) | undefined;
  const target = await serveTarget(t, (_request, response) => {
    finish = () => void response.end('finished');
    response.write('begun ');
  });
  const { relay, port, agent } = await startWithAgent(t);
  const asking = begin(port, { destination: target });
  asking.end();
  const response = await responseTo(asking);
  const closing = agent.close();
  finish?.();
  assert.equal((await readAnswer(response)).body, 'begun finished');
  await closing;
  await until(() => relay.pools.every(({ idle, busy }) => idle + busy === 0));
});

test('defect 20: every request is told, with who took it and what came of it', async (t) => {
  const target = await serveTarget(t, (_request, response) => void response.end('hello'));
  const { port, requests, executed } = await startWithAgent(t, {}, { id: 'teller' });
  await ask(port, { method: 'PUT', destination: target, body: 'abc' });
  const { milliseconds, ...outcome } = await requests.next();
  assert.ok(milliseconds >= 0);
  assert.deepEqual(outcome, {
    ...{ method: 'PUT', destination: target, agent: 'teller', status: 200, error: undefined },
    ...{ requestOctets: 3, responseOctets: 5 },
  });
  const { status, requestOctets, responseOctets } = await executed.next();
  assert.deepEqual([status, requestOctets, responseOctets], [200, 3, 5]);
});

test('connections that are being dialled are not dialled again', async (t) => {
  const listener = await listenRaw(t);
  const { agent } = startAgent(t, listener.port, { poolIdleSize: 3, poolMaxSize: 10 });
  const peers = [await listener.next(), await listener.next(), await listener.next()];
  await peers[0]?.accept();
  // One is open and asked for something: it is replaced, and the two that are slow are not.
  await peers[0]?.readFrame();
  peers[0]?.sendFrame(0x81, '{"Method":"GET","URL":"http://127.0.0.1:1/"}');
  const fourth = await listener.next();
  assert.equal(listener.count(), 4);
  assert.deepEqual(agent.pools[0]?.connecting, 3);
  fourth.socket.destroy();
});

test('a relay that refuses is dialled once after each wait, which grows up to maxDelay', async (t) => {
  const clock = new ManualClock();
  const server = http.createServer((_request, response) => void response.writeHead(503).end());
  const port = await listen(t, server);
  const options = { clock, poolIdleSize: 4, minDelay: 1_000, maxDelay: 4_000 };
  const { connections, agent } = startAgent(t, port, options);
  for (let dial = 0; dial < 4; dial++) assert.equal((await connections.next()).state, 'refused');
  for (const most of [1_000, 2_000, 4_000, 4_000]) {
    await until(() => agent.pools[0]?.connecting === 0 && clock.pending === 1);
    clock.advance(most / 2 - 1);
    assert.equal(agent.pools[0]?.connecting, 0);
    clock.advance(most / 2 + 1);
    assert.equal(agent.pools[0]?.connecting, 1);
    assert.equal((await connections.next()).state, 'refused');
  }
});

test('a relay that comes back gets all connections again', async (t) => {
  const clock = new ManualClock();
  const server = http.createServer();
  const port = await listen(t, server);
  const gone = new WspRelay({ openRegistration: true });
  const attachment = gone.attach(server);
  const { agent } = startAgent(t, port, { clock, poolIdleSize: 3 });
  await untilIdle(gone, 3);
  clock.advance(5_000);
  attachment[Symbol.dispose]();
  const back = new WspRelay({ openRegistration: true });
  back.attach(server);
  await gone.close();
  await until(() => agent.pools[0]?.idle === 0 || agent.pools[0]?.idle === 3);
  clock.advance(1_000);
  await untilIdle(back, 3);
  await agent.close();
  await back.close();
});

test('a relay that accepts and closes at once is not dialled again at once', async (t) => {
  const clock = new ManualClock();
  const listener = await listenRaw(t);
  const { agent, connections } = startAgent(t, listener.port, { clock });
  const peer = await listener.next();
  await peer.accept();
  await peer.readFrame();
  assert.equal((await connections.next()).state, 'open');
  peer.socket.destroy();
  assert.equal((await connections.next()).state, 'closed');
  assert.deepEqual([agent.pools[0]?.connecting, listener.count()], [0, 1]);
  clock.advance(1_000);
  assert.equal(agent.pools[0]?.connecting, 1);
});
