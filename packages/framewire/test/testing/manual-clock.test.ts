import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from 'framewire/testing';

test('the clock stands still until it is advanced', () => {
  const clock = new ManualClock();
  assert.equal(clock.now(), 0);
  clock.advance(5);
  clock.advance(0.5);
  assert.equal(clock.now(), 5.5);
});

test('timers fire once, in the order of their times, and of their setting where those are equal', () => {
  const clock = new ManualClock();
  const fired: [string, number][] = [];
  for (const [name, delay] of [
    ['c', 30],
    ['a', 10],
    ['b', 20],
    ['b2', 20],
  ] as const) {
    clock.setTimer(delay, () => fired.push([name, clock.now()]));
  }
  clock.advance(19);
  assert.deepEqual(fired, [['a', 10]]);
  assert.equal(clock.pending, 3);
  clock.advance(100);
  assert.deepEqual(fired, [
    ['a', 10],
    ['b', 20],
    ['b2', 20],
    ['c', 30],
  ]);
  assert.equal(clock.pending, 0);
  assert.equal(clock.now(), 119);
});

test('what a timer sets fires in the same advance when it is due', () => {
  const clock = new ManualClock();
  const fired: number[] = [];
  const again = (): void => {
    fired.push(clock.now());
    clock.setTimer(10, again);
  };
  clock.setTimer(10, again);
  clock.advance(35);
  assert.deepEqual(fired, [10, 20, 30]);
  assert.equal(clock.pending, 1);
});

test('a cancelled timer does not fire, also when another cancels it at its time', () => {
  const clock = new ManualClock();
  const fired: string[] = [];
  clock.setTimer(10, () => {
    fired.push('first');
    second.cancel();
    second.cancel();
  });
  const second = clock.setTimer(10, () => fired.push('second'));
  const third = clock.setTimer(5, () => fired.push('third'));
  third.cancel();
  assert.equal(clock.pending, 2);
  clock.advance(20);
  assert.deepEqual(fired, ['first']);
});

test('a timer of no delay is due at the next advance, also by nothing', () => {
  const clock = new ManualClock();
  let fired = false;
  clock.setTimer(0, () => (fired = true));
  assert.equal(fired, false);
  clock.advance(0);
  assert.equal(fired, true);
});

test('an endless delay is never due', () => {
  const clock = new ManualClock();
  clock.setTimer(Infinity, () => assert.fail());
  clock.advance(1e12);
  assert.equal(clock.pending, 1);
});
