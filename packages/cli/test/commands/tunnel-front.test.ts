import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rename, writeFile } from 'node:fs/promises';
import http2 from 'node:http2';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { hashPassword } from '@framewire/tunnel';
import { makeCertificate } from '../certificate.js';
import { RunningCli } from '../running-cli.js';
import {
  ask,
  bodyOf,
  folderFor,
  startAgent,
  startRelay,
  startTarget,
  WITH_TOKEN,
} from '../running-tunnel.js';

interface Http2Answer {
  readonly status: unknown;
  readonly body: string;
  readonly protocol: string | undefined;
  /** Of the certificate. */
  readonly fingerprint: string;
}

/** On a connection of its own. */
async function askHttp2(port: number): Promise<Http2Answer> {
  const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  try {
    const request = session.request({ ':path': '/', ':authority': `app.localhost:${port}` });
    const [headers] = (await once(request, 'response')) as [http2.IncomingHttpHeaders];
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { fingerprint256 } = (session.socket as TLSSocket).getPeerCertificate();
    const { alpnProtocol: protocol } = session;
    return { status: headers[':status'], body, protocol, fingerprint: fingerprint256 };
  } finally {
    session.close();
  }
}

test('HTTP/2 in front, and a certificate that is replaced is that of the next connection', async (context) => {
  await using first = await makeCertificate();
  await using second = await makeCertificate();
  if (first === undefined || second === undefined) return context.skip('there is no openssl');
  const [before, after] = await Promise.all(
    [first.cert, second.cert].map(async (path) => new X509Certificate(await readFile(path))),
  );
  await using target = await startTarget();
  const { cli: relay, port } = await startRelay('--tls-cert', first.cert, '--tls-key', first.key);
  await using _relay = relay;
  const place = ['--relay', `wss://127.0.0.1:${port}`, '--name', 'app', '--ca', first.cert];
  await using agent = new RunningCli(
    ['tunnel', 'agent', target.url, ...place],
    undefined,
    WITH_TOKEN,
  );
  await agent.event('online');
  const expected = { status: 200, body: 'hello', protocol: 'h2' };
  assert.deepEqual(await askHttp2(port), { ...expected, fingerprint: before?.fingerprint256 });
  await rename(second.key, first.key);
  await rename(second.cert, first.cert);
  await relay.event('certificate');
  assert.deepEqual(await askHttp2(port), { ...expected, fingerprint: after?.fingerprint256 });
});

test('agents show a certificate of an authority that the relay trusts; callers need none', async (context) => {
  await using ours = await makeCertificate();
  await using theirs = await makeCertificate();
  if (ours === undefined || theirs === undefined) return context.skip('there is no openssl');
  await using target = await startTarget();
  const { cli: relay, port } = await startRelay(
    ...['--tls-cert', ours.cert, '--tls-key', ours.key, '--agent-ca', ours.cert],
  );
  await using _relay = relay;
  const start = (...args: readonly string[]): RunningCli => {
    const place = ['--relay', `wss://127.0.0.1:${port}`, '--name', 'app', '--ca', ours.cert];
    return new RunningCli(
      ['tunnel', 'agent', target.url, ...place, ...args],
      undefined,
      WITH_TOKEN,
    );
  };
  for (const args of [[], ['--cert', theirs.cert, '--key', theirs.key]]) {
    await using stranger = start(...args);
    assert.equal((await stranger.ended).exitCode, 3);
    const { error } = await relay.event('agent-refused');
    assert.equal(error, 'ERR_TUNNEL_BAD_CERTIFICATE');
  }
  await using agent = start('--cert', ours.cert, '--key', ours.key);
  await agent.event('online');
  assert.equal((await askHttp2(port)).body, 'hello');
});

test('a password of the file: 401 without it, and it is not told to the target', async (context) => {
  const seen: unknown[] = [];
  await using target = await startTarget(({ headers }, response) => {
    seen.push(headers.authorization);
    response.end('hello');
  });
  const path = join(await folderFor(context), 'relay.yaml');
  const hash = await hashPassword('open sesame');
  await writeFile(path, `access: { app: { basic: { alice: '${hash}' }, realm: cave } }\n`);
  const { cli: relay, port } = await startRelay('--config', path);
  await using _relay = relay;
  await using agent = startAgent(target.url, port);
  await agent.event('online');
  const basic = (password: string): Readonly<Record<string, string>> => ({
    Authorization: `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`,
  });
  const refused = await ask(port);
  assert.equal(refused.statusCode, 401);
  assert.match(String(refused.headers['www-authenticate']), /^Basic realm="cave"/u);
  assert.equal((await ask(port, '/', basic('open barley'))).statusCode, 401);
  assert.equal(await bodyOf(await ask(port, '/', basic('open sesame'))), 'hello');
  assert.deepEqual(seen, [undefined]);
});

test('a rate of the file: 429 beyond it, and when to come again', async (context) => {
  await using target = await startTarget();
  const path = join(await folderFor(context), 'relay.yaml');
  await writeFile(path, 'rateLimit: { requestsPerSecond: 0.001, burst: 2 }\n');
  const { cli: relay, port } = await startRelay('--config', path);
  await using _relay = relay;
  await using agent = startAgent(target.url, port);
  await agent.event('online');
  assert.equal((await ask(port)).statusCode, 200);
  assert.equal((await ask(port)).statusCode, 200);
  const refused = await ask(port);
  assert.equal(refused.statusCode, 429);
  assert.ok(Number(refused.headers['retry-after']) > 0);
});

test('/readyz is 503 while the relay waits for open requests; /healthz is 200', async () => {
  let answer = (): void => {};
  await using target = await startTarget((_request, response) => {
    response.write('first ');
    answer = () => response.end('last');
  });
  const { cli: relay, port, event } = await startRelay('--admin-port', '0');
  await using _relay = relay;
  await using agent = startAgent(target.url, port);
  await agent.event('online');
  const response = await ask(port);
  const admin = String(event['admin']);
  assert.equal((await fetch(`${admin}readyz`)).status, 200);
  relay.signal('SIGTERM');
  await relay.event('draining');
  const ready = await fetch(`${admin}readyz`);
  assert.deepEqual([ready.status, await ready.text()], [503, 'about to end\n']);
  assert.equal((await fetch(`${admin}healthz`)).status, 200);
  answer();
  assert.equal(await bodyOf(response), 'first last');
  assert.equal((await relay.ended).exitCode, 0);
});
