/** Agents that are killed, freeze, are cut off or drain, and callers without number. */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openTunnel, type TunnelError } from '@framewire/tunnel';
import { turn, until } from '@framewire/test-support/waiting';
import {
  ask,
  bodyOf,
  get,
  listen,
  responseOf,
  startAll,
  startRelay,
  startTunnel,
  TOKEN,
} from './tunnelling.ts';

const AGENT = new URL('./agent-process.js', import.meta.url);

/** An agent in a process of its own, whose target is a function that answers "hello", or never. */
async function startAgentProcess(t: TestContext, port: number): Promise<ChildProcess> {
  const child = fork(AGENT, [String(port), TOKEN], { stdio: 'inherit' });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'message');
  return child;
}

const QUICK = { pingInterval: 100, pingTimeout: 100 };

test('an agent that is killed: what is under way breaks off at once, and the name is gone', async (t) => {
  const { port, relay } = await startRelay(t);
  const child = await startAgentProcess(t, port);
  const request = ask(port, { path: '/slow' });
  request.end();
  const response = await responseOf(request);
  const closed = new Promise((resolve) => response.once('close', resolve));
  response.resume();
  child.kill('SIGKILL');
  await closed;
  assert.equal(response.complete, false);
  await until(() => relay.tunnels.size === 0);
  assert.equal((await get(port)).status, 503);
});

test('an agent that is killed before it has answered: 502', async (t) => {
  const { port, requests } = await startRelay(t);
  const child = await startAgentProcess(t, port);
  const request = ask(port, { path: '/never' });
  request.end();
  await new Promise((resolve) => child.once('message', resolve));
  child.kill('SIGKILL');
  const response = await responseOf(request);
  assert.equal(response.statusCode, 502);
  await bodyOf(response);
  await until(() => requests.length === 1);
  assert.equal(requests[0]?.outcome.error?.code, 'ERR_TUNNEL_SESSION_CLOSED');
});

test('an agent that is frozen is found out by its silence, and its callers are told', async (t) => {
  const { port, agents } = await startRelay(t, QUICK);
  const child = await startAgentProcess(t, port);
  child.kill('SIGSTOP');
  const request = ask(port);
  request.end();
  const response = await responseOf(request);
  assert.equal(response.statusCode, 502);
  await bodyOf(response);
  await until(() => agents.some(({ kind }) => kind === 'gone'));
  const gone = agents.find(({ kind }) => kind === 'gone');
  assert.equal((gone?.error as TunnelError | undefined)?.code, 'ERR_TUNNEL_PING_TIMEOUT');
  child.kill('SIGCONT');
});

/** Passes octets on, until it is told to drop them all without a word. */
async function startDropper(
  t: TestContext,
  to: number,
): Promise<{ readonly port: number; isDropping: boolean }> {
  const dropper = { port: 0, isDropping: false };
  const server = net.createServer((near) => {
    const far = net.connect(to, '127.0.0.1');
    const pass = (from: net.Socket, into: net.Socket): void => {
      from.on('error', () => {}).on('data', (chunk) => dropper.isDropping || into.write(chunk));
      from.on('close', () => dropper.isDropping || into.destroy());
    };
    pass(near, far);
    pass(far, near);
    t.after(() => far.destroy());
  });
  dropper.port = await listen(t, server);
  return dropper;
}

test('a connection that is cut off without a word is noticed on both sides, and made anew', async (t) => {
  const target = http.createServer((_request, response) => void response.end('hello'));
  const targetPort = await listen(t, target);
  const { port, relay } = await startRelay(t, QUICK);
  const dropper = await startDropper(t, port);
  const statuses: string[] = [];
  const tunnel = await startTunnel(t, dropper.port, targetPort, {
    ...QUICK,
    connections: 1,
    relay: { handshakeTimeout: 200 },
    onStatus: (status) => void statuses.push(status),
  });
  assert.equal((await get(port)).body, 'hello');
  dropper.isDropping = true;
  await until(() => relay.tunnels.size === 0 && tunnel.status === 'reconnecting');
  dropper.isDropping = false;
  await until(() => relay.tunnels.size === 1 && tunnel.status === 'online');
  assert.equal((await get(port)).body, 'hello');
});

test('a relay that drains hands its agents over before it ends, and no request fails', async (t) => {
  const target = http.createServer((_request, response) => {
    setImmediate(() => response.end('hello'));
  });
  const targetPort = await listen(t, target);
  const first = await startRelay(t);
  const second = await startRelay(t);
  // What stands in front: it sends agents to the relay that is up, and callers to one with agents.
  const agents = await startBalancer(t, first.port);
  const callers = await startBalancer(t, first.port);
  await startTunnel(t, agents.port, targetPort);
  const failures: unknown[] = [];
  let answered = 0;
  let isOver = false;
  const calling = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      const { status, body } = await get(callers.port);
      if (status !== 200 || body !== 'hello') failures.push([status, body]);
      answered++;
    }
  });
  await until(() => answered > 100);
  agents.to = second.port;
  const drained = first.relay.drain();
  await until(() => second.relay.tunnels.get('app') !== undefined);
  callers.to = second.port;
  await drained;
  const mark = answered;
  await until(() => answered > mark + 100);
  isOver = true;
  await Promise.all(calling);
  assert.deepEqual(failures, []);
  await until(() => first.relay.tunnels.size === 0);
  assert.equal(second.relay.tunnels.get('app')?.connections, 2);
});

async function startBalancer(
  t: TestContext,
  to: number,
): Promise<{ readonly port: number; to: number }> {
  const balancer = { port: 0, to };
  const server = net.createServer((near) => {
    const far = net.connect(balancer.to, '127.0.0.1');
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  balancer.port = await listen(t, server);
  return balancer;
}

test('200 callers that do not read hold up themselves, and nobody else', async (t) => {
  // Unix sockets buffer little, so that what is not read is noticed.
  const folder = mkdtempSync(join(tmpdir(), 'framewire-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const socketPath = join(folder, 'front.sock');
  const large = Buffer.alloc(4 * 1024 * 1024, 'x');
  const { relay, targetPort } = await startAll(t, (request, response) => {
    response.end(request.url === '/large' ? large : 'hello');
  });
  assert.ok(targetPort > 0);
  const front = http.createServer();
  relay.attach(front);
  await new Promise<void>((resolve) => front.listen(socketPath, resolve));
  t.after(() => {
    front.close();
    front.closeAllConnections();
  });
  const stalled = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const request = ask(0, { path: '/large', socketPath });
      request.end();
      return (await responseOf(request)).pause();
    }),
  );
  for (let count = 0; count < 20; count++) {
    assert.equal((await get(0, '/', { socketPath })).body, 'hello');
  }
  assert.ok(relay.activeRequests >= 200);
  for (const response of stalled) response.destroy();
  await until(() => relay.activeRequests === 0);
});

test('5000 requests that are broken off disturb nobody', async (t) => {
  const { port, relay } = await startAll(t, (request, response) => {
    if (request.url === '/steady') response.end('hello');
  });
  const agent = new http.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  let isOver = false;
  let steady = 0;
  const calling = (async () => {
    while (!isOver) {
      assert.equal((await get(port, '/steady', { agent })).body, 'hello');
      steady++;
    }
  })();
  for (let round = 0; round < 50; round++) {
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const request = ask(port, { path: '/never' });
        request.end();
        const [socket] = (await once(request, 'socket')) as [net.Socket];
        if (socket.connecting) await once(socket, 'connect');
        await turn();
        const closed = new Promise((resolve) => request.once('close', resolve));
        request.destroy();
        await closed;
      }),
    );
  }
  isOver = true;
  await calling;
  assert.ok(steady > 0);
  await until(() => relay.activeRequests === 0);
  assert.equal(relay.tunnels.get('app')?.connections, 2);
});

test('of several agents the least busy one is asked', async (t) => {
  const { port } = await startRelay(t);
  const held: (() => void)[] = [];
  for (const name of ['a', 'b']) {
    await startTunnel(
      t,
      port,
      async (request) => {
        if (new URL(request.url).pathname === '/hold') {
          await new Promise<void>((resolve) => held.push(resolve));
        }
        return new Response(name);
      },
      { connections: 1 },
    );
  }
  const holding = [get(port, '/hold'), get(port, '/hold')];
  await until(() => held.length === 2);
  const bodies = await Promise.all([get(port), get(port), get(port), get(port)]);
  assert.equal(new Set(bodies.map(({ body }) => body)).size, 2);
  for (const release of held) release();
  assert.equal(new Set((await Promise.all(holding)).map(({ body }) => body)).size, 2);
});

test('a name that is exclusive is had by one agent, whatever order they come in', async (t) => {
  const { port } = await startRelay(t);
  const relay = `ws://127.0.0.1:${port}`;
  await startTunnel(t, port, 1, { exclusive: true });
  const rejection = { code: 'ERR_TUNNEL_NAME_TAKEN' };
  await assert.rejects(openTunnel(relay, { name: 'app', token: TOKEN, target: 1 }), rejection);
  await startTunnel(t, port, 1, { name: 'other' });
  const late = openTunnel(relay, { name: 'other', token: TOKEN, target: 1, exclusive: true });
  await assert.rejects(late, rejection);
});

test('a token that is taken away ends its tunnels, and one that is there stays', async (t) => {
  const { port, relay } = await startRelay(t);
  const tunnel = await startTunnel(t, port, 1);
  relay.update({ domains: ['example.com'], tokens: [] });
  const error = await tunnel.closed;
  assert.equal((error as TunnelError).code, 'ERR_TUNNEL_BAD_TOKEN');
  assert.equal(tunnel.status, 'closed');
});

test('close() waits for what is under way', async (t) => {
  let release!: () => void;
  const { port } = await startRelay(t);
  const tunnel = await startTunnel(t, port, async () => {
    await new Promise<void>((resolve) => (release = resolve));
    return new Response('late');
  });
  const answer = get(port);
  await until(() => release !== undefined);
  const closing = tunnel.close();
  release();
  assert.equal((await answer).body, 'late');
  await closing;
});
