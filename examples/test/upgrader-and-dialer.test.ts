import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'framewire';
import { main } from '../upgrader-and-dialer/dialer.ts';
import { start } from '../upgrader-and-dialer/upgrader.ts';
import { printed } from './printed.ts';

test('upgrader-and-dialer: each option does what its comment says', async () => {
  const server = printed();
  const client = printed();
  const upgrader = await start(0, server.print);
  await main(upgrader.url, client.print);
  await upgrader.close();
  assert.deepEqual(client.lines, [
    'a cookie: true',
    'tour.v1 with 127.0.0.1',
    'compression: true',
    'welcome to the tour',
    'binary: 1,2,3',
    'a Pong with 14 octets',
    'closed with 1000, clean',
    'closed: true',
    '403: not from this page',
  ]);
  assert.deepEqual(server.lines, [
    'a Ping with 14 octets',
    '127.0.0.1 closed with 1000',
    'refused https://example.org: ERR_WS_ORIGIN',
  ]);
});

test('upgrader-and-dialer: the read limit fails the connection with 1009', async () => {
  const { print } = printed();
  const upgrader = await start(0, print);
  const connection = await connect(upgrader.url);
  void connection.send(new Uint8Array(32 * 1024 + 1));
  assert.equal((await connection.closed).code, 1009);
  await upgrader.close();
});
