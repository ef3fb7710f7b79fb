import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, HandshakeError } from 'framewire';
import { main, start } from '../authentication.ts';
import { printed } from './printed.ts';

test('authentication: a token makes a typed context, a guess gets 401', async () => {
  const { lines, print } = printed();
  await main(print);
  assert.deepEqual(lines, [
    'Ada, an administrator',
    'Bob, a guest',
    '401, Bearer realm="the example", a token is needed',
  ]);
});

test('authentication: other schemes, parts of a token and no header at all get 401', async () => {
  const server = await start();
  for (const value of ['Basic YTpi', 'Bearer', 'Bearer a token of', 'a token of Ada', '']) {
    const headers: Record<string, string> = value === '' ? {} : { Authorization: value };
    await assert.rejects(connect(server.url, { headers }), (error) => {
      assert.ok(error instanceof HandshakeError);
      assert.equal(error.status, 401);
      return true;
    });
  }
  await server.close();
});
