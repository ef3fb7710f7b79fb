import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'framewire';
import { start } from '../graceful-shutdown.ts';
import { runExample } from './run-example.ts';

// Windows has no signals to handle: there `kill` ends the process at once.
const skip = process.platform === 'win32';

test('graceful-shutdown: SIGTERM gives everybody 1001 and ends the process', { skip }, async () => {
  const example = runExample('graceful-shutdown.js', ['0']);
  const url = /ws:\S+/.exec(await example.firstLine)?.[0] ?? '';
  const connections = await Promise.all([connect(url), connect(url), connect(url)]);
  await connections[0]?.send('before the end');
  assert.equal(await connections[0]?.receive(), 'before the end');

  example.child.kill('SIGTERM');
  for (const connection of connections) {
    const { code, reason, wasClean } = await connection.closed;
    assert.deepEqual([code, reason, wasClean], [1001, 'the server restarts', true]);
  }
  const { code, signal, output } = await example.ended;
  assert.deepEqual([code, signal], [0, null], output);
  assert.match(output, /\nSIGTERM: closing\nclosed\n$/);
});

test('graceful-shutdown: pages are served until then, and nobody is afterwards', async () => {
  const server = await start();
  const page = server.url.replace(/^ws(.*)ws$/, 'http$1');
  const response = await fetch(page, { headers: { Connection: 'close' } });
  assert.equal(await response.text(), 'An ordinary page.\n');
  await server.close();
  await assert.rejects(fetch(page));
  await assert.rejects(connect(server.url), { code: 'ERR_WS_NETWORK' });
});
