import assert from 'node:assert/strict';
import { test } from 'node:test';
import { main } from '../handshake-by-hand-client.ts';
import { printed } from './printed.ts';

test('handshake-by-hand-client: serve() accepts what was written by hand', async () => {
  const { lines, print } = printed();
  await main(print);
  const told = lines.join('\n');
  assert.match(told, /^> GET \/chat HTTP\/1\.1$/m);
  assert.match(told, /^< HTTP\/1\.1 101 /m);
  assert.match(told, /^> 8185\w{18}: "Hello", masked with \w{8}$/m);
  assert.match(told, /^< 81 5: FIN, opcode 1, 5 long$/m);
  assert.match(told, /^< Hello$/m);
  assert.equal(lines.at(-1), '< 880203e8: Close 1000');
});
