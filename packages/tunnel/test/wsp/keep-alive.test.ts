/** RFC 9112 §9.3: connections of an agent to a destination, for one request after another. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { test, type TestContext } from 'node:test';
import { RawTarget } from '../http/raw.ts';
import { listen } from '../listening.ts';
import { ask, startWithAgent } from './rig.ts';

/** The connections that requests of these methods came on, as numbers in the order of their opening. */
async function connectionsOf(t: TestContext, methods: readonly string[]): Promise<number[]> {
  const sockets: unknown[] = [];
  const used: number[] = [];
  const server = http.createServer((request, response) => {
    used.push(sockets.indexOf(request.socket));
    request.resume().on('end', () => response.end('ok'));
  });
  server.on('connection', (socket) => sockets.push(socket));
  const destination = `http://127.0.0.1:${await listen(t, server)}/`;
  const { port, executed } = await startWithAgent(t);
  for (const method of methods) {
    const { status } = await ask(port, { destination, method });
    assert.equal(status, 200);
    await executed.next();
  }
  return used;
}

test('a destination is asked on a connection that was kept', async (t) => {
  assert.deepEqual(await connectionsOf(t, ['GET', 'PUT', 'DELETE', 'GET']), [0, 0, 0, 0]);
});

test('RFC 9110 §9.2.2 what cannot be sent again has a connection of its own', async (t) => {
  assert.deepEqual(await connectionsOf(t, ['GET', 'POST', 'POST', 'GET']), [0, 1, 2, 0]);
});

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('RFC 9112 §9.3.1 a request on a connection that died idle is sent again, once', async (t) => {
  const raw = await RawTarget.start(t);
  const destination = `http://127.0.0.1:${raw.port}/`;
  const { port } = await startWithAgent(t);
  const first = ask(port, { destination });
  const kept = await raw.next();
  await kept.readHead();
  kept.send(OK);
  assert.equal((await first).body, 'ok');

  const again = ask(port, { destination });
  await kept.readHead();
  kept.reset();
  const fresh = await raw.next();
  assert.match(await fresh.readHead(), /\r\nConnection: close\r\n/);
  fresh.send(OK);
  assert.equal((await again).body, 'ok');
  assert.equal(raw.count, 2);
});

test('RFC 9112 §9.3.1 a request on a new connection is not sent again', async (t) => {
  const raw = await RawTarget.start(t);
  const { port } = await startWithAgent(t);
  const answer = ask(port, { destination: `http://127.0.0.1:${raw.port}/` });
  const asked = await raw.next();
  await asked.readHead();
  asked.reset();
  assert.equal((await answer).status, 527);
  assert.equal(raw.count, 1);
});
