import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred, ignorable } from '#src/connection/deferred.js';
import { turns } from './raw-peer.ts';

test('a deferred promise is settled from outside, once', async () => {
  const fulfilled = deferred<number>();
  fulfilled.resolve(1);
  fulfilled.reject(new Error('too late'));
  assert.equal(await fulfilled.promise, 1);
  const rejected = deferred<number>();
  const error = new Error('no');
  rejected.reject(error);
  await assert.rejects(rejected.promise, error);
});

test('an ignorable rejection is no unhandled one, and still rejects for whoever awaits', async () => {
  const unhandled: unknown[] = [];
  const listener = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', listener);
  const error = new Error('ignored');
  const promise = ignorable(Promise.reject(error));
  await turns(3);
  process.off('unhandledRejection', listener);
  assert.deepEqual(unhandled, []);
  await assert.rejects(promise, error);
});
