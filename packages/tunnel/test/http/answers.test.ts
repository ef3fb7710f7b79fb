import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { turns } from '@framewire/test-support/waiting';
import { RawTarget, type RawPeer } from './raw.ts';
import { begin, call, gateway, GET, target } from './serving.ts';

test('RFC 9110 §5.3 fields keep their names, order and repetitions, but those of one hop', async (t) => {
  const { front, caller, asked } = await begin(
    t,
    'GET /a%2Fb?x=[1] HTTP/1.1\r\nHOST: Demo.Example\r\nx-B: 1\r\nX-a: 2\r\nx-b: 3\r\n' +
      'Connection: close, X-Hop\r\nX-Hop: no\r\nKeep-Alive: timeout=1\r\nProxy-Connection: x\r\n' +
      'Proxy-Authorization: Basic eDp5\r\nTE: gzip\r\nUpgrade: h2c\r\nX-Latin: \xe9\r\n\r\n',
  );
  assert.equal(
    await asked.readHead(),
    'GET /a%2Fb?x=[1] HTTP/1.1\r\nHOST: Demo.Example\r\nx-B: 1\r\nX-a: 2\r\nx-b: 3\r\n' +
      'X-Latin: \xe9\r\nConnection: keep-alive\r\n\r\n',
  );
  asked.send(
    'HTTP/1.1 299 Why  not\r\nDate: now\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Y: \xe9\r\n',
    'Connection: X-Gone\r\nX-Gone: 1\r\nKeep-Alive: timeout=9\r\nContent-Length: 2\r\n\r\nok',
  );
  assert.equal(
    (await caller.readRest()).text,
    'HTTP/1.1 299 Why  not\r\nDate: now\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Y: \xe9\r\n' +
      'Content-Length: 2\r\nConnection: close\r\n\r\nok',
  );
  const outcome = await front.outcome();
  assert.equal(outcome.status, 299);
  assert.equal(outcome.error, undefined);
  assert.equal(outcome.answerOctets, 2);
});

test('RFC 9110 §7.6.1 Connection cannot take away what delimits or names the request', async (t) => {
  const { asked } = await begin(
    t,
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nCookie: x\r\n' +
      'Connection: content-length, host, cookie\r\n\r\nA',
  );
  assert.match(await asked.readHead(), /Host: a\r\nContent-Length: 1\r\nCookie: x\r\n/);
});

test('RFC 9110 §9.3.2 the answer to a HEAD has the length and no content', async (t) => {
  const port = await target(t, (_, response) => response.setHeader('Content-Length', 5).end());
  const caller = await call(t, await gateway(t, port));
  caller.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', GET.replace('/ ', '/2 '));
  assert.match(await caller.readHead(), /^HTTP\/1.1 200 OK\r\nContent-Length: 5\r\n/);
  assert.match(await caller.readHead(), /^HTTP\/1.1 200 OK/);
});

for (const status of [204, 304]) {
  test(`RFC 9112 §6.3 a ${status} has no content, and the connection goes on`, async (t) => {
    const raw = await RawTarget.start(t);
    const caller = await call(t, await gateway(t, raw.port));
    let asked: RawPeer | undefined;
    for (let index = 0; index < 2; index++) {
      caller.send(GET);
      asked ??= await raw.next();
      await asked.readHead();
      asked.send(`HTTP/1.1 ${status} X\r\nETag: "x"\r\nTrailer: X-T\r\n\r\n`);
      const head = await caller.readHead();
      assert.ok(head.startsWith(`HTTP/1.1 ${status} `), head);
      assert.match(head, /\r\nETag: "x"\r\n/);
      assert.doesNotMatch(head, /chunked|content-length|close/i);
      await turns(5);
      assert.equal(caller.unread, '');
    }
  });
}

test('RFC 9110 §15.2 interim responses pass, each at once: 102, 103 and one of the future', async (t) => {
  const { caller, asked } = await begin(t, GET);
  await asked.readHead();
  for (const interim of [
    'HTTP/1.1 102 Processing\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: </a b>; title="c, d"\r\nlink: <e>\r\nX-Y: 1\r\n\r\n',
    'HTTP/1.1 104 Upload Resumption\r\nLocation: /x\r\n\r\n',
  ]) {
    asked.send(interim);
    assert.equal(await caller.readHead(), interim);
  }
  asked.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  assert.match(await caller.readHead(), /^HTTP\/1.1 200 OK\r\n/);
});

test('RFC 9110 §15.2 a caller of HTTP/1.0 gets no interim response, nor chunks', async (t) => {
  const { caller, asked } = await begin(t, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n');
  await asked.readHead();
  asked.send('HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nTrailer: X-T\r\n');
  asked.send('Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n');
  const { text, fate } = await caller.readRest();
  assert.match(text, /^HTTP\/1.1 200 OK\r\n(?:(?!chunked|Trailer).)*\r\n\r\nok$/s);
  assert.equal(fate, 'end');
});

test('RFC 9110 §10.1.1 a 100 comes from the target, and content only after it', async (t) => {
  const { caller, asked } = await begin(
    t,
    'PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n',
  );
  assert.match(await asked.readHead(), /Expect: 100-continue\r\n/);
  await turns(5);
  assert.equal(caller.unread, '');
  asked.send('HTTP/1.1 100 Continue\r\n\r\n');
  assert.equal(await caller.readHead(), 'HTTP/1.1 100 Continue\r\n\r\n');
  caller.send('ok');
  await asked.readTo('ok');
  asked.send('HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n');
  assert.match(await caller.readHead(), /^HTTP\/1.1 201 Made\r\n/);
});

test('RFC 9110 §10.1.1 a refusal instead of the 100 passes', async (t) => {
  const { caller, asked } = await begin(
    t,
    'PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n',
  );
  await asked.readHead();
  asked.send('HTTP/1.1 401 Who\r\nContent-Length: 2\r\n\r\nno');
  const { head, body } = await caller.readAnswer();
  assert.match(head, /^HTTP\/1.1 401 Who\r\n/);
  assert.equal(body, 'no');
});

test('RFC 9110 §6.5 trailers pass both ways, announced or not, but those that must not be', async (t) => {
  const { caller, asked } = await begin(
    t,
    'POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: X-Sum\r\n' +
      'Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\nX-Late: 2\r\n' +
      'Host: b\r\nX-Forwarded-For: 1\r\n\r\n',
  );
  assert.match(
    await asked.readHead(),
    /Trailer: X-Sum\r\nTE: trailers\r\nConnection: keep-alive, TE\r\nTransfer-Encoding: chunked\r\n/,
  );
  assert.equal(await asked.readHead(), '2\r\nhi\r\n0\r\nX-Sum: 1\r\nX-Late: 2\r\n\r\n');
  asked.send(
    'HTTP/1.1 200 OK\r\nTrailer: Grpc-Status\r\nTransfer-Encoding: chunked\r\n\r\n',
    '2\r\nho\r\n0\r\nGrpc-Status: 0\r\nX-More: 1\r\nX-More: 2\r\nTransfer-Encoding: x\r\n\r\n',
  );
  assert.match(await caller.readHead(), /Trailer: Grpc-Status\r\n/);
  assert.equal(
    await caller.readHead(),
    '2\r\nho\r\n0\r\nGrpc-Status: 0\r\nX-More: 1\r\nX-More: 2\r\n\r\n',
  );
});

test('RFC 9110 §8.6 a request without content stays one', async (t) => {
  const raw = await RawTarget.start(t);
  const caller = await call(t, await gateway(t, raw.port));
  let asked: RawPeer | undefined;
  for (const [method, length] of [
    ['POST', 'Content-Length: 0\r\n'],
    ['DELETE', ''],
  ]) {
    caller.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    asked ??= await raw.next();
    assert.equal(
      await asked.readHead(),
      `${method} / HTTP/1.1\r\nHost: a\r\n${length}Connection: keep-alive\r\n\r\n`,
    );
    asked.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await caller.readHead();
  }
});

test('RFC 9112 §6.3 a GET with content in chunks is passed on in chunks', async (t) => {
  const { asked } = await begin(
    t,
    GET.replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n') + '1\r\nA\r\n0\r\n\r\n',
  );
  assert.match(await asked.readHead(), /\r\nTransfer-Encoding: chunked\r\n/);
  assert.equal(await asked.readHead(), '1\r\nA\r\n0\r\n\r\n');
});

test('the head of an upload passes before its content comes', async (t) => {
  const { caller, asked } = await begin(
    t,
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n',
  );
  await asked.readHead();
  caller.send('hi');
  await asked.readTo('hi');
});

test('each event of an event stream passes before the next one is sent', async (t) => {
  let send: ((text: string) => void) | undefined;
  const port = await target(t, (_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    send = (text) => response.write(text);
  });
  const caller = await call(t, await gateway(t, port));
  caller.send(GET);
  assert.match(await caller.readHead(), /text\/event-stream/);
  for (let index = 0; index < 20; index++) {
    send?.(`data: ${index}\n\n`);
    assert.ok((await caller.readTo(`data: ${index}\n\n`)).endsWith(`data: ${index}\n\n`));
    await caller.readTo('\r\n');
  }
});

test('RFC 9112 §9.3.2 pipelined requests are answered in order', async (t) => {
  const port = await target(t, (request, response) => {
    if (request.url === '/1') setImmediate(() => setImmediate(() => response.end('one')));
    else response.end('two');
  });
  const caller = await call(t, await gateway(t, port));
  const get = (path: string): string => GET.replace('/ ', `${path} `);
  caller.send(get('/1'), get('/2'), get('/1'));
  const bodies: string[] = [];
  for (let index = 0; index < 3; index++) bodies.push((await caller.readAnswer()).body);
  assert.deepEqual(bodies, ['one', 'two', 'one']);
});

test('pipelined requests of a caller that leaves are not asked', async (t) => {
  const { raw, front, caller, asked } = await begin(
    t,
    GET + GET + 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nA',
  );
  await asked.readHead();
  caller.reset();
  for (let index = 0; index < 3; index++) {
    assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_CALLER_GONE');
  }
  assert.equal((await asked.readRest()).text, '');
  assert.equal(raw.count, 1);
});

test('a head of 70 KB passes where the limits say so, and is refused where they do not', async (t) => {
  const port = await target(t, (request, response) => {
    response.end(String(request.headers['x-big']?.length));
  });
  const big = `X-Big: ${'b'.repeat(70_000)}\r\n\r\n`;
  const refused = await call(t, await gateway(t, port));
  refused.send(GET.slice(0, -2), big);
  assert.match((await refused.readRest()).text, /^HTTP\/1.1 431 /);

  const { caller, asked } = await begin(t, GET.slice(0, -2) + big, {
    server: { maxHeaderSize: 100_000 },
  });
  assert.ok((await asked.readHead()).includes(big.trimEnd()));
  asked.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n', big);
  assert.ok((await caller.readHead()).includes(big.trimEnd()));
});

test('a head that is too large in the answer is a 502', async (t) => {
  const { front, caller, asked } = await begin(t, GET);
  asked.send(`HTTP/1.1 200 OK\r\nX-Big: ${'b'.repeat(140_000)}\r\n\r\n`);
  assert.match((await caller.readAnswer()).head, /^HTTP\/1.1 502 /);
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_BAD_RESPONSE');
});

test('hooks see the head, which they may change, and the chunks', async (t) => {
  const seen: string[] = [];
  const port = await target(t, (request, response) => request.pipe(response));
  const front = await gateway(t, port, {
    hooks: {
      onAnswer: ({ status, fields }) => {
        seen.push(String(status));
        fields.push('X-Hooked', '1');
      },
      onRequestChunk: (chunk) => seen.push(`> ${Buffer.from(chunk).toString()}`),
      onAnswerChunk: (chunk) => seen.push(`< ${Buffer.from(chunk).toString()}`),
    },
  });
  const response = await new Promise<http.IncomingMessage>((resolve) => {
    http.request({ host: '127.0.0.1', port: front.port, method: 'PUT' }, resolve).end('ping');
  });
  response.resume();
  assert.equal(response.headers['x-hooked'], '1');
  const { requestOctets, answerOctets } = await front.outcome();
  assert.deepEqual([requestOctets, answerOctets], [4, 4]);
  assert.deepEqual(seen, ['> ping', '200', '< ping']);
});

test('a target at a path is asked like any other', async (t) => {
  const socketPath = join(await mkdtemp(join(tmpdir(), 'tunnel-')), 'target.sock');
  const server = http.createServer((_, response) => response.end('ok'));
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await rm(dirname(socketPath), { recursive: true });
  });
  const front = await gateway(t, 1, { open: () => net.connect(socketPath) });
  const caller = await call(t, front);
  caller.send(GET);
  assert.equal((await caller.readAnswer()).body, 'ok');
  assert.equal((await front.outcome()).error, undefined);
});

test('RFC 9110 §5.5 octets beyond ASCII pass in the fields of an answer, whenever its content comes', async (t) => {
  const { caller, asked } = await begin(t, GET);
  await asked.readHead();
  asked.send('HTTP/1.1 200 OK\r\nX-Name: \xc3\xa9\r\nContent-Length: 2\r\n\r\n');
  assert.match(await caller.readHead(), /\r\nX-Name: \xc3\xa9\r\n/);
  asked.send('ok');
  await caller.readTo('ok');
});
