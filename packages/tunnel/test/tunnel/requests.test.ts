/** What passes through the whole: caller, relay, session, agent, target. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { connect, HandshakeError, WebSocketServer } from 'framewire';
import { until } from '@framewire/test-support/waiting';
import {
  ask,
  bodyOf,
  get,
  HOST,
  listen,
  responseOf,
  startAll,
  startRelay,
  startTunnel,
} from './tunnelling.ts';

/** Octets as they are passed, and requests that the agent reads and writes anew. */
const MODES = {
  spliced: {},
  read: { rules: { allow: [{ path: '*' }] } },
} as const;

for (const [mode, tunnel] of Object.entries(MODES)) {
  test(`a request and its answer (${mode})`, async (t) => {
    const {
      port,
      requests,
      tunnel: opened,
    } = await startAll(
      t,
      (request, response) => {
        response.writeHead(
          201,
          'Made',
          [
            ['X-Twice', '1'],
            ['X-Twice', '2'],
            ['X-Url', request.url ?? ''],
            ['X-Host', request.headers.host ?? ''],
          ].flat(),
        );
        request.pipe(response);
      },
      { tunnel },
    );
    assert.deepEqual(opened.urls.map(String), [`http://app.example.com:${port}/`]);
    const request = ask(port, { method: 'POST', path: '/a/b?c=d' });
    request.end('hello');
    const response = await responseOf(request);
    assert.equal(response.statusCode, 201);
    assert.equal(response.statusMessage, 'Made');
    assert.equal(response.headers['x-twice'], '1, 2');
    assert.equal(response.headers['x-url'], '/a/b?c=d');
    assert.equal(response.headers['x-host'], HOST);
    assert.equal(await bodyOf(response), 'hello');
    await until(() => requests.length === 1);
    const [event] = requests;
    assert.deepEqual(
      [event?.name, event?.method, event?.path, event?.outcome.status, event?.outcome.error],
      ['app', 'POST', '/a/b?c=d', 201, undefined],
    );
  });

  test(`HEAD, 204 and 304 have no body, and the connection goes on (${mode})`, async (t) => {
    const { port } = await startAll(
      t,
      (request, response) => {
        const status = Number(request.url?.slice(1));
        response.writeHead(status, status === 200 ? { 'Content-Length': 5 } : {});
        response.end(status === 200 ? 'hello' : undefined);
      },
      { tunnel },
    );
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    for (const [method, path, length] of [
      ['HEAD', '/200', '5'],
      ['GET', '/204', undefined],
      ['GET', '/304', undefined],
      ['GET', '/200', '5'],
    ] as const) {
      const answer = await get(port, path, { method, agent });
      assert.equal(answer.status, Number(path.slice(1)));
      assert.equal(answer.headers['content-length'], length);
      assert.equal(answer.body, method === 'GET' && path === '/200' ? 'hello' : '');
    }
  });

  test(`103 and 100 are passed on, and trailers both ways (${mode})`, async (t) => {
    const { port, target } = await startAll(t, () => {}, { tunnel });
    target.on('checkContinue', (request: http.IncomingMessage, response: http.ServerResponse) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => {
        response.writeContinue();
      });
      request.resume().on('end', () => {
        response.writeHead(200, { Trailer: 'X-Sum' });
        response.write(`got ${request.trailers['x-count']}`);
        response.addTrailers({ 'X-Sum': '42' });
        response.end();
      });
    });
    const seen: number[] = [];
    const request = ask(port, {
      method: 'POST',
      headers: { Expect: '100-continue', Trailer: 'X-Count', 'Transfer-Encoding': 'chunked' },
    });
    request.on('information', ({ statusCode }) => seen.push(statusCode));
    request.flushHeaders();
    await once(request, 'continue');
    request.write('body');
    request.addTrailers({ 'X-Count': '7' });
    request.end();
    const response = await responseOf(request);
    assert.equal(await bodyOf(response), 'got 7');
    assert.equal(response.trailers['x-sum'], '42');
    assert.deepEqual(seen, [103, 100]);
  });

  test(`an early answer to an upload arrives, whatever is still sent (${mode})`, async (t) => {
    const { port } = await startAll(
      t,
      (_request, response) => void response.writeHead(413, { Connection: 'close' }).end('too much'),
      { tunnel },
    );
    const request = ask(port, { method: 'POST' });
    request.write(Buffer.alloc(64 * 1024));
    const response = await responseOf(request);
    assert.equal(response.statusCode, 413);
    assert.equal(await bodyOf(response), 'too much');
    request.destroy();
    assert.equal((await get(port, '/')).status, 413);
  });

  for (const framing of ['Content-Length', 'chunks'] as const) {
    test(`an answer that breaks off does not look whole (${mode}, ${framing})`, async (t) => {
      const { port } = await startAll(
        t,
        (_request, response) => {
          if (framing === 'Content-Length') response.setHeader('Content-Length', 100);
          response.write('half');
          setImmediate(() => response.destroy());
        },
        { tunnel },
      );
      const request = ask(port);
      request.end();
      const response = await responseOf(request);
      response.resume();
      await new Promise((resolve) => response.once('close', resolve));
      assert.equal(response.complete, false);
    });

    test(`an upload that breaks off does not look whole (${mode}, ${framing})`, async (t) => {
      let uploaded!: (request: http.IncomingMessage) => void;
      const upload = new Promise<http.IncomingMessage>((resolve) => (uploaded = resolve));
      const { port } = await startAll(t, (request) => uploaded(request.on('error', () => {})), {
        tunnel,
      });
      const headers = framing === 'chunks' ? {} : { 'Content-Length': 100 };
      const request = ask(port, { method: 'POST', headers });
      request.write('half');
      const incoming = await upload;
      assert.equal(String((await once(incoming, 'data'))[0]), 'half');
      const closed = new Promise((resolve) => incoming.once('close', resolve));
      request.destroy();
      await closed;
      assert.equal(incoming.complete, false);
    });
  }

  test(`a caller who goes before the answer is told to the target (${mode})`, async (t) => {
    let asked!: (response: http.ServerResponse) => void;
    const answering = new Promise<http.ServerResponse>((resolve) => (asked = resolve));
    const { port } = await startAll(t, (_request, response) => asked(response), { tunnel });
    const request = ask(port);
    request.end();
    const response = await answering;
    const closed = new Promise((resolve) => response.once('close', resolve));
    request.destroy();
    await closed;
  });

  test(`events arrive one by one (${mode})`, async (t) => {
    let response!: http.ServerResponse;
    const { port } = await startAll(
      t,
      (_request, answer) => {
        response = answer;
        answer.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      },
      { tunnel },
    );
    const request = ask(port);
    request.end();
    const answer = await responseOf(request);
    for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
      const arriving = once(answer, 'data');
      response.write(event);
      assert.equal(String((await arriving)[0]), event);
    }
    request.destroy();
  });

  test(`heads of 60 KB pass both ways (${mode})`, async (t) => {
    const target = http.createServer({ maxHeaderSize: 128 * 1024 }, (request, response) => {
      response.setHeader('X-Long', request.headers['x-long'] ?? '').end();
    });
    const targetPort = await listen(t, target);
    const front = http.createServer({ maxHeaderSize: 128 * 1024 });
    const { port } = await startRelay(t, {}, front);
    await startTunnel(t, port, targetPort, tunnel);
    const long = 'x'.repeat(60_000);
    const answer = await get(port, '/', { headers: { 'X-Long': long }, maxHeaderSize: 128 * 1024 });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-long'], long);
  });

  test(`a WebSocket passes with extensions, subprotocol and close code (${mode})`, async (t) => {
    const { port, target } = await startAll(t, () => {}, { tunnel });
    const server = new WebSocketServer({
      origins: 'any',
      protocols: ['chat'],
      perMessageDeflate: true,
      authorize: ({ path }) =>
        path === '/ws' ? { accept: true } : { accept: false, status: 403, body: 'not here' },
      handler: {
        message: (connection, message) =>
          void (message === 'bye' ? connection.close(4321, 'as asked') : connection.send(message)),
      },
    });
    server.attach(target);
    const options = { headers: { Host: HOST }, protocols: 'chat', perMessageDeflate: true };
    const connection = await connect(`ws://127.0.0.1:${port}/ws`, options);
    assert.equal(connection.protocol, 'chat');
    assert.match(connection.extensions, /permessage-deflate/u);
    const large = Buffer.alloc(1_000_000, 'x');
    void connection.send(large);
    assert.ok(large.equals((await connection.receive()) as Uint8Array));
    void connection.send('bye');
    const info = await connection.closed;
    assert.deepEqual([info.code, info.reason, info.wasClean], [4321, 'as asked', true]);
    await assert.rejects(connect(`ws://127.0.0.1:${port}/other`, options), (error) => {
      assert.ok(HandshakeError.isInstance(error));
      assert.equal(error.status, 403);
      assert.equal(Buffer.from(error.body ?? []).toString(), 'not here');
      return true;
    });
    await server.close({ timeout: 100 });
  });

  test(`64 MB go up and come down (${mode})`, async (t) => {
    const { port } = await startAll(t, (request, response) => void request.pipe(response), {
      tunnel,
    });
    const request = ask(port, { method: 'POST' });
    const chunk = Buffer.alloc(256 * 1024, 'x');
    const writing = (async () => {
      for (let count = 0; count < 256; count++) {
        if (!request.write(chunk)) await once(request, 'drain');
      }
      request.end();
    })();
    const response = await responseOf(request);
    let octets = 0;
    for await (const part of response as AsyncIterable<Buffer>) octets += part.length;
    await writing;
    assert.equal(octets, 64 * 1024 * 1024);
  });

  test(`a target that is down is a 502 that says so (${mode})`, async (t) => {
    const { port: relay } = await startRelay(t);
    const gone = net.createServer();
    const dead = await new Promise<number>((resolve) => {
      gone.listen(0, '127.0.0.1', () => resolve((gone.address() as net.AddressInfo).port));
    });
    await new Promise((resolve) => gone.close(resolve));
    await startTunnel(t, relay, dead, tunnel);
    const answer = await get(relay);
    assert.equal(answer.status, 502);
    assert.match(answer.body, /cannot be reached/u);
  });
}

test('a handler of Fetch API answers in place of a target', async (t) => {
  const { port } = await startRelay(t);
  await startTunnel(t, port, async (request) => {
    const { pathname } = new URL(request.url);
    return new Response(`${request.method} ${pathname} ${await request.text()}`, { status: 202 });
  });
  const answer = await get(port, '/x?y', { method: 'PUT' }, 'content');
  assert.equal(answer.status, 202);
  assert.equal(answer.body, 'PUT /x content');
});

test('the Host may be that of the target', async (t) => {
  const { port, targetPort } = await startAll(
    t,
    (request, response) => void response.end(request.headers.host),
    { tunnel: { host: 'target' } },
  );
  assert.equal((await get(port)).body, `localhost:${targetPort}`);
});

test('X-Forwarded-* are those of the relay, whatever the caller claims', async (t) => {
  const { port } = await startAll(t, (request, response) => {
    response.end(JSON.stringify(request.headers));
  });
  const { body } = await get(port, '/', {
    headers: { 'X-Forwarded-For': '6.6.6.6', 'X-Forwarded-Host': 'evil', Forwarded: 'for=6.6.6.6' },
  });
  const headers = JSON.parse(body) as Record<string, string>;
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(headers['x-forwarded-host'], HOST);
  assert.equal(headers['x-forwarded-proto'], 'http');
  assert.equal(headers['forwarded'], undefined);
});

test('TCP goes through to a tcp: target', async (t) => {
  const target = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk: Buffer) => socket.write(chunk.toString().toUpperCase()));
    socket.on('end', () => socket.end('bye'));
  });
  const targetPort = await listen(t, target);
  const { port, relay } = await startRelay(t);
  await startTunnel(t, port, `tcp://127.0.0.1:${targetPort}`);
  const front = net.createServer({ allowHalfOpen: true }, (socket) => relay.connect(socket, 'app'));
  const socket = net.connect({
    port: await listen(t, front),
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  socket.write('hello');
  assert.equal(String((await once(socket, 'data'))[0]), 'HELLO');
  const last = once(socket, 'data');
  socket.end();
  assert.equal(String((await last)[0]), 'bye');
  await once(socket, 'close');
  // HTTP has no target there.
  assert.equal((await get(port)).status, 403);
});

test('an unknown name is a 404; one whose agents are gone is a 503 with Retry-After', async (t) => {
  const { port, relay } = await startRelay(t);
  const unknown = await get(port);
  assert.equal(unknown.status, 404);
  const tunnel = await startTunnel(t, port, 1);
  await tunnel.close(0);
  await until(() => relay.tunnels.size === 0);
  const gone = await get(port);
  assert.equal(gone.status, 503);
  assert.equal(gone.headers['retry-after'], '2');
});
