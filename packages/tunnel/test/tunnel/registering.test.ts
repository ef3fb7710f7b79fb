/** Who may serve which name, for how long, and with how many connections. */
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { connect } from 'framewire';
import { ManualClock } from 'framewire/testing';
import {
  hashToken,
  openTunnel,
  type AgentEvent,
  type RelayOptions,
  type TunnelOptions,
} from '@framewire/tunnel';
import { until } from '@framewire/test-support/waiting';
import {
  get,
  HOST,
  listen,
  startAll,
  startRelay,
  startTunnel,
  TOKEN,
  type Relaying,
} from './tunnelling.ts';

const OTHER = 'token-of-somebody-else';

const TWO: NonNullable<RelayOptions['tokens']> = [
  { id: 'one', hash: hashToken(TOKEN), names: ['*'] },
  { id: 'two', hash: hashToken(OTHER), names: ['*'] },
];

async function refusalOf(port: number, options: Partial<TunnelOptions>): Promise<unknown> {
  const opening = openTunnel(`ws://127.0.0.1:${port}`, { name: 'app', target: 1, ...options });
  return opening.then(
    () => undefined,
    (error: { readonly code?: string }) => error.code,
  );
}

test('a name is one owner’s: who has another token cannot join it', async (t) => {
  const { port } = await startRelay(t, { tokens: TWO });
  await startTunnel(t, port, () => new Response('good'));
  assert.equal(await refusalOf(port, { token: OTHER }), 'ERR_TUNNEL_NAME_TAKEN');
  assert.equal((await get(port)).body, 'good');
});

test('agents of one token share a name, also of two tokens with one id', async (t) => {
  const tokens = TWO.map((token) => ({ ...token, id: 'same' }));
  const { port, relay } = await startRelay(t, { tokens });
  await startTunnel(t, port, 1, { connections: 1 });
  await startTunnel(t, port, 1, { connections: 1, token: OTHER });
  assert.equal(relay.tunnels.get('app')?.connections, 2);
});

test('without tokens a name is one agent’s', async (t) => {
  const { port, relay } = await startRelay(t, { tokens: undefined, openRegistration: true });
  await startTunnel(t, port, 1, { connections: 2 });
  await until(() => relay.tunnels.get('app')?.connections === 2);
  assert.equal(await refusalOf(port, {}), 'ERR_TUNNEL_NAME_TAKEN');
});

/** The opening handshake of an agent that is not ours. */
async function register(port: number, headers: Record<string, string>): Promise<unknown> {
  const opening = connect(`ws://127.0.0.1:${port}/register`, {
    protocols: 'framewire.mux.v1',
    headers: { 'X-Tunnel-Names': 'app', Authorization: `Bearer ${TOKEN}`, ...headers },
  });
  return opening.then(
    (connection) => {
      connection.terminate();
      return 101;
    },
    (error: { readonly status?: number }) => error.status,
  );
}

test('an agent says who it is, and what it says is heeded', async (t) => {
  const { port, agents } = await startRelay(t);
  assert.equal(await register(port, {}), 400);
  assert.equal(await register(port, { 'X-Tunnel-Agent': '' }), 400);
  for (const host of ['a b', 'a,b', 'http://x', 'x:99999']) {
    assert.equal(await register(port, { 'X-Tunnel-Agent': 'a', 'X-Tunnel-Host': host }), 400, host);
  }
  const agent = 'an id of which nobody is told more than the beginning';
  assert.equal(await register(port, { 'X-Tunnel-Agent': agent, 'X-Tunnel-Host': 'x:1' }), 101);
  assert.equal(agents.at(-1)?.agent, 'an id of');
});

test('a token that does not allow a name any more ends its tunnels', async (t) => {
  const { port, relay } = await startRelay(t);
  const tunnel = await startTunnel(t, port, 1);
  const tokens = [{ id: 'test', hash: hashToken(TOKEN), names: ['other'] }];
  relay.update({ domains: ['example.com'], tokens });
  const error = await tunnel.closed;
  assert.equal((error as { code?: string } | undefined)?.code, 'ERR_TUNNEL_NAME_NOT_ALLOWED');
});

test('a token with another id now is another owner: its sessions begin anew', async (t) => {
  const { port, relay, agents } = await startRelay(t);
  await startTunnel(t, port, 1, { connections: 1 });
  const tokens = [{ id: 'another', hash: hashToken(TOKEN), names: ['*'] }];
  const observer = { onAgent: (event: AgentEvent) => void agents.push(event) };
  relay.update({ domains: ['example.com'], tokens, observer });
  await until(() => agents.length === 3);
  assert.deepEqual(
    agents.map(({ kind, token }) => [kind, token]),
    [
      ['connected', 'test'],
      ['gone', 'test'],
      ['connected', 'another'],
    ],
  );
});

test('a token that expires ends its tunnels then, also where an update has said so', async (t) => {
  const { port, relay } = await startRelay(t);
  const tunnel = await startTunnel(t, port, 1);
  const token = { id: 'test', hash: hashToken(TOKEN), names: ['*'], expires: Date.now() + 50 };
  relay.update({ domains: ['example.com'], tokens: [token] });
  const error = await tunnel.closed;
  assert.equal((error as { code?: string } | undefined)?.code, 'ERR_TUNNEL_BAD_TOKEN');
});

test('an expiry beyond the longest timer is looked at again, and nothing ends before', async (t) => {
  const clock = new ManualClock();
  const day = 24 * 60 * 60_000;
  const token = {
    id: 'test',
    hash: hashToken(TOKEN),
    names: ['*'],
    expires: Date.now() + 90 * day,
  };
  const { port, relay } = await startRelay(t, { tokens: [token], clock, pingInterval: 1000 * day });
  await startTunnel(t, port, 1, { connections: 1 });
  clock.advance(day);
  assert.equal(relay.tunnels.size, 1);
});

test('more connections than a relay, or a token, may have are refused for the moment', async (t) => {
  const [one] = TWO;
  for (const options of [{ maxSessions: 1 }, { tokens: [{ ...one!, maxSessions: 1 }] }]) {
    const { port, relay, agents } = await startRelay(t, options);
    await startTunnel(t, port, 1, { connections: 2 });
    await until(() => agents.some(({ kind }) => kind === 'refused'));
    const refused = agents.find(({ kind }) => kind === 'refused');
    assert.equal((refused?.error as { code?: string } | undefined)?.code, 'ERR_TUNNEL_BUSY');
    assert.equal(relay.tunnels.get('app')?.connections, 1);
  }
});

test('an agent that takes few streams is asked for no more', async (t) => {
  const held: (() => void)[] = [];
  const { port } = await startAll(
    t,
    (_request, response) => void held.push(() => response.end('ok')),
    { tunnel: { maxStreams: 2, connections: 1 } },
  );
  const first = [get(port), get(port)];
  await until(() => held.length === 2);
  const third = await get(port);
  assert.equal(third.status, 503);
  assert.notEqual(third.headers['retry-after'], undefined);
  for (const release of held) release();
  for (const { status } of await Promise.all(first)) assert.equal(status, 200);
});

test('streams that wait for requests of one name do not use up what an agent takes', async (t) => {
  const held: (() => void)[] = [];
  const { port } = await startAll(
    t,
    ({ headers }, response) => {
      if (headers.host === HOST) held.push(() => response.end('ok'));
      else response.end('other');
    },
    { tunnel: { name: ['app', 'other'], maxStreams: 2, connections: 1 } },
  );
  const busy = [get(port), get(port)];
  await until(() => held.length === 2);
  for (const release of held) release();
  for (const { status } of await Promise.all(busy)) assert.equal(status, 200);
  const other = await get(port, '/', { headers: { Host: 'other.example.com' } });
  assert.equal(other.body, 'other');
});

test('a token that cannot be had ends the opening, and later only waits', async (t) => {
  const { port } = await startRelay(t);
  const mistake = new Error('no file');
  const token = (): string => {
    throw mistake;
  };
  await assert.rejects(openTunnel(`ws://127.0.0.1:${port}`, { name: 'app', target: 1, token }));
});

test('RFC 6750 §2.1 a token that cannot be in a header is a mistake, and not shown', async (t) => {
  const { port } = await startRelay(t);
  for (const token of ['', 'two words', 'secret\n', 'sécret']) {
    await assert.rejects(openTunnel(`ws://127.0.0.1:${port}`, { name: 'app', target: 1, token }), {
      code: 'ERR_TUNNEL_INVALID_ARGUMENT',
      message: 'the token is empty, or has characters that no token has',
    });
  }
});

test('the signal ends a tunnel without an error, and an opening with its reason', async (t) => {
  const { port } = await startRelay(t);
  const stop = new AbortController();
  const tunnel = await startTunnel(t, port, 1, { signal: stop.signal });
  stop.abort();
  assert.equal(await tunnel.closed, undefined);
  const late = new AbortController();
  const silent = net.createServer();
  const opening = openTunnel(`ws://127.0.0.1:${await listen(t, silent)}`, {
    name: 'app',
    target: 1,
    signal: late.signal,
  });
  const reason = new Error('enough');
  late.abort(reason);
  await assert.rejects(opening, reason);
});

test('what the application’s functions throw disturbs nobody', async (t) => {
  const mistake = new Error('a mistake of the application');
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  t.after(() => process.off('warning', onWarning));
  const fail = (): never => {
    throw mistake;
  };
  const target = http.createServer((request, response) => void request.pipe(response));
  const targetPort = await listen(t, target);
  const { port } = await startRelay(t, {
    observer: { onAgent: fail, onRequest: fail, onStream: fail },
  });
  await startTunnel(t, port, targetPort, {
    onStatus: fail,
    onlooker: {
      onRequest: () => ({ onAnswer: fail, onRequestChunk: fail, onOutcome: fail }),
    },
  });
  const answer = await get(port, '/', { method: 'PUT' }, 'content');
  assert.equal(answer.body, 'content');
  await until(() => warnings.includes(mistake));
});

test('callers are not told where a target that is down would be, and the relay is told why', async (t) => {
  const { port, requests } = await startRelay(t);
  const errors: Error[] = [];
  const onTargetError = (error: Error): void => void errors.push(error);
  await startTunnel(t, port, 'http://127.0.0.1:1', { onTargetError });
  const { status, body } = await get(port);
  assert.equal(status, 502);
  assert.equal(body, 'the target cannot be reached\n');
  assert.match(errors[0]!.message, /127\.0\.0\.1:1/);
  await until(() => requests.length === 1);
  assert.equal(requests[0]!.outcome.error?.code, 'ERR_TUNNEL_TARGET_UNREACHABLE');
});

test('what a handler is asked for is never another host', async (t) => {
  const { port } = await startRelay(t);
  await startTunnel(t, port, (request) => new Response(request.url));
  assert.equal(
    (await get(port, '//evil.example/x')).body,
    'http://app.example.com//evil.example/x',
  );
});

async function streamTo({ relay }: Relaying, t: TestContext): Promise<string> {
  const front = net.createServer((socket) => relay.connect(socket, 'app'));
  const socket = net.connect(await listen(t, front), '127.0.0.1').on('error', () => {});
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(socket, 'close');
  return text;
}

for (const [what, options, answer] of [
  ['an address that is allowed', { access: { app: { allow: ['127.0.0.0/8'] } } }, 'hello'],
  ['an address that is not', { access: { app: { allow: ['10.0.0.0/8'] } } }, ''],
  ['an address that is denied', { access: { '*': { deny: ['127.0.0.1'] } } }, ''],
  ['a name that asks for a token', { access: { app: { bearer: [hashToken('x')] } } }, ''],
  [
    'a name that was called too often',
    { rateLimit: { requestsPerSecond: 1e-6, burst: 1 } },
    'hello',
  ],
] as const) {
  test(`TCP and ${what}`, async (t) => {
    const target = net.createServer((socket) => socket.end('hello'));
    const targetPort = await listen(t, target);
    const relaying = await startRelay(t, options);
    await startTunnel(t, relaying.port, `tcp://127.0.0.1:${targetPort}`);
    assert.equal(await streamTo(relaying, t), answer);
    if ('rateLimit' in options) assert.equal(await streamTo(relaying, t), '');
  });
}
