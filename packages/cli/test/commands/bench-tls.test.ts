import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { WebSocketServer } from 'framewire';
import type { BenchResult } from '#src/bench/result.js';
import { runCli } from '../running-cli.js';

const run = promisify(execFile);
let folder = '';
let isMade = false;

const file = (name: string): string => join(folder, name);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framewire-bench-'));
  try {
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-keyout', file('key.pem'), '-out', file('cert.pem')],
    ]);
    isMade = true;
  } catch (error) {
    // Without openssl there is nothing to test with; the test says that it was skipped.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
});

after(() => rm(folder, { recursive: true, force: true }));

test('wss: with the options of TLS that connect has', async (context) => {
  if (!isMade) return context.skip('there is no openssl');
  await using server = new WebSocketServer({
    handler: { message: (connection, message) => connection.send(message) },
  });
  const tls = { cert: await readFile(file('cert.pem')), key: await readFile(file('key.pem')) };
  const { url } = await server.listen({ port: 0, host: '127.0.0.1', tls });
  const args = ['bench', url, '--duration', '0.2', '--warmup', '0', '--json'];
  const refused = await runCli(args);
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /^framewire: .* self-signed; --ca .*--no-check .*\n$/u);
  for (const trust of [['--no-check'], ['--ca', file('cert.pem')]]) {
    const { exitCode, stdout } = await runCli([...args, ...trust]);
    assert.equal(exitCode, 0);
    const { latency, traffic } = JSON.parse(stdout) as BenchResult;
    assert.ok((latency?.count ?? 0) > 0);
    // What a TLS socket counts is not what is on the wire.
    assert.equal(traffic, null);
  }
});
