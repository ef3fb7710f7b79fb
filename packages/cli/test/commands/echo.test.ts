import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, HandshakeError } from 'framewire';
import { runCli, RunningCli, startEcho } from '../running-cli.js';

test('it tells where the page is, and how to connect', async () => {
  await using cli = new RunningCli(['echo', '--port', '0']);
  const lines = [await cli.line(), await cli.line(), await cli.line()];
  const [, page = '', url = ''] = /^listening on (\S+) and (\S+)$/u.exec(lines[0] ?? '') ?? [];
  assert.match(page, /^http:\/\/127\.0\.0\.1:\d+\/$/u);
  assert.equal(lines[1], `  open ${page} in a browser`);
  assert.equal(lines[2], `  or run npx framewire connect ${url}`);
  assert.equal((await fetch(page)).status, 200);
});

test('it sends back what it gets, text as text and binary as binary', async () => {
  const { cli, url } = await startEcho();
  await using _echo = cli;
  await using client = await connect(url);
  const octets = Uint8Array.of(1, 2, 3);
  await client.send('hello');
  await client.send(octets);
  assert.equal(await client.receive(), 'hello');
  assert.deepEqual(await client.receive(), octets);
});

test('each connection has a line when it opens and one when it has gone', async () => {
  const { cli, url } = await startEcho('-s', 'chat');
  await using _echo = cli;
  const client = await connect(url, { protocols: ['chat'] });
  const { number, subprotocol, remoteAddress } = await cli.event('open');
  assert.deepEqual({ number, subprotocol }, { number: 1, subprotocol: 'chat' });
  assert.equal(remoteAddress, `127.0.0.1:${client.localPort}`);
  await client.send('hello');
  await client.receive();
  await client.close(4001, 'bye');
  const { code, reason, messages, octets, duration } = await cli.event('close');
  assert.deepEqual([code, reason, messages, octets], [4001, 'bye', 1, 5]);
  assert.equal(typeof duration, 'number');
});

test('the page is at /, whatever the path of the WebSocket; all else is 404', async () => {
  const { cli, page, url } = await startEcho('--path', '/chat');
  await using _echo = cli;
  assert.match(url, /\/chat$/u);
  const response = await fetch(page);
  const body = await response.text();
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.match(response.headers.get('content-security-policy') ?? '', /^default-src 'none'/u);
  assert.ok(body.includes('data-path="/chat"'));
  const head = await fetch(`${page}?query`, { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
  assert.equal((await fetch(page, { method: 'POST' })).status, 405);
  assert.equal((await fetch(`${page}page.js`)).status, 404);
  // RFC 9110 §15.5.22: an ordinary request for the WebSocket's path is no page either.
  assert.equal((await fetch(`${page}chat`)).status, 404);
  await assert.rejects(connect(page.replace('http', 'ws')), { status: 404 });
});

test('RFC 6455 §10.2 pages of other origins are refused, and that is told', async () => {
  const { cli, url, page } = await startEcho();
  await using _echo = cli;
  const own = await connect(url, { origin: new URL(page).origin });
  await own.close();
  const foreign = connect(url, { origin: 'http://evil.example' });
  await assert.rejects(foreign, (error) => error instanceof HandshakeError && error.status === 403);
  assert.equal((await cli.event('refused'))['origin'], 'http://evil.example');
});

test('--origin admits one, or any', async () => {
  const { cli, url } = await startEcho('--origin', 'http://localhost:3000');
  await using _echo = cli;
  await (await connect(url, { origin: 'http://localhost:3000' })).close();
  await assert.rejects(connect(url, { origin: 'http://localhost:3001' }), { status: 403 });
  const open = await startEcho('--origin', 'any');
  await using _open = open.cli;
  await (await connect(open.url, { origin: 'http://evil.example' })).close();
});

test('RFC 6455 §7.4.1 --max-message-size: a longer message ends the connection with 1009', async () => {
  const { cli, url } = await startEcho('--max-message-size', '1k');
  await using _echo = cli;
  const client = await connect(url);
  void client.send('x'.repeat(1025));
  assert.equal((await client.closed).code, 1009);
  assert.equal((await cli.event('close'))['initiator'], 'server');
});

test('--compression compresses for clients that offer it, and the console says so (RFC 7692)', async () => {
  const { cli, url } = await startEcho('--compression');
  await using _echo = cli;
  await using client = await connect(url, { perMessageDeflate: true });
  assert.match(client.extensions, /^permessage-deflate; /u);
  assert.equal((await cli.event('open'))['extensions'], client.extensions);
  const text = 'x'.repeat(50_000);
  await client.send(text);
  assert.equal(await client.receive(), text);
  const { bytesRead } = client.transport as net.Socket;
  assert.ok(bytesRead < 5_000, `${bytesRead}, the handshake included`);
  await using plain = await connect(url);
  assert.deepEqual([plain.extensions, (await cli.event('open'))['extensions']], ['', '']);
});

test('--compression: for people it is a part of the line', async () => {
  await using cli = new RunningCli(['echo', '--port', '0', '--compression']);
  const url = /ws:\S+/u.exec(await cli.line())?.[0] ?? '';
  await using client = await connect(url, { perMessageDeflate: true });
  let line = '';
  while (!line.includes('opened')) line = await cli.line();
  assert.ok(line.endsWith(`opened #1 127.0.0.1:${client.localPort}, ${client.extensions}`), line);
});

test('without --compression it is declined (RFC 7692 §5)', async () => {
  const { cli, url } = await startEcho();
  await using _echo = cli;
  await using client = await connect(url, { perMessageDeflate: true });
  assert.equal(client.extensions, '');
});

test('a unix socket', async () => {
  const path = join(tmpdir(), `framewire-echo-${process.pid}.sock`);
  await using cli = new RunningCli(['echo', '--unix', path, '--json']);
  const { webSocket, page } = await cli.event('listening');
  assert.equal(page, undefined);
  const client = await connect(String(webSocket));
  await client.send('hello');
  assert.equal(await client.receive(), 'hello');
  // An orderly end takes the socket off the disk.
  cli.signal('SIGTERM');
  assert.equal((await cli.ended).exitCode, 0);
  assert.equal(existsSync(path), false);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} closes all connections with 1001, and the exit code is 0`, async () => {
    const { cli, url, page } = await startEcho();
    await using _echo = cli;
    // A connection of plain HTTP that is kept alive must not keep the server alive.
    const agent = new http.Agent({ keepAlive: true });
    const [response] = (await once(http.get(page, { agent }), 'response')) as [
      http.IncomingMessage,
    ];
    response.resume();
    await once(response, 'end');
    const client = await connect(url);
    cli.signal(signal);
    const { code, wasClean } = await client.closed;
    assert.deepEqual({ code, wasClean }, { code: 1001, wasClean: true });
    assert.equal((await cli.ended).exitCode, 0);
    agent.destroy();
  });
}

test('a second signal does not wait for a peer that does not answer', async () => {
  const { cli, url } = await startEcho();
  await using _echo = cli;
  const client = await connect(url);
  // Nothing is read any more, so the Close of the server is never answered.
  client.pause();
  cli.signal('SIGINT');
  await cli.event('stopping');
  cli.signal('SIGINT');
  // RFC 6455 §7.1.7: not the end of a closing handshake, and not the timeout of one.
  assert.match(String((await cli.event('close'))['error']), /^this side ended the transport/u);
  assert.equal((await cli.ended).exitCode, 0);
  client.terminate();
});

test('a port that is taken: said in one line, exit code 1', async () => {
  const other = net.createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { exitCode, stderr } = await runCli(['echo', '--port', String(port)]);
  other.close();
  assert.equal(exitCode, 1);
  assert.equal(
    stderr,
    `framewire: port ${port} of 127.0.0.1 is taken by another program; ` +
      '--port 0 takes any that is free\n',
  );
});
