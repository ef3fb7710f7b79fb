/** Requests and answers of all kinds, through our relay and our agent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openWspAgent, WspRelay } from '@framewire/tunnel';
import { turn } from '@framewire/test-support/waiting';
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
  untilIdle,
} from './rig.ts';

test('/status says ok, and other paths are not found', async (t) => {
  const { port } = await startRelay(t);
  const status = await ask(port, { path: '/status' });
  assert.deepEqual([status.status, status.body], [200, 'ok']);
  const other = await ask(port, { path: '/' });
  assert.deepEqual([other.status, other.body], [404, '404 page not found\n']);
  const register = await ask(port, { path: '/register' });
  assert.equal(register.status, 400);
  assert.equal(register.body, 'Bad Request\nHTTP upgrade error : websocket: version != 13\n');
});

for (const [destination, body] of [
  [undefined, 'Missing X-PROXY-DESTINATION header\n'],
  ['/relative', 'Unable to parse X-PROXY-DESTINATION header\n'],
  ['http://secret/', 'Destination is forbidden\n'],
  ['http://other/', 'Destination is not allowed\n'],
  ['http://app/', 'No proxy available\n'],
] as const) {
  test(`526 in Go's words: ${body.trimEnd()}`, async (t) => {
    const blacklist = [{ url: 'http://secret/.*' }];
    const { port } = await startRelay(t, { blacklist, whitelist: [{ url: 'http://app/' }] });
    const answer = await ask(port, destination === undefined ? {} : { destination });
    assert.deepEqual([answer.status, answer.body], [526, body]);
    assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  });
}

test('527 where a destination cannot be reached', async (t) => {
  const { port } = await startWithAgent(t);
  const answer = await ask(port, { destination: 'http://127.0.0.1:1/' });
  assert.equal(answer.status, 527);
  assert.match(
    answer.body,
    /^Unable to execute request : Get "http:\/\/127\.0\.0\.1:1\/": .*ECONNREFUSED 127\.0\.0\.1:1\n$/,
  );
});

for (const [method, status] of [
  ['HEAD', 200],
  ['GET', 204],
  ['GET', 304],
] as const) {
  test(`RFC 9110 §6.4.1: an answer of ${status} to ${method} has no body`, async (t) => {
    const target = await serveTarget(t, (_request, response) => {
      if (status !== 204) response.setHeader('Content-Length', 5);
      response.writeHead(status).end(method === 'HEAD' ? undefined : '');
    });
    const { port } = await startWithAgent(t);
    for (let round = 0; round < 2; round++) {
      const answer = await ask(port, { method, destination: target });
      assert.deepEqual([answer.status, answer.body, answer.isComplete], [status, '', true]);
      assert.equal(answer.headers['content-length'], status === 204 ? undefined : '5');
    }
  });
}

test('methods, paths and headers arrive as they were sent', async (t) => {
  const seen: unknown[] = [];
  const target = await serveTarget(t, (request, response) => {
    seen.push(
      request.method,
      request.url,
      request.headers['x-a'],
      request.headers['content-length'],
    );
    response
      .writeHead(201, { 'X-B': Buffer.from('Grüße').toString('latin1') })
      .end(Buffer.from('made'));
  });
  const { port } = await startWithAgent(t);
  const headers = { 'X-A': Buffer.from('ü').toString('latin1') };
  const destination = `${target}/a%2Fb?c=d&e`;
  const answer = await ask(port, { method: 'PATCH', destination, headers, body: 'abc' });
  assert.deepEqual(seen, ['PATCH', '/a%2Fb?c=d&e', headers['X-A'], '3']);
  assert.equal(Buffer.from(String(answer.headers['x-b']), 'latin1').toString(), 'Grüße');
  assert.equal(answer.status, 201);
});

test('nothing is decoded on the way, and no encoding is asked for', async (t) => {
  let asked: string | string[] | undefined;
  const target = await serveTarget(t, (request, response) => {
    asked = request.headers['accept-encoding'];
    response.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': 3 }).end('abc');
  });
  const { port } = await startWithAgent(t);
  const answer = await ask(port, { destination: target });
  assert.equal(asked, undefined);
  assert.deepEqual([answer.body, answer.headers['content-length']], ['abc', '3']);
});

test('a proxy of the environment has no part in it', async (t) => {
  const before = process.env['http_proxy'];
  process.env['http_proxy'] = 'http://127.0.0.1:1';
  t.after(() => {
    if (before === undefined) delete process.env['http_proxy'];
    else process.env['http_proxy'] = before;
  });
  const target = await serveTarget(t, (_request, response) => void response.end('direct'));
  const { port } = await startWithAgent(t);
  assert.equal((await ask(port, { destination: target })).body, 'direct');
});

test('a body that is too large is a 413, announced or not, and the relay goes on', async (t) => {
  const target = await serveTarget(t, (request, response) => {
    request.resume().on('end', () => response.end('taken'));
  });
  const { relay, port, requests } = await startWithAgent(t, { maxBodySize: 1_000 });
  const announced = await ask(port, {
    ...{ method: 'POST', destination: target, body: 'x'.repeat(1_001) },
  });
  assert.equal(announced.status, 413);
  assert.equal((await requests.next()).agent, undefined);
  const chunked = begin(port, { method: 'POST', destination: target });
  chunked.write('x'.repeat(600));
  chunked.write('x'.repeat(600));
  const answer = await readAnswer(await responseTo(chunked));
  chunked.destroy();
  assert.equal(answer.status, 413);
  await untilIdle(relay, 1);
  const fits = { method: 'POST', destination: target, body: 'x'.repeat(1_000) };
  assert.equal((await ask(port, fits)).body, 'taken');
});

test('a caller that does not read holds the destination back', async (t) => {
  const part = Buffer.alloc(64 * 1024);
  let written = 0;
  const stalled = new Promise<number>((resolve) => {
    void serveTarget(t, (_request, response) => {
      const write = (): void => {
        while (response.write(part)) written += part.length;
        written += part.length;
        // Nobody takes any more of it for thousands of turns: it is held back.
        const held = written;
        let turns = 0;
        const look = (): void => {
          if (written !== held) return;
          if (++turns === 5_000) resolve(written);
          else setImmediate(look);
        };
        look();
      };
      response.on('drain', write);
      write();
    }).then(async (target) => {
      const { port } = await startWithAgent(t);
      const asking = begin(port, { destination: target });
      asking.end();
      (await responseTo(asking)).pause();
    });
  });
  assert.ok((await stalled) < 64 * 1024 * 1024);
});

test('a destination that does not read holds the caller back', async (t) => {
  const target = await serveTarget(t, (request) => void request.pause());
  const { port } = await startWithAgent(t);
  const upload = begin(port, { method: 'POST', destination: target });
  const part = Buffer.alloc(64 * 1024);
  let written = 0;
  let idle = 0;
  while (idle < 5_000 && written < 256 * 1024 * 1024) {
    if (upload.writableNeedDrain) idle++;
    else {
      idle = 0;
      upload.write(part);
      written += part.length;
    }
    await turn();
  }
  upload.destroy();
  assert.ok(written < 64 * 1024 * 1024, `${written}`);
});

test('two agents of one relay, and one agent of two relays', async (t) => {
  const target = await serveTarget(t, (_request, response) => void response.end('here'));
  const [one, two] = [await startRelay(t), await startRelay(t)];
  const targets = [one, two].map(({ port }) => `ws://127.0.0.1:${port}/register`);
  const { agent } = startAgent(t, one.port, { targets, id: 'both' });
  startAgent(t, one.port, { id: 'second' });
  await untilIdle(one.relay, 2);
  await untilIdle(two.relay, 1);
  assert.deepEqual(one.relay.pools.map(({ id }) => id).sort(), ['both', 'second']);
  assert.equal(agent.pools.length, 2);
  assert.equal((await ask(two.port, { destination: target })).body, 'here');
});

test('an answer with Content-Length twice is none', async (t) => {
  const { port, agent } = await startWithFake(t);
  const asked = ask(port, { destination: 'http://app/' });
  await agent.receive();
  await agent.send('{"StatusCode":200,"Header":{"Content-Length":["1","2"]}}');
  const answer = await asked;
  assert.equal(answer.status, 526);
  assert.match(answer.body, /Content-Length is no length\n$/);
});

for (const [options, named] of [
  [{ timeout: '1' }, 'timeout'],
  [{ maxBodySize: 1.5 }, 'maxBodySize'],
  [{ secretKey: 1 }, 'secretKey'],
  [{ whitelist: [{ url: '(' }] }, 'whitelist[0].url'],
  [{ openRegistration: true, secretKey: 'secret' }, 'openRegistration'],
  [{ openRequests: true, requestToken: ['token'] }, 'openRequests'],
] as const) {
  test(`a relay is not made with a bad ${named}`, () => {
    assert.throws(
      () => new WspRelay(options as object),
      (error: Error & { code?: string }) => {
        return error.code === 'ERR_TUNNEL_INVALID_ARGUMENT' && error.message.startsWith(named);
      },
    );
  });
}

for (const [options, named] of [
  [{ targets: [] }, 'targets'],
  [{ targets: 'http://h/' }, 'targets'],
  [{ id: 'a_b' }, 'id'],
  [{ poolMaxSize: 0 }, 'poolMaxSize'],
] as const) {
  test(`an agent is not opened with a bad ${named}: ${JSON.stringify(options)}`, () => {
    const all = { targets: 'ws://127.0.0.1:1/', ...options };
    assert.throws(
      () => openWspAgent(all),
      (error: Error & { code?: string }) => {
        return error.code === 'ERR_TUNNEL_INVALID_ARGUMENT' && error.message.startsWith(named);
      },
    );
  });
}
