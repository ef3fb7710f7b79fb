/** The defects of wsp that show when somebody breaks off, stands still or comes at the wrong time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'framewire';
import { ManualClock } from 'framewire/testing';
import { until } from '@framewire/test-support/waiting';
import {
  ask,
  begin,
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
import { listenRaw, RawPeer } from './raw-peer.ts';

test('defect 4: an early answer to an upload arrives, and the agent goes on', async (t) => {
  const target = await serveTarget(t, (request, response) => {
    if (request.method === 'GET') response.end('still here');
    else response.writeHead(413, { Connection: 'close' }).end('too much');
  });
  // A connection with half a request on it must not be lent again.
  const idle: (number | undefined)[] = [];
  const onRequest = (): void => void idle.push(relay.pools[0]?.idle);
  const { relay, port } = await startWithAgent(t, { onRequest }, { poolMaxSize: 1 });
  const upload = begin(port, { method: 'POST', destination: target });
  // It is not ended before the answer is there.
  upload.write('x'.repeat(200_000));
  const answer = await readAnswer(await responseTo(upload));
  upload.destroy();
  assert.deepEqual([answer.status, answer.body, answer.isComplete], [413, 'too much', true]);
  assert.deepEqual(idle, [0]);
  await untilIdle(relay, 1);
  assert.equal((await ask(port, { destination: target })).body, 'still here');
});

test('defect 4: a Go relay goes on sending the upload, and the connection is used again', async (t) => {
  const target = await serveTarget(t, (_request, response) => void response.end('early'));
  const listener = await listenRaw(t);
  startAgent(t, listener.port, { poolMaxSize: 1 });
  const peer = await listener.next();
  await peer.accept();
  await peer.readFrame();
  const asking = (length: number): string =>
    JSON.stringify({ Method: 'POST', URL: target, Header: null, ContentLength: length });
  for (let round = 0; round < 2; round++) {
    peer.sendFrame(0x81, asking(30_000));
    peer.sendFrame(0x02, 'x'.repeat(10_000));
    assert.match((await peer.readMessage()).payload.toString(), /"StatusCode":200/);
    assert.equal((await peer.readMessage()).payload.toString(), 'early');
    peer.sendFrame(0x00, 'y'.repeat(10_000));
    peer.sendFrame(0x80, 'z'.repeat(10_000));
  }
});

test('defect 5: an agent that dies during a request is a 526', async (t) => {
  const { port, requests, agent } = await startWithFake(t);
  const asked = ask(port, { destination: 'http://app/' });
  await agent.receive();
  agent.terminate();
  const answer = await asked;
  assert.equal(answer.status, 526);
  assert.match(answer.body, /^Unable to get http response : the session has ended\n$/);
  assert.equal((await requests.next()).error?.code, 'ERR_TUNNEL_SESSION_CLOSED');
});

for (const header of ['{}', '{"Content-Length":["10"]}']) {
  test(`defect 6: an agent that dies during a body with ${header} cuts the answer off`, async (t) => {
    const { port, agent } = await startWithFake(t);
    const asking = begin(port, { destination: 'http://app/' });
    asking.end();
    await agent.receive();
    await agent.send(`{"StatusCode":200,"Header":${header}}`);
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('yy');
      await new Promise(() => {});
    }
    void agent.sendStream(body()).catch(() => {});
    const response = await responseTo(asking);
    const [part] = (await new Promise((resolve) => response.once('data', (d) => resolve([d])))) as [
      Buffer,
    ];
    agent.terminate();
    const answer = await readAnswer(response);
    assert.equal(part.toString(), 'yy');
    assert.deepEqual([answer.body, answer.isComplete], ['', false]);
  });
}

test('defect 6: a destination that dies during a body cuts the answer off', async (t) => {
  const target = await serveTarget(t, (_request, response) => {
    response.write('yy', () => response.destroy());
  });
  const { port } = await startWithAgent(t);
  const answer = await ask(port, { destination: target });
  assert.deepEqual([answer.body, answer.isComplete], ['yy', false]);
});

test('defect 6: a body that is shorter than it says is cut off, and so is a longer one', async (t) => {
  const { relay, port, requests } = await startRelay(t);
  for (const body of ['short', 'much too long']) {
    const agent = await fakeAgent(t, port);
    await untilIdle(relay, 1);
    const asked = ask(port, { destination: 'http://app/' }).then(
      ({ isComplete }) => isComplete,
      // Not even the head may have left before.
      () => false,
    );
    await agent.receive();
    await agent.send('{"StatusCode":200,"Header":{"Content-Length":["8"]}}');
    await agent.send(Buffer.from(body));
    assert.equal(await asked, false);
    assert.equal((await requests.next()).error?.code, 'ERR_TUNNEL_WSP_WIRE');
    await agent.closed;
  }
});

test('defect 6: a caller that dies during an upload is no end of it for the destination', async (t) => {
  let aborted: (complete: boolean) => void;
  const outcome = new Promise<boolean>((resolve) => (aborted = resolve));
  let arrived: () => void;
  const begun = new Promise<void>((resolve) => (arrived = resolve));
  const target = await serveTarget(t, (request) => {
    request.once('data', () => arrived());
    request.on('error', () => {});
    request.once('close', () => aborted(request.complete));
  });
  const { port } = await startWithAgent(t);
  const upload = begin(port, { method: 'POST', destination: target });
  upload.write('half');
  await begun;
  upload.destroy();
  assert.equal(await outcome, false);
});

test('defect 7: every part of an answer is passed on as it comes', async (t) => {
  let next: (() => void) | undefined;
  const target = await serveTarget(t, (_request, response) => {
    let count = 0;
    next = () => {
      if (count++ < 3) response.write(`data: ${count}\n\n`);
      else response.end();
    };
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
  });
  const { port } = await startWithAgent(t);
  const asking = begin(port, { destination: target });
  asking.end();
  // The head comes before there is anything else.
  const response = await responseTo(asking);
  const parts = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (let count = 1; count <= 3; count++) {
    const part = parts.next();
    next?.();
    assert.equal((await part).value.toString(), `data: ${count}\n\n`);
  }
  next?.();
  assert.equal((await parts.next()).done, true);
});

test('defect 7: every part of an upload is passed on as it comes', async (t) => {
  const target = await serveTarget(t, (request, response) => void request.pipe(response));
  const { port } = await startWithAgent(t);
  const upload = begin(port, { method: 'POST', destination: target });
  upload.write('one');
  const response = await responseTo(upload);
  const parts = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  assert.equal((await parts.next()).value.toString(), 'one');
  upload.write('two');
  assert.equal((await parts.next()).value.toString(), 'two');
  upload.end();
  assert.equal((await parts.next()).done, true);
});

test('defect 8: an upgrade is refused at once, and takes no connection', async (t) => {
  const { relay, port } = await startWithAgent(t);
  const upgrade = { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13' };
  const headers = { ...upgrade, 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' };
  const asking = begin(port, { destination: 'http://app/', headers });
  asking.end();
  const answer = await readAnswer(await responseTo(asking));
  assert.deepEqual(
    [answer.status, answer.body],
    [526, 'Unable to upgrade : wsp carries no WebSocket\n'],
  );
  assert.equal(relay.pools[0]?.idle, 1);
});

test('defect 8: a 101 that nobody asked for is a 526 or a 527, and nothing hangs', async (t) => {
  const { relay, port, agent } = await startWithFake(t);
  const asked = ask(port, { destination: 'http://app/' });
  await agent.receive();
  await agent.send('{"StatusCode":101,"Header":{"Upgrade":["websocket"]}}');
  assert.equal((await asked).status, 526);

  const listener = await listenRaw(t);
  startAgent(t, port);
  await agent.closed;
  await untilIdle(relay, 1);
  const switching = ask(port, { destination: `http://127.0.0.1:${listener.port}/` });
  const peer = await listener.next();
  await peer.readHead();
  peer.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  const answer = await switching;
  assert.equal(answer.status, 527);
  assert.match(answer.body, /it switched protocols\n$/);
});

test('defect 9: an idle agent that is frozen is found by a Ping', async (t) => {
  const clock = new ManualClock();
  const { relay, port, errors } = await startRelay(t, { clock });
  const peer = await RawPeer.dial(t, port);
  await register(peer);
  await untilIdle(relay, 1);
  clock.advance(30_000);
  assert.equal((await peer.readFrame()).octet0, 0x89);
  clock.advance(30_000);
  await peer.closed();
  assert.equal(((await errors.next()) as { code?: string }).code, 'ERR_TUNNEL_PING_TIMEOUT');
});

test('defect 9: a busy agent that is frozen is a 526 after firstByteTimeout', async (t) => {
  const clock = new ManualClock();
  const { port, agent } = await startWithFake(t, { clock, firstByteTimeout: 7_000 });
  const asked = ask(port, { destination: 'http://app/' });
  await agent.receive();
  await agent.receive();
  clock.advance(7_000);
  const answer = await asked;
  assert.equal(answer.status, 526);
  assert.match(answer.body, /took too long to answer/);
});

test('defect 9: a body that stands still is cut off after bodyIdleTimeout', async (t) => {
  const clock = new ManualClock();
  const { port, requests, agent } = await startWithFake(t, { clock, bodyIdleTimeout: 5_000 });
  const asking = begin(port, { destination: 'http://app/' });
  asking.end();
  await agent.receive();
  await agent.send(OK);
  const response = await responseTo(asking);
  clock.advance(5_000);
  assert.equal((await readAnswer(response)).isComplete, false);
  assert.equal((await requests.next()).error?.code, 'ERR_TUNNEL_IDLE_TIMEOUT');
});

test('defect 9: a destination that does not answer is a 527 in time', async (t) => {
  const clock = new ManualClock();
  let arrived: () => void;
  const begun = new Promise<void>((resolve) => (arrived = resolve));
  const target = await serveTarget(t, () => arrived());
  const { port } = await startWithAgent(t, {}, { clock, firstByteTimeout: 3_000 });
  const asked = ask(port, { destination: target });
  await begun;
  clock.advance(3_000);
  const answer = await asked;
  assert.equal(answer.status, 527);
  assert.equal(
    answer.body,
    `Unable to execute request : Get "${target}/": the target took too long to answer\n`,
  );
});

test('defect 10: a caller that leaves while it waits ends the request of the destination', async (t) => {
  let arrived: () => void;
  const begun = new Promise<void>((resolve) => (arrived = resolve));
  let left: () => void;
  const gone = new Promise<void>((resolve) => (left = resolve));
  const target = await serveTarget(t, (_request, response) => {
    response.once('close', () => left());
    arrived();
  });
  const { port, requests } = await startWithAgent(t);
  const asking = begin(port, { destination: target });
  asking.end();
  await begun;
  asking.destroy();
  await gone;
  const { error, status } = await requests.next();
  assert.deepEqual([error?.code, status], ['ERR_TUNNEL_ABORTED', undefined]);
});

test('defect 10: a caller that leaves during the body ends the answer of the destination', async (t) => {
  let left: () => void;
  const gone = new Promise<void>((resolve) => (left = resolve));
  const target = await serveTarget(t, (_request, response) => {
    response.once('close', () => left());
    response.write('begun');
  });
  const { port } = await startWithAgent(t);
  const asking = begin(port, { destination: target });
  asking.end();
  const response = await responseTo(asking);
  response.on('error', () => {});
  response.destroy();
  await gone;
});

test('defect 14: a greeting that does not come is not waited for', async (t) => {
  const clock = new ManualClock();
  const { port, errors } = await startRelay(t, { clock, greetingTimeout: 2_000 });
  const silent = await connect(`ws://127.0.0.1:${port}/register`);
  await until(() => clock.pending >= 2);
  clock.advance(2_000);
  await silent.closed;
  assert.match((await errors.next()).message, /no greeting came in time/);
});

test('defect 14: a head of an answer has a bound', async (t) => {
  const { port, requests, agent } = await startWithFake(t, { maxHeadSize: 1_000 });
  const asked = ask(port, { destination: 'http://app/' });
  await agent.receive();
  await agent.send(`{"StatusCode":200,"X":"${'x'.repeat(1_000)}"}`);
  assert.equal((await asked).status, 526);
  assert.match((await requests.next()).error?.message ?? '', /a head has more than 1000 octets/);
});

test('defect 14: a head of a request has a bound', async (t) => {
  const listener = await listenRaw(t);
  const { connections } = startAgent(t, listener.port, { maxHeadSize: 1_000 });
  const peer = await listener.next();
  await peer.accept();
  await peer.readFrame();
  assert.equal((await connections.next()).state, 'open');
  peer.sendFrame(0x81, `{"Method":"${'x'.repeat(1_000)}"}`);
  await peer.closed();
  assert.match((await connections.next()).error?.message ?? '', /more than 1000 octets/);
});

test('defect 9: a relay that begins a request and stands still is cut off', async (t) => {
  const clock = new ManualClock();
  const listener = await listenRaw(t);
  const { agent, connections } = startAgent(t, listener.port, { clock, bodyIdleTimeout: 5_000 });
  const peer = await listener.next();
  await peer.accept();
  await peer.readFrame();
  assert.equal((await connections.next()).state, 'open');
  peer.sendFrame(0x01, '{"Method":');
  await until(() => agent.pools[0]?.busy === 1);
  clock.advance(5_000);
  await peer.closed();
  const { error } = await connections.next();
  assert.equal((error as { code?: string }).code, 'ERR_TUNNEL_IDLE_TIMEOUT');
});

test('wild messages: an idle agent that speaks is cut off, as in wsp', async (t) => {
  const { errors, agent } = await startWithFake(t);
  await agent.send(OK);
  await agent.closed;
  assert.match((await errors.next()).message, /a message came that answers nothing/);
});

async function register(peer: RawPeer): Promise<void> {
  const lines = [
    'GET /register HTTP/1.1',
    'Host: 127.0.0.1',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  peer.send(`${lines.join('\r\n')}\r\n\r\n`);
  await peer.readHead();
  // A mask of zeros leaves the octets as they are.
  peer.send(Buffer.concat([Buffer.from([0x81, 0x85, 0, 0, 0, 0]), Buffer.from('raw_1')]));
}
