import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionQueue } from '#src/server/connection-queue.js';

test('items are handed out in order, to whoever waits first', async () => {
  const queue = new ConnectionQueue<string>();
  const iterator = queue.iterate();
  const waiting = [iterator.next(), queue.iterate().next()];
  for (const item of ['a', 'b', 'c']) queue.push(item);
  assert.deepEqual(
    (await Promise.all(waiting)).map(({ value }) => value as string),
    ['a', 'b'],
  );
  assert.deepEqual(await iterator.next(), { value: 'c', done: false });
});

test('an item that is gone before anybody took it is not handed out', async () => {
  const queue = new ConnectionQueue<string>();
  queue.push('gone');
  queue.push('here');
  queue.delete('gone');
  assert.equal((await queue.iterate().next()).value, 'here');
});

test('the end is told after what is there, to all, and for good', async () => {
  const queue = new ConnectionQueue<string>();
  const waiting = [queue.iterate().next(), queue.iterate().next()];
  queue.push('a');
  queue.end();
  assert.deepEqual(await Promise.all(waiting), [
    { value: 'a', done: false },
    { value: undefined, done: true },
  ]);
  assert.equal((await queue.iterate().next()).done, true);
});

test('an iterator that is left takes nothing from the others', async () => {
  const queue = new ConnectionQueue<string>();
  const left = queue.iterate();
  const waiting = [left.next(), left.next()];
  const other = queue.iterate().next();
  assert.deepEqual(await left.return?.(), { value: undefined, done: true });
  assert.deepEqual(
    (await Promise.all(waiting)).map((result) => result.done),
    [true, true],
  );
  queue.push('a');
  queue.push('b');
  assert.equal((await other).value, 'a');
  assert.deepEqual(await left.next(), { value: undefined, done: true });
  assert.equal((await queue.iterate().next()).value, 'b');
});

test('leaving a loop leaves the rest for the next', async () => {
  const queue = new ConnectionQueue<string>();
  for (const item of ['a', 'b']) queue.push(item);
  queue.end();
  for await (const item of queue.iterate()) {
    assert.equal(item, 'a');
    break;
  }
  const rest: string[] = [];
  for await (const item of queue.iterate()) rest.push(item);
  assert.deepEqual(rest, ['b']);
});
