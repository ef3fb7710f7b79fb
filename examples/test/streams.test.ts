import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { connect } from 'framewire';
import { main, start } from '../streams.ts';
import { printed } from './printed.ts';

const MEBIBYTE = 1024 * 1024;

test('streams: a message far above maxMessageSize arrives whole, part by part', async () => {
  const { lines, print } = printed();
  await main(8, print);
  const digest = createHash('sha256')
    .update(Buffer.alloc(8 * MEBIBYTE, '.'))
    .digest('hex');
  assert.equal(lines[0], 'sent 8 MiB as one message');
  assert.equal(lines[1], `binary, ${8 * MEBIBYTE} octets, SHA-256 ${digest}`);
  assert.match(lines[2] ?? '', /^text, 13 octets, /);
  assert.match(lines[3] ?? '', /^the process had \d+ MiB at most$/);
});

test('streams: a source that fails ends its connection, not the server', async () => {
  const server = await start();
  const connection = await connect(server.url);
  const source = (function* (): Generator<string> {
    yield 'one part';
    throw new Error('the disk is gone');
  })();
  await assert.rejects(connection.sendStream(source), { message: 'the disk is gone' });
  const { sent, error } = await connection.closed;
  assert.equal(sent?.code, 1011);
  assert.equal(error?.message, 'the disk is gone');

  const other = await connect(server.url);
  await other.send('a whole message');
  assert.match(String(await other.receive()), /^text, 15 octets, /);
  await other.close();
  await server.close();
});
