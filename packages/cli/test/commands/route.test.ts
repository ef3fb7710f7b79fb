import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { WebSocketServer } from 'framewire';
import { startProxy } from '../proxy.js';
import { runCli, startEcho } from '../running-cli.js';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framewire-route-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const SAY_HI = ['-x', 'hi', '-w', '0.2'];

// --proxy.

test('--proxy goes through it, with the credentials of its URL', async () => {
  const { cli, url } = await startEcho();
  await using _echo = cli;
  await using proxy = await startProxy('me:secret');
  const through = `http://me:secret@127.0.0.1:${proxy.port}`;
  const { exitCode, stdout, stderr } = await runCli([
    'connect',
    url,
    '--proxy',
    through,
    ...SAY_HI,
  ]);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: 'hi\n' });
  assert.deepEqual(proxy.asked, [new URL(url).host]);
  assert.doesNotMatch(stderr, /secret/u);
});

test('--proxy env: HTTP_PROXY for ws:, and NO_PROXY for those that are reached without', async () => {
  const { cli, url } = await startEcho();
  await using _echo = cli;
  await using proxy = await startProxy();
  const unset = { http_proxy: '', ws_proxy: '', all_proxy: '', no_proxy: '' };
  const variables = { ...unset, HTTP_PROXY: proxy.url, NO_PROXY: '' };
  const args = ['connect', url, '--proxy', 'env', ...SAY_HI];
  assert.equal((await runCli(args, '', variables)).exitCode, 0);
  assert.equal(proxy.asked.length, 1);
  assert.equal((await runCli(args, '', { ...variables, NO_PROXY: '127.0.0.1' })).exitCode, 0);
  // Nor is the environment asked for one unless it is said so.
  assert.equal((await runCli(['connect', url, ...SAY_HI], '', variables)).exitCode, 0);
  assert.equal(proxy.asked.length, 1);
});

for (const [name, debug] of [
  ['in one line', {}],
  ['also with FRAMEWIRE_DEBUG=1, without the secret', { FRAMEWIRE_DEBUG: '1' }],
] as const) {
  test(`3: a proxy that refuses, ${name}`, async () => {
    await using proxy = await startProxy('me:right');
    const through = `http://me:wr0ng@127.0.0.1:${proxy.port}`;
    const { exitCode, stdout, stderr } = await runCli(
      ['connect', 'ws://127.0.0.1:9/', '--proxy', through],
      '',
      debug,
    );
    assert.deepEqual({ exitCode, stdout }, { exitCode: 3, stdout: '' });
    assert.match(stderr, /407 Proxy Authentication Required/u);
    for (const secret of ['wr0ng', Buffer.from('me:wr0ng').toString('base64')]) {
      assert.equal(stderr.includes(secret), false);
    }
    if ('FRAMEWIRE_DEBUG' in debug) return;
    assert.equal(
      stderr,
      `framewire: the proxy ${proxy.url} refused ws://127.0.0.1:9/: ` +
        '407 Proxy Authentication Required; who are you?; ' +
        '--proxy http://user:password@… tells who you are\n',
    );
  });
}

test('1: a proxy that cannot be reached', async () => {
  const proxy = await startProxy();
  await proxy[Symbol.asyncDispose]();
  const through = `http://me:secret@127.0.0.1:${proxy.port}`;
  const { exitCode, stderr } = await runCli(['connect', ':9', '--proxy', through]);
  assert.equal(exitCode, 1);
  assert.equal(
    stderr,
    `framewire: cannot connect to ws://127.0.0.1:9/ through the proxy ${proxy.url}: ` +
      `nobody listens at 127.0.0.1:${proxy.port} (ECONNREFUSED)\n`,
  );
});

test('bench --proxy, whose URL is not in the result', async () => {
  const { cli, url } = await startEcho();
  await using _echo = cli;
  await using proxy = await startProxy('me:secret');
  const through = `http://me:secret@127.0.0.1:${proxy.port}`;
  const args = [
    'bench',
    url,
    '--proxy',
    through,
    '-c',
    '2',
    '-d',
    '0.2',
    '--warmup',
    '0',
    '--json',
  ];
  const { exitCode, stdout } = await runCli(args);
  assert.equal(exitCode, 0);
  assert.deepEqual(proxy.asked, Array(2).fill(new URL(url).host));
  assert.doesNotMatch(stdout, /secret/u);
  const { options } = JSON.parse(stdout) as { options: { proxy: boolean; http2: boolean } };
  assert.deepEqual([options.proxy, options.http2], [true, false]);
});

// --location and --cookie-jar.

interface Site extends AsyncDisposable {
  readonly url: string;
  /** Of each request, its path and its cookies. */
  readonly asked: readonly string[];
}

/**
 * `/1` leads to `/0`, `/2` to `/1`, and so on; a WebSocket is at `/0`, which says hello and closes.
 * `/login` refuses, and sets a cookie.
 */
async function startSite(): Promise<Site> {
  const asked: string[] = [];
  const server = http.createServer();
  const sockets = new WebSocketServer({
    onConnection: (connection) => {
      void connection.send('hello');
      void connection.close(1000);
    },
  });
  server.prependListener('upgrade', ({ url, headers }: http.IncomingMessage) =>
    asked.push([url, headers.cookie].join(' ').trim()),
  );
  sockets.attach(server, { path: '/0' });
  server.on('upgrade', ({ url = '' }: http.IncomingMessage, socket) => {
    const step = Number(url.slice(1));
    if (url === '/0') return;
    const answer =
      step > 0
        ? `HTTP/1.1 302 Found\r\nLocation: /${step - 1}\r\n`
        : 'HTTP/1.1 403 Forbidden\r\nSet-Cookie: sid=1234; HttpOnly\r\n';
    socket.end(`${answer}Content-Length: 0\r\nConnection: close\r\n\r\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      await sockets.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

test('-L follows redirects, and says where that led (RFC 9110 §15.4)', async () => {
  await using site = await startSite();
  const { exitCode, stdout, stderr } = await runCli(['connect', '-L', `${site.url}/5`]);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: 'hello\n' });
  assert.ok(stderr.startsWith(`connected to ${site.url}/0\n`), stderr);
  assert.deepEqual(site.asked, ['/5', '/4', '/3', '/2', '/1', '/0']);
});

test('3: without it a redirect is a refusal, which names the option', async () => {
  await using site = await startSite();
  const { exitCode, stderr } = await runCli(['connect', `${site.url}/1`]);
  assert.equal(exitCode, 3);
  assert.match(stderr, /: 302 Found; it moved to \/0; connect --location follows it\n$/u);
});

test('3: a redirect more than are followed', async () => {
  await using site = await startSite();
  const { exitCode, stderr } = await runCli(['connect', '-L', `${site.url}/6`]);
  assert.equal(exitCode, 3);
  assert.match(stderr, /^framewire: cannot connect to \S+\/1: .*5 were followed/u);
});

test('--max-redirects says how many, with -L or without', async () => {
  await using site = await startSite();
  const connect = async (...args: string[]): Promise<number | null> =>
    (await runCli(['connect', `${site.url}/2`, ...args])).exitCode;
  assert.equal(await connect('--max-redirects', '1', '-L'), 3);
  assert.equal(await connect('-L', '--max-redirects', '0'), 3);
  assert.equal(await connect('--max-redirects', '2'), 0);
});

test('--cookie-jar: what a refusal sets is sent the next time (RFC 6265)', async () => {
  await using site = await startSite();
  const jar = join(folder, 'jar.txt');
  assert.equal((await runCli(['connect', `${site.url}/login`, '--cookie-jar', jar])).exitCode, 3);
  assert.match(await readFile(jar, 'utf8'), /^#HttpOnly_127\.0\.0\.1\tFALSE\t\/\t.*\tsid\t1234$/mu);
  assert.equal((await runCli(['connect', `${site.url}/0`, '--cookie-jar', jar])).exitCode, 0);
  assert.deepEqual(site.asked, ['/login', '/0 sid=1234']);
});

test('2: --cookie-jar of a file that is broken: the line, not what it says', async () => {
  const jar = join(folder, 'broken.txt');
  await writeFile(jar, '# Netscape HTTP Cookie File\n\nsecret=1234\n');
  const { exitCode, stdout, stderr } = await runCli(['connect', ':9', '--cookie-jar', jar]);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
  assert.match(stderr, /^framewire: --cookie-jar: line 3 of \S+ is no cookie; .*\n$/u);
  assert.doesNotMatch(stderr, /1234/u);
});

const MISTAKES: readonly (readonly [string, readonly string[]])[] = [
  ['a proxy of a scheme that is none', ['connect', ':9', '--proxy', 'ftp://me:s3cret@127.0.0.1']],
  ['a proxy that is no URL', ['connect', ':9', '--proxy', 'http://me:s3cret@:x']],
  ['a proxy for a unix socket', ['connect', ':9', '--proxy', 'env', '--unix', '/tmp/x']],
  ['too many redirects', ['connect', ':9', '--max-redirects', '51']],
  ...['--proxy env', '-L', '--max-redirects 2', '--cookie-jar x', '--http2', '--http2-only']
    .concat('--reconnect')
    .map(
      (text) => [`--listen and ${text}`, ['connect', '--listen', '0', ...text.split(' ')]] as const,
    ),
];

for (const [name, args] of MISTAKES) {
  test(`2: ${name}`, async () => {
    const { exitCode, stdout, stderr } = await runCli(args);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
    assert.doesNotMatch(stderr, /s3cret|^\s+at /mu);
    assert.notEqual(stderr, '');
  });
}
