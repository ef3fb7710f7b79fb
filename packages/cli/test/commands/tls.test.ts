import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { WebSocketServer } from 'framewire';
import { runCli, RunningCli, startEcho } from '../running-cli.js';

const run = promisify(execFile);
let folder = '';
let isMade = false;

const file = (name: string): string => join(folder, name);

async function makeCertificate(name: string, ...protection: string[]): Promise<void> {
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1', ...protection],
    ...['-keyout', file(`${name}-key.pem`), '-out', file(`${name}.pem`)],
  ]);
}

/** Says hello, waits for the echo, and ends. */
async function greet(...args: string[]): Promise<readonly [string, number | null]> {
  await using cli = new RunningCli(['connect', ...args, '--wait', '0']);
  cli.write('hello\n');
  const answer = await cli.line();
  cli.endInput();
  return [answer, (await cli.ended).exitCode];
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framewire-cli-'));
  try {
    await makeCertificate('server', '-nodes');
    await makeCertificate('client', '-passout', 'pass:open sesame');
    isMade = true;
  } catch (error) {
    // Without openssl there is nothing to test with; each test says that it was skipped.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
});

after(() => rm(folder, { recursive: true, force: true }));

test('a certificate nobody vouches for is refused, unless told otherwise', async (context) => {
  if (!isMade) return context.skip('there is no openssl');
  const { cli, url, page } = await startEcho(
    '--tls-cert',
    file('server.pem'),
    '--tls-key',
    file('server-key.pem'),
  );
  await using _echo = cli;
  assert.match(url, /^wss:/u);
  assert.match(page, /^https:/u);
  const refused = await runCli(['connect', url]);
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /^framewire: .* self-signed; --ca .*--no-check .*\n$/u);
  assert.deepEqual(await greet(url, '--no-check'), ['hello', 0]);
  assert.deepEqual(await greet(url, '--ca', file('server.pem')), ['hello', 0]);
});

test('a certificate of the client, its key under a passphrase', async (context) => {
  if (!isMade) return context.skip('there is no openssl');
  await using server = new WebSocketServer({
    handler: { message: (connection, message) => connection.send(message) },
  });
  const { url } = await server.listen({
    port: 0,
    host: '127.0.0.1',
    tls: {
      cert: await readFile(file('server.pem')),
      key: await readFile(file('server-key.pem')),
      ca: await readFile(file('client.pem')),
      requestCert: true,
      // With TLS 1.3 a refusal would come only after the client believes itself connected.
      maxVersion: 'TLSv1.2',
    },
  });
  const trusting = [url, '--ca', file('server.pem')];
  const known = [...trusting, '--cert', file('client.pem'), '--key', file('client-key.pem')];
  assert.deepEqual(await greet(...known, '--passphrase', 'open sesame'), ['hello', 0]);
  assert.equal((await runCli(['connect', ...trusting])).exitCode, 1);
  const wrong = await runCli(['connect', ...known, '--passphrase', 'wrong']);
  assert.equal(wrong.exitCode, 1);
  assert.match(wrong.stderr, /^framewire: --passphrase is not the one of the key/u);
});

test('TLS to a port that speaks none', async () => {
  const { cli, url } = await startEcho();
  await using _echo = cli;
  const { exitCode, stderr } = await runCli(['connect', url.replace('ws:', 'wss:')]);
  assert.equal(exitCode, 1);
  assert.match(stderr, /does not speak TLS at this port; try ws:/u);
});
