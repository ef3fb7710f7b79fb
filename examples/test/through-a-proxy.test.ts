import assert from 'node:assert/strict';
import { test } from 'node:test';
import { main } from '../through-a-proxy.ts';
import { printed } from './printed.ts';

test('through-a-proxy: refused without the password, let through with it', async () => {
  const { lines, print } = printed();
  await main(print);
  assert.deepEqual(lines, [
    'the proxy is asked for 127.0.0.1:…',
    'ERR_WS_PROXY: 407 who are you?',
    'the proxy is asked for 127.0.0.1:…',
    'Hello from behind the proxy',
  ]);
});
