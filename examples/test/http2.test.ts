import assert from 'node:assert/strict';
import { test } from 'node:test';
import { main } from '../http2.ts';
import { printed } from './printed.ts';

test('http2: three connections over one session', async () => {
  const { lines, print } = printed();
  await main(print);
  assert.deepEqual(lines, [
    ...Array<string>(3).fill('CONNECT over HTTP/2'),
    'hello from 1',
    'hello from 2',
    'hello from 3',
    '3 connections, sessions: 1',
  ]);
});
