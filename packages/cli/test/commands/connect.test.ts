import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocketServer, type ConnectionHandler, type ServerOptions } from 'framewire';
import { hex } from 'framewire/testing';
import { acceptHandshake, rawServer } from '../raw-server.js';
import { runCli, RunningCli, startEcho } from '../running-cli.js';

/** A server of the library in this process. */
async function serve(
  handler: ConnectionHandler<undefined, unknown>,
  options: ServerOptions = {},
): Promise<{ readonly server: WebSocketServer; readonly url: string }> {
  const server = new WebSocketServer({ ...options, handler });
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
  return { server, url };
}

/** Sends back that many messages, then closes: a test need not guess how long answers take. */
function echo(count: number): ConnectionHandler<undefined, unknown> {
  let left = count;
  return {
    message: (connection, message) => {
      void connection.send(message);
      left--;
      if (left === 0) void connection.close(1000);
    },
  };
}

test('a pipe: each line is a message, each answer a line, and the end closes with 1000', async () => {
  const { cli: server, url } = await startEcho();
  await using _server = server;
  await using cli = new RunningCli(['connect', url, '--wait', '0']);
  cli.write('one\ntwo\n\n');
  assert.deepEqual([await cli.line(), await cli.line(), await cli.line()], ['one', 'two', '']);
  cli.endInput();
  const { exitCode, stderr } = await cli.ended;
  assert.equal(exitCode, 0);
  assert.match(stderr, /^connected to ws:\/\/.*\nclosed by the client: 1000\n$/u);
  const { code, messages, octets } = await server.event('close');
  assert.deepEqual({ code, messages, octets }, { code: 1000, messages: 3, octets: 6 });
});

test('many lines are sent with backpressure, and none is lost', async () => {
  const lines = Array.from({ length: 3000 }, (_, index) => `${index} ${'x'.repeat(500)}`);
  let received = 0;
  const { server, url } = await serve({
    message: (connection) => {
      received++;
      if (received === lines.length) void connection.close(1000);
    },
  });
  await using _server = server;
  const { exitCode } = await runCli(['connect', url, '-w', '-1'], lines.join('\n'));
  assert.deepEqual({ exitCode, received }, { exitCode: 0, received: 3000 });
});

test('--execute sends in order and ends; stdin is left alone', async () => {
  const { server, url } = await serve(echo(2));
  await using _server = server;
  const args = ['connect', url, '-x', 'one', '-x', 'two', '-w', '-1'];
  await using cli = new RunningCli(args);
  const { exitCode, stdout } = await cli.ended;
  assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: 'one\ntwo\n' });
});

test('--connect gives the URL as an option, and then only so', async () => {
  const { cli: server, url } = await startEcho();
  await using _server = server;
  const { exitCode, stdout } = await runCli(['connect', '-c', url, '-x', 'hi', '-w', '0.2']);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: 'hi\n' });
  const twice = await runCli(['connect', url, '-c', url]);
  assert.equal(twice.exitCode, 2);
});

test('--wait -1 listens until the peer has said everything', async () => {
  const { server, url } = await serve({
    message: (connection) => {
      void connection.send('last words');
      void connection.close(1001, 'restart');
    },
  });
  await using _server = server;
  const { exitCode, stdout, stderr } = await runCli(['connect', url, '-x', 'go', '-w', '-1']);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: 'last words\n' });
  assert.match(stderr, /closed by the server: 1001 "restart"/u);
});

test('--binary sends octets, and binary is shown as a dump', async () => {
  const { server, url } = await serve(echo(1));
  await using _server = server;
  const { stdout } = await runCli(['connect', url, '--binary', '-x', '00 41 ff', '-w', '-1']);
  assert.match(stdout, /^00000000 {2}00 41 ff .*\|\.A\.\|\n$/u);
});

test('--slash: /ping is answered, /pong is sent, /close closes with its code', async () => {
  const pongs: string[] = [];
  const { server, url } = await serve({
    pong: (_connection, payload) => pongs.push(Buffer.from(payload).toString()),
    message: () => {},
  });
  await using _server = server;
  const input = '/pong hello\n/ping abc\n//slash\n';
  await using cli = new RunningCli(['connect', url, '--slash', '--json']);
  await cli.event('open');
  cli.write(input);
  const { base64 } = await cli.event('pong');
  assert.equal(Buffer.from(String(base64), 'base64').toString(), 'abc');
  cli.write('/close 4001 enough\n');
  const { code, initiator } = await cli.event('close');
  assert.deepEqual({ code, initiator }, { code: 4001, initiator: 'client' });
  assert.equal((await cli.ended).exitCode, 0);
  assert.deepEqual(pongs, ['hello']);
});

test('--json tells the life of a connection', async () => {
  const { server, url } = await serve(
    { ...echo(1), open: (connection) => void connection.ping({ payload: 'p' }) },
    { protocols: ['chat.v2'] },
  );
  await using _server = server;
  const args = [
    'connect',
    url,
    '--json',
    '-s',
    'chat.v3',
    '-s',
    'chat.v2',
    '-x',
    'hi',
    '-w',
    '0.3',
  ];
  const { exitCode, stdout } = await runCli(args);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(exitCode, 0);
  // Whether the Ping or the echo comes first is the server's business.
  const names = new Set(events.map(({ event }) => event));
  assert.deepEqual([names, events.length], [new Set(['open', 'ping', 'message', 'close']), 4]);
  assert.equal(events[0]?.['protocol'], 'chat.v2');
  assert.equal(events.find(({ event }) => event === 'message')?.['text'], 'hi');
});

test('headers, credentials, Origin and Host reach the server', async () => {
  let headers: ReadonlyMap<string, string> | undefined;
  const { server, url } = await serve(echo(1), {
    origins: 'any',
    authorize: (request) => {
      headers = request.headers;
      return { accept: false, status: 403, body: 'seen enough\nreally' };
    },
  });
  await using _server = server;
  const args = ['-H', 'X-One: 1', '-H', 'X-Two:a:b', '--auth', 'me:secret', '-o', 'http://page'];
  const { exitCode, stderr } = await runCli(['connect', url, ...args, '--host', 'example.com']);
  const sent = ['x-one', 'x-two', 'authorization', 'origin', 'host'].map((name) =>
    headers?.get(name),
  );
  const credentials = `Basic ${btoa('me:secret')}`;
  assert.deepEqual(sent, ['1', 'a:b', credentials, 'http://page', 'example.com']);
  assert.equal(exitCode, 3);
  assert.match(stderr, /^framewire: the server refused .*: 403 Forbidden; seen enough\n$/u);
});

/** The parameters that `framewire` agrees on with itself (RFC 7692 §7.1). */
const AGREED = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

test('--compression: what was agreed on is told, and messages are compressed (RFC 7692)', async () => {
  let octetsRead = 0;
  const { server, url } = await serve(
    {
      message: (connection, message) => {
        assert.equal(message.length, 50_000);
        octetsRead = (connection.transport as net.Socket).bytesRead;
        void connection.close(1000);
      },
    },
    { perMessageDeflate: true },
  );
  await using _server = server;
  const args = ['connect', url, '--compression', '-x', 'x'.repeat(50_000), '-w', '-1'];
  const { exitCode, stdout, stderr } = await runCli(args);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: '' });
  assert.equal(stderr.split('\n', 1)[0], `connected to ${url}, ${AGREED}`);
  assert.ok(octetsRead > 0 && octetsRead < 5_000, `${octetsRead}, the request included`);
});

test('--compression: a server may decline it, which is told (RFC 7692 §5)', async () => {
  const { server, url } = await serve(echo(1));
  await using _server = server;
  const args = ['connect', url, '--compression', '-x', 'hi', '-w', '-1'];
  const { exitCode, stdout, stderr } = await runCli(args);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: 'hi\n' });
  assert.match(stderr, /^connected to \S+, without compression: the server declined\n/u);
});

test('without --compression none is offered, and nothing is said of it', async () => {
  let offered: string | undefined = 'unasked';
  const { server, url } = await serve(echo(1), {
    perMessageDeflate: true,
    authorize: (request) => {
      offered = request.headers.get('sec-websocket-extensions');
      return { accept: true };
    },
  });
  await using _server = server;
  const { exitCode, stderr } = await runCli(['connect', url, '-x', 'hi', '-w', '-1']);
  assert.deepEqual({ exitCode, offered }, { exitCode: 0, offered: undefined });
  assert.match(stderr, /^connected to \S+\nclosed by the server: 1000\n$/u);
});

test('a unix socket', async () => {
  const path = join(tmpdir(), `framewire-cli-${process.pid}.sock`);
  await using server = new WebSocketServer({ handler: echo(1) });
  await server.listen({ path });
  const args = ['connect', 'localhost', '--unix', path, '-x', 'hi', '-w', '-1'];
  assert.equal((await runCli(args)).stdout, 'hi\n');
});

test('the first Ctrl-C closes with 1000', async () => {
  const { server, url } = await serve(echo(1));
  await using _server = server;
  await using cli = new RunningCli(['connect', url, '--json']);
  await cli.event('open');
  cli.signal('SIGINT');
  const { code, wasClean } = await cli.event('close');
  assert.deepEqual({ code, wasClean }, { code: 1000, wasClean: true });
  assert.equal((await cli.ended).exitCode, 0);
});

test('the second Ctrl-C does not wait for a peer that never answers', async () => {
  await using server = await rawServer((socket) => {
    void acceptHandshake(socket, new Uint8Array(0)).then(async () => {
      // RFC 6455 §5.5.1: the Close that the first one sent is not answered.
      await once(socket, 'data');
      cli.signal('SIGINT');
    });
  });
  await using cli = new RunningCli(['connect', server.url, '--json']);
  await cli.event('open');
  cli.signal('SIGINT');
  assert.equal((await cli.ended).exitCode, 1);
});

test('a reader that has seen enough is no error', async () => {
  const { server, url } = await serve({
    open: (connection) => {
      void (async () => {
        while (connection.readyState === 'open') await connection.send('x'.repeat(10_000));
      })().catch(() => {});
    },
  });
  await using _server = server;
  await using cli = new RunningCli(['connect', url]);
  await cli.line();
  cli.closeOutput();
  const { exitCode, stderr } = await cli.ended;
  assert.equal(exitCode, 0);
  assert.doesNotMatch(stderr, /EPIPE|at /u);
});

test('--listen is a server for one peer', async () => {
  await using listening = new RunningCli(['connect', '--listen', '0', '--json', '-s', 'chat']);
  await listening.remark(/listening on \S+/u);
  const url = /ws:\/\/\S+/u.exec(listening.remarks)?.[0] ?? '';
  await using peer = new RunningCli(['connect', url, '--json', '-s', 'chat']);
  await listening.event('open');
  assert.equal((await peer.event('open'))['protocol'], 'chat');
  assert.equal((await runCli(['connect', url, '-s', 'chat'])).exitCode, 3);
  peer.write('to the server\n');
  assert.equal((await listening.event('message'))['text'], 'to the server');
  listening.write('to the client\n');
  listening.endInput();
  assert.equal((await peer.event('message'))['text'], 'to the client');
  assert.equal((await peer.event('close'))['code'], 1000);
  assert.equal((await listening.ended).exitCode, 0);
  assert.equal((await peer.ended).exitCode, 0);
});

for (const [name, flags, extensions] of [
  ['with', ['--compression'], AGREED],
  ['without', [], ''],
] as const) {
  test(`--listen --compression ${name} a peer that offers it`, async () => {
    await using listening = new RunningCli(['connect', '--listen', '0', '--json', '--compression']);
    await listening.remark(/listening on \S+/u);
    const url = /ws:\/\/\S+/u.exec(listening.remarks)?.[0] ?? '';
    await using peer = new RunningCli(['connect', url, '--json', ...flags]);
    assert.equal((await listening.event('open'))['extensions'], extensions);
    assert.equal((await peer.event('open'))['extensions'], extensions);
    const text = 'text '.repeat(1000);
    peer.write(`${text}\n`);
    assert.equal((await listening.event('message'))['text'], text);
    peer.endInput();
    assert.equal((await peer.ended).exitCode, 0);
  });
}

test('--listen --compression tells a person when the peer does without', async () => {
  await using listening = new RunningCli(['connect', '--listen', '0', '--compression']);
  await listening.remark(/listening on \S+/u);
  const url = /ws:\/\/\S+/u.exec(listening.remarks)?.[0] ?? '';
  await runCli(['connect', url, '-x', 'hi', '-w', '0']);
  await listening.remark(/^\S+ connected, without compression\n/mu);
});

test('--listen refuses pages of other origins', async () => {
  await using listening = new RunningCli([
    'connect',
    '--listen',
    '0',
    '-o',
    'http://localhost:3000',
  ]);
  await listening.remark(/listening on \S+/u);
  const url = /ws:\/\/\S+/u.exec(listening.remarks)?.[0] ?? '';
  const as = (origin: string): Promise<{ exitCode: number | null }> =>
    runCli(['connect', url, '-o', origin, '-x', 'hi', '-w', '0']);
  assert.equal((await as('http://evil.example')).exitCode, 3);
  assert.equal((await as('http://localhost:3000')).exitCode, 0);
});

// Exit codes.

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('1: nobody listens there', async () => {
  const { exitCode, stderr } = await runCli(['connect', `:${await freePort()}`]);
  assert.equal(exitCode, 1);
  assert.match(
    stderr,
    /^framewire: cannot connect to \S+: nobody listens at \S+ \(ECONNREFUSED\)\n$/u,
  );
});

test('1: the connection breaks without a Close', async () => {
  await using server = await rawServer((socket) => {
    void acceptHandshake(socket, new Uint8Array(0)).then(() => socket.end());
  });
  assert.equal((await runCli(['connect', server.url, '-x', 'hi', '-w', '-1'])).exitCode, 1);
});

const MISTAKES: readonly (readonly [string, readonly string[]])[] = [
  ['no URL', ['connect']],
  ['a URL and --listen', ['connect', ':80', '-l', '0']],
  ['--listen and --auth', ['connect', '-l', '0', '--auth', 'a:b']],
  ['a scheme that is no WebSocket', ['connect', 'ftp://127.0.0.1/']],
  ['a fragment (RFC 6455 §3)', ['connect', 'ws://127.0.0.1:1/#here']],
  ['an unknown option', ['connect', ':1', '--bogus']],
  ['a header of the handshake', ['connect', ':1', '-H', 'Sec-WebSocket-Key: x']],
  ['a subprotocol that is no token', ['connect', ':1', '-s', 'a b']],
  ['an old protocol version', ['connect', ':1', '-p', '8']],
  ['--execute that is not hexadecimal', ['connect', ':1', '--binary', '-x', 'hello']],
  ['a certificate that is not there', ['connect', 'wss://127.0.0.1:1', '--ca', '/nowhere.pem']],
  ['--passphrase without a terminal', ['connect', 'wss://127.0.0.1:1', '--passphrase']],
  ['an unknown command', ['conect']],
  ['no command', []],
  ['--tls-cert without --tls-key', ['echo', '--port', '0', '--tls-cert', 'x.pem']],
];

for (const [name, args] of MISTAKES) {
  test(`2: ${name}`, async () => {
    const { exitCode, stdout, stderr } = await runCli(args);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
    assert.doesNotMatch(stderr, /^\s+at /mu);
    assert.notEqual(stderr, '');
  });
}

test('2: a line of a script that is not hexadecimal', async () => {
  const { server, url } = await serve(echo(1));
  await using _server = server;
  const { exitCode, stderr } = await runCli(['connect', url, '--binary'], '41\nhello\n');
  assert.equal(exitCode, 2);
  assert.match(stderr, /framewire: not octets in hexadecimal/u);
});

test('3: no WebSocket at this path', async () => {
  const { cli, url } = await startEcho('--path', '/chat');
  await using _echo = cli;
  const { exitCode, stderr } = await runCli(['connect', url.replace('/chat', '/')]);
  assert.equal(exitCode, 3);
  assert.match(stderr, /404 Not Found/u);
});

test('3: the subprotocol is not agreed on', async () => {
  const { server, url } = await serve(echo(1));
  await using _server = server;
  assert.equal((await runCli(['connect', url, '-s', 'unknown'])).exitCode, 3);
});

test('4: RFC 6455 §5.2 a reserved bit is set', async () => {
  await using server = await rawServer((socket) => void acceptHandshake(socket, hex`c1 00`));
  const { exitCode, stderr } = await runCli(['connect', server.url, '-x', 'hi', '-w', '-1']);
  assert.equal(exitCode, 4);
  assert.match(stderr, /framewire: the connection failed: a reserved bit is set/u);
});

test('4: what answers is no HTTP', async () => {
  await using server = await rawServer((socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n\r\n'));
  assert.equal((await runCli(['connect', server.url])).exitCode, 4);
});

test('5: the opening handshake takes too long', async () => {
  await using server = await rawServer(() => {});
  const { exitCode, stderr } = await runCli(['connect', server.url, '--handshake-timeout', '0.1']);
  assert.equal(exitCode, 5);
  assert.match(stderr, /^framewire: .*too long: 100 ms/u);
});

test('6: the peer closes with a code of its own', async () => {
  const { server, url } = await serve({
    open: (connection) => void connection.close(4001, 'come back later'),
  });
  await using _server = server;
  const { exitCode, stderr } = await runCli(['connect', url, '-x', 'hi', '-w', '-1']);
  assert.equal(exitCode, 6);
  assert.match(stderr, /closed by the server: 4001 "come back later"/u);
});

test('0: --help and --version', async () => {
  for (const args of [['--help'], ['connect', '--help'], ['echo', '--help']]) {
    const { exitCode, stdout, stderr } = await runCli(args);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    assert.match(stdout, /Exit codes:\n {2}0 {2}ok\n/u);
  }
  assert.match((await runCli(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/u);
});
