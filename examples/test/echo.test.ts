import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'framewire';
import { main } from '../echo-client.ts';
import { start } from '../echo-server.ts';
import { printed } from './printed.ts';

test('echo-client and echo-server: a thousand echoes in order, and a clean Close', async () => {
  const server = await start();
  const { lines, print } = printed();
  await main(server.url, print);
  await server.close();
  assert.match(lines[0] ?? '', /^connected from 127\.0\.0\.1:\d+$/);
  assert.equal(lines[1], '1000 echoes');
  assert.match(lines[2] ?? '', /^a Ping took \d+ ms or less$/);
  assert.match(lines[3] ?? '', /^closed with 1000 ?, clean$/);
  assert.equal(lines.length, 4);
});

test('echo-server: text stays text, octets stay octets', async () => {
  const server = await start();
  const connection = await connect(server.url);
  for (const message of ['', 'Grüße', Uint8Array.of(0, 255)]) {
    await connection.send(message);
    const echo = await connection.receive();
    if (typeof message === 'string') assert.equal(echo, message);
    else assert.deepEqual([...(echo as Uint8Array)], [...message]);
  }
  await connection.close();
  await server.close();
});

test('echo-server: one connection that breaks leaves the others alone', async () => {
  const server = await start();
  const [bad, good] = [await connect(server.url), await connect(server.url)];
  bad.terminate();
  await bad.closed;
  await good.send('still here');
  assert.equal(await good.receive(), 'still here');
  await good.close();
  await server.close();
});
