/** The defects of wsp that let in, or let through, what should not be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  ask,
  begin,
  fakeAgent,
  responseTo,
  serveTarget,
  startAgent,
  startRelay,
  startWithAgent,
  untilIdle,
} from './rig.ts';
import { listenRaw, RawPeer } from './raw-peer.ts';

test('defect 1: /request asks for a token, and Authorization stays the target’s', async (t) => {
  const seen: (string | undefined)[] = [];
  const destination = await serveTarget(t, (request, response) => {
    seen.push(request.headers.authorization, request.headers['proxy-authorization']);
    response.end();
  });
  const { port } = await startWithAgent(t, { requestToken: ['old', 'new'] });
  const wrong = await ask(port, { destination, headers: { Authorization: 'Bearer neu' } });
  assert.equal(wrong.status, 401);
  assert.equal(wrong.headers['www-authenticate'], 'Bearer realm="wsp"');
  assert.deepEqual(seen, []);
  const both = { 'Proxy-Authorization': 'Bearer new', Authorization: 'Basic x' };
  assert.equal((await ask(port, { destination, headers: both })).status, 200);
  const alone = { Authorization: 'bearer old' };
  assert.equal((await ask(port, { destination, headers: alone })).status, 200);
  assert.deepEqual(seen, ['Basic x', undefined, undefined, undefined]);
});

for (const headers of [
  {},
  { Host: 'localhost:8080' },
  // What nginx sends with `proxy_pass http://127.0.0.1:8080` and nothing else.
  { Host: '127.0.0.1:8080', Connection: 'close' },
]) {
  test(`defect 1: without a token, ${JSON.stringify(headers)} is nobody who may ask`, async (t) => {
    const { port } = await startRelay(t, { openRequests: false });
    const { status, body } = await ask(port, { destination: 'http://app/', headers });
    assert.equal(status, 403);
    assert.match(body, /set the option requestToken, or openRequests for everybody\n$/);
  });
}

test('defect 1: a token that is empty is none, and opens nothing', async (t) => {
  const { port } = await startRelay(t, { requestToken: '' });
  const headers = { Authorization: 'Bearer ' };
  assert.equal((await ask(port, { destination: 'http://app/', headers })).status, 403);
});

test('defect 1: openRequests lets everybody ask, as wsp does', async (t) => {
  const { port } = await startRelay(t, { openRequests: true });
  const headers = { Host: 'evil.example' };
  const answer = await ask(port, { destination: 'http://app/', headers });
  assert.deepEqual([answer.status, answer.body], [526, 'No proxy available\n']);
});

test('defect 2: what an agent forbids is not run, and nobody else gets the answer', async (t) => {
  const asked: string[] = [];
  const target = await serveTarget(t, (request, response) => {
    asked.push(request.url ?? '');
    response.end(`this is ${request.url}`);
  });
  const blacklist = [{ url: '.*secret.*' }];
  const { port } = await startWithAgent(t, {}, { poolMaxSize: 1, blacklist });
  const first = ask(port, { method: 'POST', destination: `${target}/secret`, body: 'abc' });
  const second = ask(port, { destination: `${target}/hello` });
  const third = ask(port, { destination: `${target}/again` });
  const forbidden = await first;
  assert.deepEqual([forbidden.status, forbidden.body], [527, 'Destination is forbidden']);
  assert.equal((await second).body, 'this is /hello');
  assert.equal((await third).body, 'this is /again');
  assert.deepEqual(asked, ['/hello', '/again']);
});

test('defect 3: a redirect is an answer, unless it is to be followed', async (t) => {
  const target = await serveTarget(t, (_request, response) => {
    response.writeHead(302, { Location: '/secret' }).end();
  });
  const { port } = await startWithAgent(t);
  const answer = await ask(port, { destination: `${target}/` });
  assert.deepEqual([answer.status, answer.headers.location], [302, '/secret']);
});

test('defect 3: a redirect that is followed is held against the rules', async (t) => {
  const asked: string[] = [];
  const target = await serveTarget(t, (request, response) => {
    asked.push(request.url ?? '');
    const to = request.url === '/open' ? '/open/more' : '/secret';
    if (request.url === '/open/end') response.end('the end');
    else response.writeHead(302, { Location: request.url === '/go' ? '/open/end' : to }).end();
  });
  const whitelist = [{ url: `${target}/(?:open.*|go)` }];
  const { port } = await startWithAgent(t, {}, { followRedirects: true, whitelist });
  const refused = await ask(port, { destination: `${target}/open` });
  assert.deepEqual([refused.status, refused.body], [527, 'Destination is not allowed']);
  const followed = await ask(port, { destination: `${target}/go` });
  assert.deepEqual([followed.status, followed.body], [200, 'the end']);
  assert.deepEqual(asked, ['/open', '/open/more', '/go', '/open/end']);
});

test('defect 3: another origin gets no Authorization after a redirect', async (t) => {
  const seen: unknown[] = [];
  const other = await serveTarget(t, (request, response) => {
    seen.push(request.headers.authorization, request.headers.cookie, request.headers['x-kept']);
    response.end();
  });
  const target = await serveTarget(t, (_request, response) => {
    response.writeHead(307, { Location: other }).end();
  });
  const { port } = await startWithAgent(t, {}, { followRedirects: true });
  const headers = { Authorization: 'Basic x', Cookie: 'a=b', 'X-Kept': 'yes' };
  await ask(port, { destination: target, headers });
  assert.deepEqual(seen, [undefined, undefined, 'yes']);
});

test('defect 3: a pattern of the relay matches the whole URL', async (t) => {
  const { port } = await startRelay(t, { whitelist: [{ url: 'http://app/redir' }] });
  const answer = await ask(port, { destination: 'http://app/secret?http://app/redir' });
  assert.deepEqual([answer.status, answer.body], [526, 'Destination is not allowed\n']);
  assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
});

test('defect 13: what is for one hop stays there, and Host is told', async (t) => {
  let seen: string[] = [];
  const target = await serveTarget(t, (request, response) => {
    seen = request.rawHeaders;
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.setHeader('Connection', 'keep-alive, X-Mine');
    response.setHeader('X-Mine', 'yes');
    response.setHeader('Trailer', 'X-End');
    response.end('x');
  });
  const { port } = await startWithAgent(t);
  const headers = {
    ...{ Connection: 'close, X-Hop', 'X-Hop': '1', TE: 'trailers', 'Proxy-Authorization': 'x' },
    ...{ 'X-End': '2', Host: 'localhost:1' },
  };
  const answer = await ask(port, { destination: `${target}/`, headers });
  const names = seen.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  assert.deepEqual(names.sort(), [
    'connection',
    'host',
    'x-end',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
  ]);
  const value = (name: string): string | undefined => seen[seen.indexOf(name) + 1];
  assert.equal(value('Host'), new URL(target).host);
  assert.equal(value('X-Forwarded-Host'), 'localhost:1');
  assert.equal(value('X-Forwarded-For'), '127.0.0.1');
  assert.equal(value('Connection'), 'keep-alive');
  assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
  assert.deepEqual([answer.headers['x-mine'], answer.headers.trailer], [undefined, undefined]);
});

for (const name of ['X-Forwarded-For', 'X_Forwarded_For', 'x-real_ip', 'Forwarded']) {
  test(`defect 13: ${name} of a caller is not believed, which CGI would take for the same`, async (t) => {
    let seen: string[] = [];
    const target = await serveTarget(t, (request, response) => {
      seen = request.rawHeaders;
      response.end();
    });
    const { port } = await startWithAgent(t);
    await ask(port, { destination: target, headers: { [name]: '6.6.6.6' } });
    assert.equal(seen.includes('6.6.6.6'), false);
    assert.equal(seen[seen.indexOf('X-Forwarded-For') + 1], '127.0.0.1');
  });
}

test('defect 13: Connection takes nothing away of what the relay says', async (t) => {
  let seen: string | string[] | undefined;
  const target = await serveTarget(t, (request, response) => {
    seen = request.headers['x-forwarded-for'];
    response.end();
  });
  const { port } = await startWithAgent(t);
  await ask(port, { destination: target, headers: { Connection: 'close, X-Forwarded-For' } });
  assert.equal(seen, '127.0.0.1');
});

test('defect 15: every connection has masking keys of its own', async (t) => {
  const listener = await listenRaw(t);
  const keys: string[] = [];
  for (let index = 0; index < 3; index++) {
    const { agent } = startAgent(t, listener.port, { poolMaxSize: 1 });
    const peer = await listener.next();
    await peer.accept();
    keys.push(Buffer.from((await peer.readFrame()).key!).toString('hex'));
    peer.socket.destroy();
    void agent.close();
  }
  assert.equal(new Set(keys).size, 3);
});

test('defect 19: a wrong secret is refused, one of several is taken, and none is told', async (t) => {
  const secretKey = ['TopSecretOne', 'TopSecretTwo'];
  const { relay, port, errors } = await startRelay(t, { secretKey });
  const wrong = startAgent(t, port, { secretKey: 'TopSecretThree' });
  const refused = await wrong.connections.next();
  const told = inspect([refused, await errors.next(), relay, wrong.agent], { depth: 9 });
  assert.equal(refused.state, 'refused');
  assert.match(String((refused.error as { status?: number }).status), /^526$/);
  assert.doesNotMatch(told, /TopSecret/);
  startAgent(t, port, { secretKey: 'TopSecretTwo' });
  await untilIdle(relay, 1);
  const posted = await ask(port, { path: '/register' });
  assert.deepEqual([posted.status, posted.body], [526, 'Invalid X-SECRET-KEY\n']);
});

for (const secretKey of [undefined, '', []]) {
  test(`defect 19: with ${JSON.stringify(secretKey)} for a secret nobody can register`, async (t) => {
    const { relay, port } = await startRelay(t, { secretKey, openRegistration: false });
    const { connections } = startAgent(t, port);
    const { state, error } = await connections.next();
    assert.equal(state, 'refused');
    assert.equal((error as { status?: number }).status, 403);
    assert.deepEqual(relay.pools, []);
    const posted = await ask(port, { path: '/register' });
    assert.equal(posted.status, 403);
    assert.match(posted.body, /set the option secretKey, or openRegistration for everybody\n$/);
  });
}

test('defect 18: a registration that is refused is answered once', async (t) => {
  const { port } = await startRelay(t, { secretKey: 'right' });
  const peer = await RawPeer.dial(t, port);
  const head = [
    'GET /register HTTP/1.1',
    'Host: 127.0.0.1',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'X-SECRET-KEY: wrong',
  ];
  let received = '';
  peer.socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  peer.send(`${head.join('\r\n')}\r\n\r\n`);
  await peer.closed();
  assert.match(received, /^HTTP\/1\.1 526 /);
  assert.match(received, /Content-Type: text\/plain; charset=utf-8\r\n/);
  assert.ok(received.endsWith('\r\n\r\nInvalid X-SECRET-KEY\n'), received);
  assert.equal(received.split('HTTP/1.1').length, 2);
});

test('defect 18: a page of another origin cannot register', async (t) => {
  const { port } = await startRelay(t);
  const request = begin(port, {
    path: '/register',
    headers: {
      ...{ Upgrade: 'websocket', Connection: 'Upgrade', Origin: 'http://evil.example' },
      ...{ 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' },
    },
  });
  request.end();
  const { statusCode } = await responseTo(request);
  assert.equal(statusCode, 403);
});

for (const greeting of ['nobody', 'id_ 5', '', `${'x'.repeat(1_100)}_1`]) {
  test(`defect 14: the greeting ${JSON.stringify(greeting.slice(0, 9))} ends the connection`, async (t) => {
    const { relay, port, errors } = await startRelay(t);
    const agent = await fakeAgent(t, port, greeting);
    await agent.closed;
    assert.equal(((await errors.next()) as { code?: string }).code, 'ERR_TUNNEL_WSP_WIRE');
    assert.deepEqual(relay.pools, []);
  });
}
