import assert from 'node:assert/strict';
import type http from 'node:http';
import { after, before, test } from 'node:test';
import { connect, HandshakeError } from 'framewire';
import { Inspector, type InspectorServer } from '#src/index.js';
import { ask, type Answer } from './setting.js';

let server: InspectorServer;
let token: string;
let host: string;

before(async () => {
  server = await new Inspector().serve();
  token = server.url.hash.slice(1);
  host = `127.0.0.1:${server.port}`;
});

after(() => server.close());

function get(path: string, headers: http.OutgoingHttpHeaders = {}, more = {}): Promise<Answer> {
  return ask({ host: '127.0.0.1', port: server.port, path, headers, agent: false, ...more });
}

const bearer = (): string => `Bearer ${token}`;

test('it listens on the loopback interface, and its address has a token', () => {
  assert.equal(server.url.origin, `http://${host}`);
  assert.match(token, /^[\w-]{32}$/u);
});

test('the page has nothing in it, and a policy without inline script', async () => {
  const { status, headers, text } = await get('/');
  assert.equal(status, 200);
  const policy = String(headers['content-security-policy']);
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'; connect-src/u);
  assert.doesNotMatch(policy, /unsafe|\*/u);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.doesNotMatch(
    text,
    /<script(?![^>]* src="\/)|<style|\son\w+=|\sstyle=|https?:\/\/(?!www\.w3)/u,
  );
  assert.ok(!text.includes(token));
});

test('another Host is a name that was led here, for pages and for questions', async () => {
  for (const name of ['evil.example', `evil.example:${server.port}`, '127.0.0.1:1', '127.0.0.1']) {
    for (const path of ['/', '/api/search?q=']) {
      const { status } = await get(path, { Host: name, Authorization: bearer() });
      assert.equal(status, 421, `${name} ${path}`);
    }
  }
  for (const name of [`localhost:${server.port}`, `[::1]:${server.port}`]) {
    assert.equal((await get('/', { Host: name })).status, 200, name);
  }
});

test('without the token nothing is told', async () => {
  for (const authorization of [undefined, 'Bearer', `Bearer ${token}x`, `Basic ${token}`]) {
    const headers = authorization === undefined ? {} : { Authorization: authorization };
    assert.equal((await get('/api/search?q=', headers)).status, 401, authorization);
  }
  assert.equal((await get(`/api/search?q=&token=${token}`)).status, 401);
  assert.equal((await get('/api/search?q=', { Authorization: bearer() })).status, 200);
});

test('another site may not ask, even with the token', async () => {
  for (const headers of [
    { Origin: 'http://evil.example' },
    { Origin: 'null' },
    { Origin: `http://localhost:${server.port}` },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
  ]) {
    const answer = await get('/api/clear', { ...headers, Authorization: bearer() }, POST);
    assert.equal(answer.status, 403, JSON.stringify(headers));
  }
  const own = { Origin: `http://${host}`, 'Sec-Fetch-Site': 'same-origin' };
  assert.equal((await get('/api/clear', { ...own, Authorization: bearer() }, POST)).status, 200);
});

const POST = { method: 'POST' };

test('what changes something is no GET', async () => {
  assert.equal((await get('/api/clear', { Authorization: bearer() })).status, 404);
  assert.equal((await get('/', {}, POST)).status, 405);
});

test('no file but those of the page', async () => {
  for (const path of ['/../package.json', '/%2e%2e/package.json', '/page.html', '/server.js']) {
    assert.equal((await get(path)).status, 404, path);
  }
});

test('what is not kept, no JSON, or too much is told as such', async () => {
  const headers = { Authorization: bearer() };
  assert.equal((await get('/api/exchanges/9', headers)).status, 409);
  const at = { host: '127.0.0.1', port: server.port, headers, agent: false, ...POST };
  assert.equal((await ask({ ...at, path: '/api/exchanges/9/reveal' }, '{')).status, 400);
  const long = Buffer.alloc(1024 * 1024 + 1, 'x');
  assert.equal((await ask({ ...at, path: '/api/exchanges/9/reveal' }, long)).status, 413);
});

const NO_FEED: readonly (readonly [string, () => object])[] = [
  ['no token', () => ({ protocols: ['framewire-inspector'] })],
  ['another token', () => ({ protocols: ['framewire-inspector', 'token.x'] })],
  ['another site', () => ({ ...offer(), headers: { Origin: 'http://evil.example' } })],
  ['another Host', () => ({ ...offer(), headers: { Host: `evil.example:${server.port}` } })],
];

const offer = (): { protocols: string[] } => ({
  protocols: ['framewire-inspector', `token.${token}`],
});

for (const [title, options] of NO_FEED) {
  test(`no feed for ${title}`, async () => {
    await assert.rejects(
      connect(`ws://${host}/live`, options()),
      (error) => HandshakeError.isInstance(error) && error.status === 403,
    );
  });
}

test('the feed never says the token', async () => {
  const connection = await connect(`ws://${host}/live`, offer());
  assert.equal(connection.protocol, 'framewire-inspector');
  await connection.close();
});

test('it closes, with pages open', async () => {
  const other = await new Inspector().serve();
  const connection = await connect(`ws://127.0.0.1:${other.port}/live`, {
    protocols: ['framewire-inspector', `token.${other.url.hash.slice(1)}`],
  });
  await Promise.all([other.close(), connection.closed]);
  await assert.rejects(ask({ host: '127.0.0.1', port: other.port, agent: false }));
});

test('a port that is taken is an error', async () => {
  await assert.rejects(new Inspector().serve({ port: server.port }), { code: 'EADDRINUSE' });
});

test('options that are none are a TypeError', async () => {
  assert.throws(() => new Inspector({ maxBody: 0 }), { code: 'ERR_TUNNEL_INVALID_ARGUMENT' });
  await assert.rejects(new Inspector().serve({ port: -1 }), {
    code: 'ERR_TUNNEL_INVALID_ARGUMENT',
  });
});
