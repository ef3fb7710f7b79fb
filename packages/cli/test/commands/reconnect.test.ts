import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocketServer } from 'framewire';
import { RunningCli } from '../running-cli.js';

/** Closes its first connection with 1012, and echoes on those after it. */
async function startRestarting(): Promise<{
  readonly server: WebSocketServer;
  readonly url: string;
}> {
  let count = 0;
  const server = new WebSocketServer({
    onConnection: async (connection) => {
      count++;
      if (count === 1) return void connection.close(1012, 'restart');
      for await (const message of connection) await connection.send(message);
    },
  });
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
  return { server, url };
}

test('--reconnect: gone and again, and the lines that waited are sent', async () => {
  const { server, url } = await startRestarting();
  await using _server = server;
  await using cli = new RunningCli(['connect', url, '--reconnect', '--wait', '0']);
  await cli.remark(/gone/u);
  cli.write('hello\n');
  assert.equal(await cli.line(), 'hello');
  cli.endInput();
  const { exitCode, stderr } = await cli.ended;
  assert.equal(exitCode, 0);
  const lines = stderr.split('\n');
  assert.match(lines[1] ?? '', /^gone: closed by the server: 1012 "restart"; again in \d\.\d s$/u);
  assert.deepEqual(lines.toSpliced(1, 1), [
    `connected to ${url}`,
    `connected again to ${url}`,
    'closed by the client: 1000',
    '',
  ]);
});

test('--reconnect --json: the events', async () => {
  const { server, url } = await startRestarting();
  await using _server = server;
  await using cli = new RunningCli(['connect', url, '--reconnect', '--json']);
  assert.equal((await cli.event('open'))['number'], 1);
  const { phase, code, delay } = await cli.event('gone');
  assert.deepEqual([phase, code, typeof delay], ['open', 1012, 'number']);
  assert.equal((await cli.event('open'))['number'], 2);
  cli.signal('SIGINT');
  assert.equal((await cli.event('close'))['code'], 1000);
  assert.equal((await cli.ended).exitCode, 0);
});

test('--reconnect: a signal ends the delay', async () => {
  const { server, url } = await startRestarting();
  await using _server = server;
  await using cli = new RunningCli(['connect', url, '--reconnect', '--json']);
  await cli.event('gone');
  cli.signal('SIGINT');
  // 1012 is what it would have ended with.
  const { exitCode, stdout } = await cli.ended;
  assert.equal(exitCode, 6);
  assert.doesNotMatch(stdout, /"number":2/u);
});

test('--reconnect: what would only be refused again is the end', async () => {
  await using server = new WebSocketServer({ path: '/chat' });
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
  await using cli = new RunningCli(['connect', new URL('/nothing', url).href, '--reconnect']);
  const { exitCode, stderr } = await cli.ended;
  assert.equal(exitCode, 3);
  assert.match(stderr, /^framewire: the server refused .* 404 Not Found; .*\n$/u);
});
