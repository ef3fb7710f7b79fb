import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, json } from 'framewire';
import { main, start } from '../json-codec.ts';
import { printed } from './printed.ts';

test('json-codec: typed questions and answers, and mistakes up to a number', async () => {
  const { lines, print } = printed();
  await main(print);
  assert.equal(lines[0], '{"sum":6}');
  assert.match(lines[1] ?? '', /^\{"error":".*JSON.*"\}$/);
  assert.equal(lines[2], '{"error":"\\"add\\" is not a list of numbers"}');
  assert.equal(lines[3], lines[2]);
  assert.equal(lines[4], '1007 too many mistakes');
});

test('json-codec: after a mistake the connection goes on', async () => {
  const server = await start();
  const connection = await connect(server.url);
  await connection.send('no JSON');
  await connection.receive();
  await connection.send('{"add": [40, 2]}');
  assert.deepEqual(await connection.withCodec(json()).receive(), { sum: 42 });
  await connection.close();
  await server.close();
});
