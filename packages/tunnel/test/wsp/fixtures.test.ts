import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { ManualClock } from 'framewire/testing';
import { ask, serveTarget, startAgent, startRelay, startWithAgent, untilIdle } from './rig.ts';
import { captured, framesOf, listenRaw, RawPeer, type Frame } from './raw-peer.ts';

const CURL = { 'User-Agent': 'curl/7.88.1', Accept: '*/*' };

function textsOf(frames: readonly Frame[]): string[] {
  return frames.map(({ octet0, payload }) => `${octet0.toString(16)} ${payload.toString()}`);
}

/** What a Go relay says of a request, but for the header that our relay keeps to itself. */
function withoutDestination(json: string): string {
  return json.replace(/,"X-Proxy-Destination":\["[^"]*"\]/, '');
}

test('a Go agent: our relay takes its octets, and sends what a Go relay sends', async (t) => {
  const [opening, greeting, first, second] = captured('get+post.jsonl', 1, 'A>S');
  const [accepted, get, post] = captured('get+post.jsonl', 1, 'S>A');
  assert.ok(opening && greeting && first && second && accepted && get && post);
  const { relay, port } = await startRelay(t, { secretKey: 'ThisIsASecret', forwarded: false });
  const peer = await RawPeer.dial(t, port);
  peer.send(opening);
  const [, accept = ''] = /Sec-WebSocket-Accept: \S+/i.exec(accepted.toString()) ?? [''];
  assert.ok((await peer.readHead()).includes(accept));
  peer.send(greeting);
  await untilIdle(relay, 1);
  assert.deepEqual(relay.pools, [{ id: 'agent-1', size: 1, idle: 1, busy: 0 }]);

  const destination = 'http://127.0.0.1:28081/hello?a=1&b=<2>';
  const got = ask(port, { destination, headers: CURL });
  const sent = [await peer.readFrame(), await peer.readFrame()];
  assert.deepEqual(textsOf(sent), textsOf(framesOf(get).frames).map(withoutDestination));
  peer.send(first);
  assert.equal((await got).body, 'hello world\n');

  await untilIdle(relay, 1);
  const type = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': 10 };
  const body = 'name=value';
  const url = 'http://127.0.0.1:28081/post';
  const posted = ask(port, {
    method: 'POST',
    destination: url,
    headers: { ...CURL, ...type },
    body,
  });
  const head = await peer.readFrame();
  const message = await peer.readMessage();
  const [goHead, goBody] = framesOf(post).frames;
  assert.equal(head.payload.toString(), withoutDestination(goHead!.payload.toString()));
  assert.equal(message.opcode, goBody!.octet0 & 0xf);
  assert.deepEqual(message.payload, goBody!.payload);
  peer.send(second);
  const answer = await posted;
  assert.equal(answer.status, 200);
  assert.equal(answer.body, 'name=value');
});

test('a Go agent: its Ping after 30 s is answered as a Go relay answers it', async (t) => {
  const sent = captured('ping30s.jsonl', 1, 'A>S');
  const { relay, port } = await startRelay(t, { secretKey: 'ThisIsASecret' });
  const peer = await RawPeer.dial(t, port);
  peer.send(sent[0]!);
  await peer.readHead();
  peer.send(sent[1]!);
  await untilIdle(relay, 1);
  peer.send(sent.at(-1)!);
  assert.deepEqual(textsOf([await peer.readFrame()]), ['8a ']);
});

/** Dials the test's destination, whatever the fixture calls it. */
function dialling(t: TestContext, port: number): http.Agent {
  const agent = new http.Agent({ keepAlive: false });
  agent.createConnection = (_options, onConnected) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => onConnected?.(null, socket));
    return undefined;
  };
  t.after(() => agent.destroy());
  return agent;
}

test('a Go relay: our agent takes its octets, and sends what a Go agent sends', async (t) => {
  const [, greeting, first, second] = captured('get+post.jsonl', 1, 'A>S');
  const [, get, post] = captured('get+post.jsonl', 1, 'S>A');
  const expected = [first, second].map((octets) => framesOf(octets!).frames);
  const dates = expected.map(([head]) => {
    return (JSON.parse(head!.payload.toString()) as { Header: { Date: string[] } }).Header.Date[0]!;
  });
  const asked: string[] = [];
  const target = await serveTarget(t, (request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.host}`);
    response.setHeader('Date', dates.shift()!);
    response.setHeader('Content-Type', 'text/plain; charset=utf-8');
    response.setHeader('Content-Length', request.method === 'GET' ? 12 : 10);
    if (request.method === 'GET') response.end('hello world\n');
    else request.pipe(response);
  });
  const listener = await listenRaw(t);
  const httpAgent = dialling(t, Number(new URL(target).port));
  const options = { id: 'agent-1', poolMaxSize: 1, secretKey: 'ThisIsASecret', httpAgent };
  startAgent(t, listener.port, options);
  const peer = await listener.next();
  const opening = await peer.accept();
  assert.match(opening, /^GET \/register HTTP\/1\.1\r\n/);
  assert.match(opening, /\r\nX-SECRET-KEY: ThisIsASecret\r\n/i);
  assert.doesNotMatch(opening, /Sec-WebSocket-(?:Protocol|Extensions)/i);
  assert.deepEqual(textsOf([await peer.readFrame()]), textsOf(framesOf(greeting!).frames));

  for (const [index, octets] of [get!, post!].entries()) {
    peer.send(octets);
    const [head, body] = expected[index]!;
    assert.deepEqual(textsOf([await peer.readFrame()]), textsOf([head!]));
    const message = await peer.readMessage();
    assert.equal(message.opcode, 2);
    assert.deepEqual(message.payload, body!.payload);
  }
  assert.deepEqual(asked, [
    'GET /hello?a=1&b=%3C2%3E 127.0.0.1:28081',
    'POST /post 127.0.0.1:28081',
  ]);
});

test('a Go relay: our agent sends an empty, masked Ping after 30 s', async (t) => {
  const clock = new ManualClock();
  const listener = await listenRaw(t);
  startAgent(t, listener.port, { clock, id: 'agent-1' });
  const peer = await listener.next();
  await peer.accept();
  await peer.readFrame();
  clock.advance(30_000);
  const [expected] = framesOf(captured('ping30s.jsonl', 1, 'A>S').at(-1)!).frames;
  const { octet0, payload, key } = await peer.readFrame();
  assert.deepEqual([octet0, payload], [expected!.octet0, expected!.payload]);
  assert.equal(key?.length, 4);
  peer.send(captured('ping30s.jsonl', 1, 'S>A').at(-1)!);
});

test('Go fragments at 4096 octets: a body of any fragments is one body', async (t) => {
  const { relay, port } = await startRelay(t);
  const peer = await RawPeer.dial(t, port);
  const [opening, greeting] = captured('get+post.jsonl', 1, 'A>S');
  peer.send(opening!);
  await peer.readHead();
  peer.send(greeting!);
  await untilIdle(relay, 1);
  const answer = ask(port, { destination: 'http://a/' });
  await peer.readMessage();
  await peer.readMessage();
  // A mask of zeros leaves the octets as they are.
  const frame = (octet0: number, payload: string): Buffer => {
    const { length } = payload;
    const size = length < 126 ? [length | 0x80] : [0xfe, length >> 8, length & 0xff];
    return Buffer.concat([Buffer.from([octet0, ...size, 0, 0, 0, 0]), Buffer.from(payload)]);
  };
  peer.send(frame(0x82, '{"statuscode":200,"header":null}'));
  peer.send(Buffer.concat([frame(0x02, 'a'.repeat(4096)), frame(0x00, 'b'.repeat(4096))]));
  peer.send(frame(0x80, 'c'.repeat(10)));
  assert.equal((await answer).body, 'a'.repeat(4096) + 'b'.repeat(4096) + 'c'.repeat(10));
});

test('ours with ours: a body passes through in both directions', async (t) => {
  const target = await serveTarget(t, (request, response) => void request.pipe(response));
  const { port, requests } = await startWithAgent(t);
  const body = 'x'.repeat(300_000);
  const answer = await ask(port, { method: 'POST', destination: `${target}/echo`, body });
  assert.equal(answer.status, 200);
  assert.ok(answer.body === body);
  const outcome = await requests.next();
  assert.equal(outcome.status, 200);
  assert.equal(outcome.requestOctets, 300_000);
  assert.equal(outcome.responseOctets, 300_000);
});
