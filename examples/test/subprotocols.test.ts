import assert from 'node:assert/strict';
import { test } from 'node:test';
import { main } from '../subprotocols.ts';
import { printed } from './printed.ts';

test('subprotocols: a list follows the client, a function the server; none may fit', async () => {
  const { lines, print } = printed();
  await main(print);
  assert.deepEqual(lines.slice(0, 3), [
    'by list: chat.v1',
    'by choice: chat.v2',
    'nothing offered: no subprotocol',
  ]);
  assert.match(lines[3] ?? '', /^none fits: ERR_WS_SUBPROTOCOL: .*"mail\.v1"/);
  assert.match(lines[4] ?? '', /^none fits, strict: ERR_WS_STATUS: .*400 .*speaks chat\.v2 and/);
  assert.equal(lines.length, 5);
});
