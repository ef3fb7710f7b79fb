import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { RawTarget } from './raw.ts';
import { begin, call, gateway, GET, target } from './serving.ts';

const FRAMINGS = [
  ['Content-Length', 'Content-Length: 100\r\n', 'half'],
  ['chunks', 'Transfer-Encoding: chunked\r\n', '4\r\nhalf\r\n'],
] as const;

for (const [kind, field, part] of FRAMINGS) {
  for (const how of ['a reset', 'an end'] as const) {
    test(`${how} by the target in an answer with ${kind} does not look like its end`, async (t) => {
      const { front, caller, asked } = await begin(t, GET);
      await asked.readHead();
      asked.send(`HTTP/1.1 200 OK\r\n${field}\r\n${part}`);
      await caller.readTo('half');
      if (how === 'a reset') asked.reset();
      else asked.socket.end();
      const { text } = await caller.readRest();
      assert.doesNotMatch(text, /0\r\n\r\n/);
      const { error, status } = await front.outcome();
      assert.equal(error?.code, 'ERR_TUNNEL_ABORTED');
      assert.equal(status, 200);
    });

    test(`${how} by the caller in an upload with ${kind} does not look like its end`, async (t) => {
      const { front, caller, asked } = await begin(
        t,
        `POST / HTTP/1.1\r\nHost: a\r\n${field}\r\n${part}`,
      );
      await asked.readTo('half');
      if (how === 'a reset') caller.reset();
      else caller.socket.end();
      const { text } = await asked.readRest();
      assert.doesNotMatch(text, /0\r\n\r\n/);
      assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_CALLER_GONE');
    });
  }

  test(`a caller that leaves in an answer with ${kind} takes the request to the target with it`, async (t) => {
    const { front, caller, asked } = await begin(t, GET);
    asked.send(`HTTP/1.1 200 OK\r\n${field}\r\n${part}`);
    await caller.readTo('half');
    caller.reset();
    await asked.readRest();
    assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_CALLER_GONE');
  });
}

test('RFC 9112 §8 an answer that ends by closing is reset for HTTP/1.0 when it is broken off', async (t) => {
  const { caller, asked } = await begin(t, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n');
  asked.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
  await caller.readTo('half');
  asked.reset();
  assert.equal(await caller.closed(), 'reset');
});

test('a caller that leaves before the head takes the request to the target with it', async (t) => {
  const { front, caller, asked } = await begin(t, GET);
  await asked.readHead();
  caller.reset();
  await asked.readRest();
  const { error, status } = await front.outcome();
  assert.equal(error?.code, 'ERR_TUNNEL_CALLER_GONE');
  assert.equal(status, undefined);
});

for (const how of ['a reset', 'an end'] as const) {
  test(`${how} by the target before the head is a 502`, async (t) => {
    const { raw, front, caller, asked } = await begin(
      t,
      GET.replace('\r\n\r\n', '\r\nAccept: application/json\r\n\r\n'),
    );
    await asked.readHead();
    if (how === 'a reset') asked.reset();
    else asked.socket.end();
    const { head, body } = await caller.readAnswer();
    assert.match(head, /^HTTP\/1.1 502 Bad Gateway\r\nContent-Type: application\/json\r\n/);
    assert.equal(
      (JSON.parse(body) as { error: { code: string } }).error.code,
      'ERR_TUNNEL_ABORTED',
    );
    // It is the answer that failed: the caller's connection goes on.
    caller.send(GET);
    await (await raw.next()).readHead();
    assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_ABORTED');
  });
}

test('a target that nobody listens at is a 502, without a word of where it is', async (t) => {
  const raw = await RawTarget.start(t);
  const front = await gateway(t, raw.port, { open: () => net.connect('/nonexistent/sock') });
  const caller = await call(t, front);
  caller.send(GET);
  const { head, body } = await caller.readAnswer();
  assert.match(head, /^HTTP\/1.1 502 /);
  assert.equal(body, 'the target cannot be reached (ERR_TUNNEL_TARGET_UNREACHABLE)\n');
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_TARGET_UNREACHABLE');
});

for (const [what, answer] of [
  ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
  [
    'Content-Length besides Transfer-Encoding',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
] as const) {
  test(`RFC 9112 §6.3 an answer with ${what} is a 502`, async (t) => {
    const { front, caller, asked } = await begin(t, GET);
    asked.send(answer);
    assert.match((await caller.readAnswer()).head, /^HTTP\/1.1 502 /);
    assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_BAD_RESPONSE');
  });
}

for (const line of [
  'HTTP/1.1 099 X',
  'HTTP/1.1 000 X',
  'HTTP/1.1 99 X',
  'HTTP/1.1 1000 X',
  'HTTP/1.1 200 a\x01b',
]) {
  for (const request of [
    GET,
    GET.replace('\r\n\r\n', '\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
  ]) {
    const what = request === GET ? 'a request' : 'an upgrade';
    test(`RFC 9112 §4 ${JSON.stringify(line)} for ${what} is answered, whatever it is`, async (t) => {
      const { front, caller, asked } = await begin(t, request);
      await asked.readHead();
      asked.send(`${line}\r\nContent-Length: 0\r\n\r\n`);
      assert.match(await caller.readHead(), /^HTTP\/1.1 (?:502|200) /);
      assert.notEqual((await front.outcome()).status, undefined);
    });
  }
}

test('RFC 9112 §6.3 an answer that ends with its connection is complete then, unless it is reset', async (t) => {
  const raw = await RawTarget.start(t);
  const front = await gateway(t, raw.port);
  for (const how of ['end', 'reset'] as const) {
    const caller = await call(t, front);
    caller.send(GET);
    const asked = await raw.next();
    await asked.readHead();
    asked.send('HTTP/1.1 200 OK\r\n\r\nhalf');
    await caller.readTo('half\r\n');
    if (how === 'end') {
      asked.socket.end();
      await caller.readTo('0\r\n\r\n');
      assert.equal((await front.outcome()).error, undefined);
    } else {
      asked.reset();
      assert.equal((await caller.readRest()).text, '');
      assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_ABORTED');
    }
  }
});

test('chunks that are none break the answer off', async (t) => {
  const { front, caller, asked } = await begin(t, GET);
  asked.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
  await caller.readTo('half');
  asked.send('zz\r\n');
  assert.doesNotMatch((await caller.readRest()).text, /0\r\n\r\n/);
  const { code } = (await front.outcome()).error ?? {};
  assert.ok(code === 'ERR_TUNNEL_BAD_RESPONSE' || code === 'ERR_TUNNEL_ABORTED', code);
});

for (const [kind, field, part] of FRAMINGS) {
  test(`RFC 9112 §9.6 an early answer to an upload with ${kind} passes, the rest is dropped`, async (t) => {
    const { raw, front, caller, asked } = await begin(
      t,
      `POST / HTTP/1.1\r\nHost: a\r\n${field}\r\n${part}`,
    );
    await asked.readTo('half');
    asked.send('HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno');
    const { head, body } = await caller.readAnswer();
    assert.match(head, /^HTTP\/1.1 413 No\r\n/);
    assert.equal(body, 'no');
    assert.equal((await front.outcome()).error, undefined);
    await asked.readRest();
    // It sends the rest all the same, and then goes on with its connection.
    caller.send(kind === 'chunks' ? '0\r\n\r\n' : 'x'.repeat(96), GET);
    await (await raw.next()).readHead();
  });
}

test('an upload goes on while the answer does', async (t) => {
  const port = await target(t, (request, response) => {
    response.flushHeaders();
    request.pipe(response);
  });
  const caller = await call(t, await gateway(t, port));
  caller.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  await caller.readHead();
  for (const letter of ['a', 'b', 'c']) {
    caller.send(`1\r\n${letter}\r\n`);
    assert.equal(await caller.readTo(`1\r\n${letter}\r\n`), `1\r\n${letter}\r\n`);
  }
  caller.send('0\r\n\r\n');
  assert.equal(await caller.readTo('0\r\n\r\n'), '0\r\n\r\n');
});

/** An idle connection to the target is in the pool, and the target ends it under the next request. */
async function stale(
  t: Parameters<typeof call>[0],
  request: string,
): Promise<{ raw: RawTarget; front: Awaited<ReturnType<typeof gateway>>; head: Promise<string> }> {
  const raw = await RawTarget.start(t);
  const front = await gateway(t, raw.port);
  const caller = await call(t, front);
  caller.send(GET);
  const first = await raw.next();
  await first.readHead();
  first.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  await caller.readHead();
  await front.outcome();
  caller.send(request);
  await first.readHead();
  first.reset();
  return { raw, front, head: caller.readHead() };
}

for (const request of [GET, 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n']) {
  const method = request.slice(0, 3);
  test(`RFC 9112 §9.3.1 a ${method} on a connection that died idle is sent again, once`, async (t) => {
    const { raw, front, head } = await stale(t, request);
    const second = await raw.next();
    await second.readHead();
    second.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    assert.match(await head, /^HTTP\/1.1 200 OK/);
    const { hasRetried, error } = await front.outcome();
    assert.equal(hasRetried, true);
    assert.equal(error, undefined);
  });
}

test('RFC 9112 §7.1 an upload in chunks that turned out empty has an end when it is sent again', async (t) => {
  const put = 'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
  const { raw, front, head } = await stale(t, put);
  const second = await raw.next();
  assert.match(await second.readTo('0\r\n\r\n'), /^PUT /);
  second.send('HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n');
  assert.match(await head, /^HTTP\/1.1 201 /);
  assert.equal((await front.outcome()).hasRetried, true);
});

for (const [what, request] of [
  ['that may not be repeated', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'],
  ['whose content was passed on', 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nA'],
] as const) {
  test(`RFC 9110 §9.2.2 a request ${what} is a 502 then`, async (t) => {
    const { raw, front, head } = await stale(t, request);
    assert.match(await head, /^HTTP\/1.1 502 /);
    assert.equal((await front.outcome()).hasRetried, false);
    assert.equal(raw.count, 1);
  });
}

test('RFC 9110 §9.2.2 nothing is sent again on a new connection that failed', async (t) => {
  const { raw, front, caller, asked } = await begin(t, GET);
  await asked.readHead();
  asked.reset();
  assert.match(await caller.readHead(), /^HTTP\/1.1 502 /);
  assert.equal((await front.outcome()).hasRetried, false);
  assert.equal(raw.count, 1);
});

for (const [what, request] of [
  [
    'Content-Length besides Transfer-Encoding',
    'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['two lengths', 'Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde'],
  ['chunked not last', 'Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n'],
  ['a coding besides chunked', 'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['chunked twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a space before the colon', 'Content-Length : 4\r\n\r\nabcd'],
  ['a bare LF', 'X: 1\nContent-Length: 4\r\n\r\nabcd'],
  [
    'a folded line',
    'X: 1\r\n Content-Length: 4\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n',
  ],
] as const) {
  test(`RFC 9112 §11.2 a request with ${what} does not reach the target`, async (t) => {
    const raw = await RawTarget.start(t);
    const caller = await call(t, await gateway(t, raw.port));
    caller.send(`POST / HTTP/1.1\r\nHost: a\r\n${request}`, GET.replace('/ ', '/smuggled '));
    assert.match(await caller.readHead(), /^HTTP\/1.1 400 /);
    assert.equal(raw.count, 0);
  });
}

test('a listener is left on no socket of the pool', async (t) => {
  const port = await target(t, (request, response) => request.pipe(response));
  const front = await gateway(t, port);
  const caller = await call(t, front);
  const counts: number[][] = [];
  for (let index = 0; index < 3; index++) {
    caller.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nA');
    await caller.readTo('0\r\n\r\n');
    await front.outcome();
    const [socket] = front.opened;
    assert.ok(socket !== undefined);
    counts.push(socket.eventNames().map((name) => socket.listenerCount(name)));
  }
  assert.deepEqual(counts[1], counts[0]);
  assert.deepEqual(counts[2], counts[0]);
  assert.equal(front.opened.length, 1);
});

test('RFC 9112 §8 the head of an answer gets there though its content is no HTTP', async (t) => {
  const { front, caller, asked } = await begin(t, GET);
  await asked.readHead();
  asked.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n');
  assert.match(await caller.readHead(), /^HTTP\/1.1 200 OK\r\n/);
  assert.equal((await caller.readRest()).text, '');
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_BAD_RESPONSE');
});
