import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocketServer, type ConnectionHandler, type ServerOptions } from 'framewire';
import type { BenchResult } from '#src/bench/result.js';
import { rawServer } from '../raw-server.js';
import { runCli, RunningCli, type Ended } from '../running-cli.js';

type Handler = ConnectionHandler<undefined, unknown>;

/** A server of the library in this process. */
async function serve(
  handler: Handler,
  options: ServerOptions = {},
): Promise<{ readonly server: WebSocketServer; readonly url: string }> {
  const server = new WebSocketServer({ ...options, handler });
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
  return { server, url };
}

const ECHO: Handler = { message: (connection, message) => connection.send(message) };

/** Enough for an echo or two: how many there are is not what is tested. */
const SHORT = ['--duration', '0.2', '--warmup', '0'];

function bench(url: string, ...args: string[]): Promise<Ended> {
  return runCli(['bench', url, ...SHORT, ...args]);
}

async function benchJson(
  url: string,
  ...args: string[]
): Promise<{ readonly ended: Ended; readonly result: BenchResult }> {
  const ended = await bench(url, '--json', ...args);
  return { ended, result: JSON.parse(ended.stdout) as BenchResult };
}

test('the summary goes to stdout, and into a pipe nothing else goes anywhere', async () => {
  const { server, url } = await serve(ECHO);
  await using _server = server;
  const { exitCode, stdout, stderr } = await bench(url, '-c', '2');
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  const [first, second] = stdout.split('\n');
  assert.equal(first, url);
  assert.match(second ?? '', /^2 connections, 1 message in flight on each, 64 octets of text, /u);
  assert.match(stdout, /^latency {5}p50 \d.* p90 .* p99 .* p99\.9 .* max /mu);
  assert.match(stdout, /^errors {6}none\nthis client \d+ % of a core, /mu);
  assert.doesNotMatch(stdout, /\u001b/u);
});

test('--json is one document with what was asked for and what was found', async () => {
  const { server, url } = await serve(ECHO);
  await using _server = server;
  const { ended, result } = await benchJson(url, '-c', '3', '--window', '2', '--size', '1k');
  assert.deepEqual([ended.exitCode, ended.stderr], [0, '']);
  assert.equal(ended.stdout.trimEnd().split('\n').length, 1);
  assert.deepEqual(result.options, {
    connections: 3,
    window: 2,
    type: 'text',
    size: 1024,
    duration: 200,
    warmup: 0,
    answerTimeout: 5000,
    compression: false,
    http2: false,
    proxy: false,
    subprotocols: [],
    headers: [],
  });
  assert.equal(result.url, url);
  assert.deepEqual([result.errors, result.closes, result.unanswered], [[], {}, 0]);
  assert.deepEqual([result.connections.opened, result.connections.broken], [3, 0]);
  const { latency, received, generator, connectTime, elapsed } = result;
  // All that were sent in the time were answered, some after it.
  assert.equal(latency?.count, result.sent.messages);
  assert.ok(received.messages <= latency.count);
  assert.equal(received.octets, received.messages * 1024);
  assert.ok(latency.min <= latency.p50 && latency.p50 <= latency.p99_9);
  assert.equal(latency.percentiles.at(-1)?.milliseconds, latency.max);
  assert.equal(connectTime?.count, 3);
  assert.ok(elapsed >= 199);
  assert.equal(typeof generator?.isBottleneck, 'boolean');
  assert.deepEqual([result.schedule, result.latencyFromSending], [null, null]);
});

test('--rate: messages are due by the clock, and what was due is told', async () => {
  const { server, url } = await serve(ECHO);
  await using _server = server;
  const { ended, result } = await benchJson(url, '--rate', '200', '-c', '2');
  assert.equal(ended.exitCode, 0);
  const { due = 0, answered = 0 } = result.schedule ?? {};
  assert.ok(Math.abs(due - result.elapsed * 0.2) <= 2, `${due} in ${result.elapsed} ms`);
  assert.equal(answered + result.unanswered, due);
  assert.equal(result.latency?.count, due);
  // Whoever is sent late has waited before.
  assert.ok((result.latencyFromSending?.mean ?? NaN) <= result.latency.mean);
  const { stdout } = await bench(url, '--rate', '200');
  assert.match(stdout, /200 messages\/s due/u);
  assert.match(stdout, /from when a message was due: coordinated omission is corrected/u);
});

test('what is sent: type, size, subprotocol and headers', async () => {
  const seen = new Set<string>();
  const { server, url } = await serve(
    {
      message: (connection, message) => {
        seen.add(`${typeof message} ${message.length} ${connection.protocol}`);
        return connection.send(message);
      },
    },
    {
      protocols: ['echo.v2'],
      authorize: ({ headers }) =>
        headers.get('x-key') === 'secret'
          ? { accept: true }
          : { accept: false, status: 401, body: 'no key\n' },
    },
  );
  await using _server = server;
  const args = ['-s', 'echo.v1', '-s', 'echo.v2', '-H', 'X-Key: secret'];
  const { ended, result } = await benchJson(url, ...args, '--binary', '--size', '100');
  assert.equal(ended.exitCode, 0);
  assert.deepEqual([...seen], ['object 100 echo.v2']);
  assert.equal(result.connections.subprotocol, 'echo.v2');
  // A header may be a secret, and results are passed on.
  assert.deepEqual(result.options.headers, ['X-Key']);
  assert.doesNotMatch(ended.stdout, /secret/u);
  assert.equal((await bench(url, ...args, '--text', '--size', '7')).exitCode, 0);
  assert.deepEqual([...seen], ['object 100 echo.v2', 'string 7 echo.v2']);
});

test('--compression: what was agreed on, and how much of it was on the wire (RFC 7692)', async () => {
  const { server, url } = await serve(ECHO, { perMessageDeflate: true });
  await using _server = server;
  const { ended, result } = await benchJson(url, '--compression', '--size', '4k');
  assert.equal(ended.exitCode, 0);
  assert.match(result.connections.extensions, /^permessage-deflate/u);
  assert.ok((result.traffic?.sent ?? NaN) < result.sent.octets);
  const plain = await serve(ECHO);
  await using _plain = plain.server;
  const { stdout } = await bench(plain.url, '--compression');
  assert.match(stdout, /^without compression: the server declined$/mu);
});

for (const [code, expected] of [
  [1001, 1],
  [4001, 6],
] as const) {
  test(`a server that closes with ${code} before the time: exit code ${expected}`, async () => {
    let received = 0;
    const { server, url } = await serve({
      message: async (connection, message) => {
        await connection.send(message);
        received++;
        if (received === 50) for (const other of server.connections) void other.close(code, 'bye');
      },
    });
    await using _server = server;
    const args = ['--duration', '3600', '-c', '2'];
    const { ended, result } = await benchJson(url, ...args);
    assert.equal(ended.exitCode, expected);
    assert.deepEqual(result.closes, { [code]: 2 });
    const text = `closed by the server: ${code} "bye"`;
    assert.deepEqual(result.errors, [{ text, count: 2 }]);
    assert.equal(ended.stderr, `framewire: 2 of 2 connections failed: ${text}\n`);
    assert.equal(result.connections.broken, 2);
    assert.ok((result.latency?.count ?? 0) > 0);
  });
}

test('a server that breaks off without a Close: 1006 (RFC 6455 §7.1.5)', async () => {
  const { server, url } = await serve({ message: (connection) => connection.terminate() });
  await using _server = server;
  const { ended, result } = await benchJson(url, '-c', '1', '--duration', '3600');
  assert.equal(ended.exitCode, 1);
  assert.deepEqual(result.closes, { 1006: 1 });
});

test('a server that never answers: said in one line, exit code 5', async () => {
  const { server, url } = await serve({ message: () => {} });
  await using _server = server;
  const args = ['--answer-timeout', '0.3', '--duration', '3600'];
  const { exitCode, stdout, stderr } = await bench(url, ...args);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 5, stdout: '' });
  assert.equal(stderr, 'framewire: no answer within 0.3 s; bench needs a server that echoes\n');
});

const WRONG: readonly (readonly [string, Handler, RegExp])[] = [
  [
    'shorter',
    { message: (connection, message) => connection.send(message.slice(1)) },
    /64 octets were answered with 63 octets/u,
  ],
  [
    'of the other type',
    { message: (connection, message) => connection.send(Buffer.from(message as string)) },
    /text was answered with binary/u,
  ],
  [
    'with another content',
    { message: (connection) => connection.send('?'.repeat(64)) },
    /an answer had another content/u,
  ],
  [
    'to nothing at all',
    { open: (connection) => void connection.send('welcome'), message: () => {} },
    // Whether it comes before the first message is sent is a matter of chance.
    /it sent a message that answers none|64 octets were answered with 7 octets/u,
  ],
];

for (const [how, handler, expected] of WRONG) {
  test(`answers ${how} are no echoes`, async () => {
    const { server, url } = await serve(handler);
    await using _server = server;
    const { exitCode, stdout, stderr } = await bench(url, '--duration', '3600');
    assert.deepEqual({ exitCode, stdout }, { exitCode: 1, stdout: '' });
    assert.match(stderr, /^framewire: the server does not echo: [^\n]*\n$/u);
    assert.match(stderr, expected);
  });
}

test('a handshake that is refused: exit code 3, and --json tells it too', async () => {
  const { server, url } = await serve(ECHO, {
    authorize: () => ({ accept: false, status: 403, body: 'members only\n' }),
  });
  await using _server = server;
  const { exitCode, stdout, stderr } = await bench(url);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 3, stdout: '' });
  assert.match(stderr, /^framewire: the server refused .*: 403 Forbidden; members only\n$/u);
  const { result } = await benchJson(url.replace('//', '//me:secret@'));
  assert.deepEqual([result.connections.opened, result.connections.failedToOpen], [0, 10]);
  assert.deepEqual([result.latency, result.generator], [null, null]);
  assert.match(result.errors[0]?.text ?? '', /403 Forbidden/u);
  assert.match(result.url, /^ws:\/\/…@127/u);
});

test('some connections that do not open: the others are measured, exit code 3', async () => {
  let admitted = 0;
  const { server, url } = await serve(ECHO, {
    authorize: () => (admitted++ < 3 ? { accept: true } : { accept: false, status: 503 }),
  });
  await using _server = server;
  const { exitCode, stdout, stderr } = await bench(url, '-c', '5');
  assert.equal(exitCode, 3);
  assert.match(stdout, /^3 of 5 connections, /mu);
  assert.match(stdout, /^errors {6}2 connections did not open\n {12}2 × the server refused/mu);
  assert.match(stderr, /^framewire: 2 of 5 connections failed: the server refused/u);
});

test('Ctrl-C ends early with what was measured, exit code 0', async () => {
  let received = 0;
  const { server, url } = await serve({
    message: async (connection, message) => {
      await connection.send(message);
      received++;
      if (received === 100) cli.signal('SIGINT');
    },
  });
  await using _server = server;
  const args = ['bench', url, '--json', '--duration', '3600', '--warmup', '0'];
  await using cli = new RunningCli(args);
  const { exitCode, stdout, stderr } = await cli.ended;
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  const { interrupted, latency } = JSON.parse(stdout) as BenchResult;
  assert.equal(interrupted, true);
  assert.ok((latency?.count ?? 0) >= 90);
});

test('Ctrl-C while it connects: nothing was measured, exit code 1', async () => {
  await using server = await rawServer((socket) => {
    void once(socket, 'data').then(() => cli.signal('SIGINT'));
  });
  await using cli = new RunningCli(['bench', server.url, '-c', '1']);
  const { exitCode, stdout, stderr } = await cli.ended;
  assert.deepEqual({ exitCode, stdout }, { exitCode: 1, stdout: '' });
  assert.equal(stderr, 'framewire: stopped before anything was measured\n');
});

test('an opening handshake that takes too long: exit code 5', async () => {
  await using server = await rawServer(() => {});
  const args = ['bench', server.url, '-c', '1', '--handshake-timeout', '0.2'];
  assert.equal((await runCli(args)).exitCode, 5);
});

test('many connections at once bring no warning of Node.js', async () => {
  const { server, url } = await serve(ECHO);
  await using _server = server;
  const { exitCode, stderr } = await bench(url, '-c', '120');
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
});

test('a message of the largest size there is', async () => {
  const { server, url } = await serve(ECHO);
  await using _server = server;
  const { ended, result } = await benchJson(url, '--size', '16M', '-c', '1', '--binary');
  assert.equal(ended.exitCode, 0);
  assert.equal(result.sent.octets, result.sent.messages * 16 * 1024 * 1024);
});

const USAGE: readonly (readonly string[])[] = [
  [],
  ['http://'],
  [':1', '--connections', '0'],
  [':1', '--connections', '10001'],
  [':1', '--connections', '1.5'],
  [':1', '--window', '1001'],
  [':1', '--rate', '0'],
  [':1', '--rate', '1000001'],
  [':1', '--rate', '5', '--window', '2'],
  [':1', '--size', '0'],
  [':1', '--size', '16385k'],
  [':1', '--duration', '0'],
  [':1', '--duration', 'long'],
  [':1', '--warmup', '-1'],
  [':1', '--binary', '--text'],
  [':1', '--connections', '10000', '--window', '1000'],
  [':1', '--connections', '100', '--size', '16M'],
  [':1', '--connections', '100', '--size', '16M', '--rate', '1'],
  [':1', '--ca', '/nowhere/ca.pem'],
];

for (const args of USAGE) {
  test(`2: framewire bench ${args.join(' ')}`, async () => {
    const { exitCode, stdout, stderr } = await runCli(['bench', ...args]);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
    assert.match(stderr, /^(?:framewire|error): ./u);
  });
}

test('--help explains the options and the exit codes', async () => {
  const { exitCode, stdout, stderr } = await runCli(['bench', '--help']);
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  assert.match(stdout, /coordinated omission/u);
  assert.match(stdout, /Exit codes:\n {2}0 {2}ok\n/u);
});
