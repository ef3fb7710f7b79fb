import assert from 'node:assert/strict';
import { test } from 'node:test';
import { main } from '../reconnecting.ts';
import { printed } from './printed.ts';

test('reconnecting: nothing is missed and nothing comes twice', async () => {
  const { lines, print } = printed();
  await main(print);
  assert.deepEqual(lines, [
    'connection 1: what came after 0?',
    'price 1: 102',
    'price 2: 99',
    'gone: 1006, again in a moment',
    'connection 2: what came after 2?',
    'price 3: 101',
    'price 4: 104',
    'gone: 1012, again in a moment',
    'connection 3: what came after 4?',
    'price 5: 103',
    'price 6: 107',
    'gone: 1000',
    'the market is closed',
  ]);
});
