/** node:http at both ends of a stream, which it takes for a socket. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { test, type TestContext } from 'node:test';
import type { MuxSession } from '@framewire/tunnel';
import { turn, within } from '@framewire/test-support/waiting';
import { event, KIB, openPair, type Pair } from './sessions.ts';

interface Answer {
  readonly status: number | undefined;
  readonly body: Buffer;
}

function ask(options: http.RequestOptions, body: string | Uint8Array = ''): Promise<Answer> {
  return within(
    new Promise((resolve, reject) => {
      const request = http.request({ host: 'test.example', ...options }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode, body: Buffer.concat(chunks) }),
        );
      });
      request.on('error', reject);
      request.end(body);
    }),
    'an answer',
  );
}

async function serve(t: TestContext, listener: http.RequestListener): Promise<Pair> {
  const server = http.createServer(listener);
  const pair = await openPair(
    t,
    'server',
    {},
    { onStream: (stream) => void server.emit('connection', stream) },
  );
  return pair;
}

function agentOf(session: MuxSession): http.Agent {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = () => session.open();
  return agent;
}

test('a request and its answer go through a stream each, which ends', async (t) => {
  const { near, far } = await serve(t, (request, response) => {
    let octets = 0;
    request.on('data', (chunk: Buffer) => (octets += chunk.length));
    request.on('end', () => response.writeHead(201).end(`${request.method} ${octets}`));
  });
  const createConnection = () => near.open();
  for (let count = 0; count < 3; count++) {
    const { status, body } = await ask(
      { createConnection, method: 'POST' },
      new Uint8Array(300 * KIB),
    );
    assert.deepEqual([status, body.toString()], [201, 'POST 307200']);
  }
  while (near.streams + far.streams > 0) await turn();
});

test('requests one after another share a stream that is kept alive', async (t) => {
  const { near, far } = await serve(t, (request, response) => response.end(request.url));
  const agent = agentOf(near);
  for (let count = 0; count < 10; count++) {
    const { body } = await ask({ agent, path: `/${count}` });
    assert.equal(body.toString(), `/${count}`);
    assert.deepEqual([near.streams, far.streams], [1, 1]);
  }
  agent.destroy();
  while (near.streams + far.streams > 0) await turn();
});

test('large answers arrive whole', async (t) => {
  const large = Buffer.alloc(3 * 1024 * KIB, 'large answer ');
  const { near } = await serve(t, (_request, response) => response.end(large));
  const agent = agentOf(near);
  for (let count = 0; count < 2; count++) {
    assert.ok((await ask({ agent })).body.equals(large));
  }
  agent.destroy();
});

test('an answer that breaks off in the middle is an error', async (t) => {
  const { near } = await serve(t, (_request, response) => {
    response.write('half');
    setImmediate(() => response.destroy());
  });
  await assert.rejects(ask({ createConnection: () => near.open() }), {
    code: 'ERR_TUNNEL_STREAM_RESET',
  });
});

test('a request that is given up is seen at the other end', async (t) => {
  const { accepted, near } = await openPair(t);
  const request = http.request({ createConnection: () => near.open(), method: 'POST' });
  request.on('error', () => {});
  request.write('half');
  const stream = await accepted();
  const server = http.createServer();
  const asked = new Promise<http.IncomingMessage>((resolve) => server.once('request', resolve));
  server.emit('connection', stream);
  const incoming = await within(asked, 'the request');
  const aborted = event(incoming, 'error');
  request.destroy();
  await aborted;
  assert.equal(incoming.complete, false);
});

test('an upgrade hands the stream over, with both ends of it', async (t) => {
  const { near } = await (async () => {
    const server = http.createServer();
    server.on('upgrade', (_request, socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n',
      );
      socket.pipe(socket);
    });
    return openPair(t, 'client', {}, { onStream: (stream) => server.emit('connection', stream) });
  })();
  const request = http.request({
    createConnection: () => near.open(),
    headers: { Connection: 'Upgrade', Upgrade: 'echo' },
  });
  request.end();
  const [, socket] = await within(
    new Promise<[http.IncomingMessage, NodeJS.ReadWriteStream]>((resolve) => {
      request.once('upgrade', (response, socket) => resolve([response, socket]));
    }),
    'the upgrade',
  );
  socket.end('Hello');
  let echoed = '';
  for await (const chunk of socket) echoed += String(chunk);
  assert.equal(echoed, 'Hello');
});
