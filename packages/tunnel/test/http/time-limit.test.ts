import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from 'framewire/testing';
import { TimeLimit } from '#src/http/time-limit.js';

function start(): { clock: ManualClock; limit: TimeLimit; fired: number[] } {
  const clock = new ManualClock();
  const fired: number[] = [];
  return { clock, fired, limit: new TimeLimit(clock, () => fired.push(clock.now())) };
}

test('it fires once, when the time is over', () => {
  const { clock, limit, fired } = start();
  limit.set(100);
  clock.advance(99);
  assert.deepEqual(fired, []);
  clock.advance(1_000);
  assert.deepEqual(fired, [100]);
});

test('a restart counts from then on, with one timer at a time', () => {
  const { clock, limit, fired } = start();
  limit.set(100);
  for (let index = 0; index < 5; index++) {
    clock.advance(80);
    limit.restart();
    assert.equal(clock.pending, 1);
  }
  clock.advance(1_000);
  assert.deepEqual(fired, [500]);
});

test('a shorter time fires earlier than the one before would have', () => {
  const { clock, limit, fired } = start();
  limit.set(1_000);
  limit.set(10);
  clock.advance(2_000);
  assert.deepEqual(fired, [10]);
});

test('Infinity, and cancel, are for ever', () => {
  const { clock, limit, fired } = start();
  limit.set(10);
  limit.set(Infinity);
  limit.restart();
  clock.advance(100);
  limit.set(10);
  limit.cancel();
  assert.equal(clock.pending, 0);
  clock.advance(100);
  assert.deepEqual(fired, []);
});
