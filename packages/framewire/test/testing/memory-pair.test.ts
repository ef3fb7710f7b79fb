import assert from 'node:assert/strict';
import { finished } from 'node:stream/promises';
import { test } from 'node:test';
import { memoryPair } from 'framewire/testing';
import { connect, WebSocketServer } from 'framewire';
import { octetsOf } from '../protocol/frames.ts';
import { turns, within } from '../connection/raw-peer.ts';

test('what one side is written, the other reads', async () => {
  const [a, b] = memoryPair();
  a.write('to b');
  b.write('to a');
  await turns(2);
  assert.equal(String(b.read()), 'to b');
  assert.equal(String(a.read()), 'to a');
});

test('what arrives is a copy', async () => {
  const [a, b] = memoryPair();
  const octets = Buffer.from('sent');
  a.write(octets);
  octets.fill(0);
  await turns(2);
  assert.equal(String(b.read()), 'sent');
});

test('a side that does not read holds the other back', async () => {
  const [a, b] = memoryPair();
  let written = 0;
  for (let count = 0; count < 300; count++) a.write(octetsOf(1000), () => written++);
  await turns(10);
  const room = (a.writableHighWaterMark + b.readableHighWaterMark) / 1000;
  assert.ok(written <= room, `${written} writes were taken`);
  assert.equal(a.writableNeedDrain, true);
  let received = 0;
  b.on('data', (chunk: Buffer) => (received += chunk.length));
  await within(new Promise((resolve) => a.once('drain', resolve)), 'the drain');
  assert.equal(written, 300);
  await turns(2);
  assert.equal(received, 300_000);
});

test('ending is heard at the other side after all octets, and both ends close', async () => {
  const [a, b] = memoryPair();
  a.end('last');
  let received = '';
  b.on('data', (chunk: Buffer) => (received += chunk.toString()));
  b.on('end', () => b.end());
  a.resume();
  await within(Promise.all([finished(a), finished(b)]), 'the end');
  assert.equal(received, 'last');
  assert.equal(a.destroyed, true);
  assert.equal(b.destroyed, true);
});

test('destroying one side resets the other, and writing to it does no harm', async () => {
  const [a, b] = memoryPair();
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => b.once('error', resolve));
  a.destroy();
  b.write('nobody hears this');
  assert.equal((await within(failed, 'the reset')).code, 'ECONNRESET');
  assert.equal(b.destroyed, true);
  assert.equal(a.errored, null);
});

test('a client and a server talk over it', async () => {
  const [near, far] = memoryPair();
  const server = new WebSocketServer();
  const serving = server.serve(far);
  const client = await within(connect('ws://memory/', { transport: near }), 'connect');
  const connection = await serving;
  void client.send('hello');
  assert.equal(await within(connection.receive(), 'a message'), 'hello');
  const info = await within(client.close(1000), 'the close');
  assert.equal(info.wasClean, true);
  await server.close();
});
