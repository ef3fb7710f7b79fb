import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, HandshakeError } from 'framewire';
import { main, start } from '../piping.ts';
import { printed } from './printed.ts';

test('piping: over TCP and back, and through a TransformStream', async () => {
  const { lines, print } = printed();
  await main(print);
  assert.deepEqual(lines, ['over TCP and back', 'FROM A WEB STREAM']);
});

test('piping: other paths are refused with 404', async () => {
  const server = await start(1);
  await assert.rejects(connect(`${server.url}other`), (error) => {
    assert.ok(error instanceof HandshakeError);
    assert.equal(error.status, 404);
    return true;
  });
  await server.close();
});
