import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Schedule } from '#src/bench/schedule.js';

test('messages are due evenly, the connections taking turns', () => {
  const schedule = new Schedule(100, 4, 1000);
  const times = [0, 1, 2, 3, 4].map((message) => schedule.timeOf(message));
  assert.deepEqual(times, [1000, 1010, 1020, 1030, 1040]);
  const turns = [0, 1, 2, 3, 4].map((message) => schedule.connectionOf(message));
  assert.deepEqual(turns, [0, 1, 2, 3, 0]);
});

test('a connection has its own messages of the schedule', () => {
  const schedule = new Schedule(100, 4, 1000);
  assert.deepEqual([schedule.dueAt(0, 0), schedule.dueAt(0, 1)], [1000, 1040]);
  assert.deepEqual([schedule.dueAt(3, 0), schedule.dueAt(3, 2)], [1030, 1110]);
});

test('what is due until a time includes that time', () => {
  const schedule = new Schedule(100, 4, 1000);
  assert.equal(schedule.countUntil(0, 999), 0);
  assert.equal(schedule.countUntil(0, 1000), 1);
  assert.equal(schedule.countUntil(3, 1029), 0);
  assert.equal(schedule.countUntil(3, 1030), 1);
  assert.equal(schedule.countUntil(3, 1069), 1);
  assert.equal(schedule.countUntil(3, 1070), 2);
});

test('what was due before a time leaves that time out', () => {
  const schedule = new Schedule(100, 4, 1000);
  assert.equal(schedule.countBefore(0, 1000), 0);
  assert.equal(schedule.countBefore(0, 1001), 1);
  assert.equal(schedule.countBefore(3, 1030), 0);
  assert.equal(schedule.countBefore(3, 1071), 2);
  assert.equal(schedule.countBefore(0, 0), 0);
});

test('what is due between two times, on all connections', () => {
  const schedule = new Schedule(100, 4, 1000);
  assert.equal(schedule.countBetween(1000, 2000), 101);
  assert.equal(schedule.countBetween(1001, 1999), 99);
  assert.equal(schedule.countBetween(0, 1000), 1);
  assert.equal(schedule.countBetween(1001, 1002), 0);
  const single = [0, 1, 2, 3].map((connection) => schedule.countUntil(connection, 1999));
  assert.equal(
    single.reduce((sum, count) => sum + count),
    schedule.countBetween(1000, 1999),
  );
});
