import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import https from 'node:https';
import { after, before, test } from 'node:test';
import { makeCertificate, type CertificateFiles } from '../certificate.js';
import { runCli, RunningCli, startEcho } from '../running-cli.js';

let files: CertificateFiles | undefined;
before(async () => {
  files = await makeCertificate();
});
after(() => files?.[Symbol.asyncDispose]());

type Echo = Awaited<ReturnType<typeof startEcho>>;

function echo(...args: string[]): Promise<Echo> {
  const { cert = '', key = '' } = files ?? {};
  return startEcho('--tls-cert', cert, '--tls-key', key, ...args);
}

const SAY_HI = ['--no-check', '-x', 'hi', '-w', '0.2'];

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

test('RFC 8441: --http2 on both sides, and both say so', async (context) => {
  if (files === undefined) return context.skip('there is no openssl');
  const { cli, url } = await echo('--http2');
  await using _echo = cli;
  const { exitCode, stdout, stderr } = await runCli(['connect', url, '--http2', ...SAY_HI]);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: 'hi\n' });
  assert.equal(firstLine(stderr), `connected to ${url} over HTTP/2`);
  assert.equal((await cli.event('open'))['httpVersion'], '2');
});

test('§8 a server that has HTTP/1.1 only is taken as it is, unless told --http2-only', async (context) => {
  if (files === undefined) return context.skip('there is no openssl');
  const { cli, url } = await echo();
  await using _echo = cli;
  const { exitCode, stderr } = await runCli(['connect', url, '--http2', ...SAY_HI]);
  assert.equal(exitCode, 0);
  assert.equal(firstLine(stderr), `connected to ${url} over HTTP/1.1`);
  const only = await runCli(['connect', url, '--http2-only', ...SAY_HI]);
  assert.notEqual(only.exitCode, 0);
  assert.match(only.stderr, /^framewire: cannot connect to .* without --http2/u);
});

test('3: §3 a server of HTTP/2 that does not announce WebSockets', async (context) => {
  if (files === undefined) return context.skip('there is no openssl');
  const server = http2.createServer().listen(0, '127.0.0.1');
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  // ws: is HTTP/2 by prior knowledge then.
  const { exitCode, stderr } = await runCli(['connect', `:${port}`, '--http2']);
  for (const session of sessions) session.destroy();
  server.close();
  assert.equal(exitCode, 3);
  assert.match(stderr, /SETTINGS_ENABLE_CONNECT_PROTOCOL .*; without --http2 it is asked over/u);
});

test('3: --http2 with ws: to a server that has HTTP/1.1 only', async () => {
  const { cli, url } = await startEcho();
  await using _echo = cli;
  const { exitCode, stderr } = await runCli(['connect', url, '--http2']);
  assert.equal(exitCode, 3);
  assert.match(stderr, /does not speak HTTP\/2 .*; without --http2 it is asked over HTTP\/1\.1/u);
});

test('--json tells the version always', async (context) => {
  if (files === undefined) return context.skip('there is no openssl');
  const { cli, url } = await echo('--http2');
  await using _echo = cli;
  for (const [version, flags] of [
    ['2', ['--http2']],
    ['1.1', []],
  ] as const) {
    const { stdout } = await runCli(['connect', url, '--json', ...flags, ...SAY_HI]);
    const { event, httpVersion } = JSON.parse(firstLine(stdout)) as Record<string, unknown>;
    assert.deepEqual({ event, httpVersion }, { event: 'open', httpVersion: version });
    assert.equal((await cli.event('open'))['httpVersion'], version);
  }
});

test('bench --http2', async (context) => {
  if (files === undefined) return context.skip('there is no openssl');
  const { cli, url } = await echo('--http2');
  await using _echo = cli;
  const args = ['bench', url, '--no-check', '--http2', '-c', '3', '-d', '0.2', '--warmup', '0'];
  const { exitCode, stdout } = await runCli(args);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^over HTTP\/2$/mu);
  const { connections, traffic } = JSON.parse((await runCli([...args, '--json'])).stdout) as {
    connections: { httpVersion: string; opened: number };
    traffic: unknown;
  };
  assert.deepEqual([connections.httpVersion, connections.opened, traffic], ['2', 3, null]);
});

test('echo --http2: one port, one page, both versions', async (context) => {
  if (files === undefined) return context.skip('there is no openssl');
  const { cli, page } = await echo('--http2');
  await using _echo = cli;
  const options = { rejectUnauthorized: false };
  const [{ statusCode }] = (await once(
    https.get(page, options, (response) => response.resume()),
    'response',
  )) as [{ statusCode: number }];
  assert.equal(statusCode, 200);
  const session = http2.connect(page, options);
  const ask = async (
    method: string,
    path: string,
  ): Promise<readonly [unknown, string, unknown]> => {
    const stream = session.request({ ':method': method, ':path': path });
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    return [headers[':status'], body, headers['content-security-policy']];
  };
  const [status, body, policy] = await ask('GET', '/');
  assert.equal(status, 200);
  assert.match(body, /^<!doctype html>/iu);
  assert.match(String(policy), /^default-src 'none'/u);
  const [head, nothing] = await ask('HEAD', '/');
  assert.deepEqual([head, nothing], [200, '']);
  assert.equal((await ask('POST', '/'))[0], 405);
  assert.equal((await ask('GET', '/nothing'))[0], 404);
  session.destroy();
});

test('echo --http2: the line of a visit tells the version', async (context) => {
  if (files === undefined) return context.skip('there is no openssl');
  const { cert, key } = files;
  const args = ['echo', '--port', '0', '--tls-cert', cert, '--tls-key', key, '--http2'];
  await using cli = new RunningCli(args);
  const lines = [await cli.line(), await cli.line(), await cli.line()];
  const url = /wss:\S+/u.exec(lines[0] ?? '')?.[0] ?? '';
  assert.equal(lines[2], `  or run npx framewire connect ${url} --http2`);
  for (const [version, flags] of [
    ['2', ['--http2']],
    ['1.1', []],
  ] as const) {
    await runCli(['connect', url, ...flags, ...SAY_HI]);
    let line = '';
    while (!line.includes('opened')) line = await cli.line();
    assert.ok(line.endsWith(` over HTTP/${version}`), line);
  }
});

test('echo --http2: SIGINT closes with 1001, and waits for no session that idles', async (context) => {
  if (files === undefined) return context.skip('there is no openssl');
  const { cli, url, page } = await echo('--http2');
  await using _echo = cli;
  const session = http2.connect(page, { rejectUnauthorized: false });
  await once(session, 'remoteSettings');
  await using client = new RunningCli(['connect', url, '--http2', '--no-check', '--json']);
  await client.event('open');
  cli.signal('SIGINT');
  assert.equal((await client.event('close'))['code'], 1001);
  assert.equal((await cli.ended).exitCode, 0);
  session.destroy();
});

test('2: echo --http2 needs a certificate', async () => {
  const { exitCode, stdout, stderr } = await runCli(['echo', '--port', '0', '--http2']);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
  assert.match(stderr, /^framewire: --http2 needs --tls-cert and --tls-key: /u);
});
