import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinWheel, Wheel, type WheelMember } from '#src/connection/heartbeat.js';
import { ManualClock } from 'framewire/testing';

class Member implements WheelMember {
  readonly #clock: ManualClock;
  readonly beats: number[] = [];

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  onBeat(): void {
    this.beats.push(this.#clock.now());
  }
}

test('a member is called once each turn of the wheel, first after a whole one', () => {
  const clock = new ManualClock();
  const wheel = new Wheel(clock, 800, () => {});
  const member = new Member(clock);
  wheel.add(member);
  clock.advance(2500);
  assert.deepEqual(member.beats, [800, 1600, 2400]);
});

test('members that come at different times are spread over the turn', () => {
  const clock = new ManualClock();
  const wheel = new Wheel(clock, 800, () => {});
  const first = new Member(clock);
  const second = new Member(clock);
  wheel.add(first);
  clock.advance(350);
  wheel.add(second);
  clock.advance(1000);
  assert.deepEqual(first.beats, [800]);
  // It came within the eighth that began at 300, and is called when that comes round.
  assert.deepEqual(second.beats, [1100]);
});

test('any number of members costs one timer, and none costs none', () => {
  const clock = new ManualClock();
  let emptied = 0;
  const wheel = new Wheel(clock, 800, () => emptied++);
  const members = Array.from({ length: 100 }, () => new Member(clock));
  for (const member of members) wheel.add(member);
  clock.advance(10_000);
  assert.equal(clock.pending, 1);
  for (const member of members) wheel.remove(member);
  assert.equal(clock.pending, 0);
  assert.equal(emptied, 1);
  wheel.remove(members[0]!);
  assert.equal(emptied, 1);
});

test('members may leave while they are called', () => {
  const clock = new ManualClock();
  const wheel = new Wheel(clock, 800, () => {});
  let calls = 0;
  const members = Array.from({ length: 3 }, (): WheelMember => ({
    onBeat() {
      calls++;
      for (const member of members) wheel.remove(member);
    },
  }));
  for (const member of members) wheel.add(member);
  clock.advance(10_000);
  assert.equal(calls, 1);
  assert.equal(clock.pending, 0);
});

test('members with one clock and interval share a wheel, which turns twice in an interval', () => {
  const clock = new ManualClock();
  const one = new Member(clock);
  const two = new Member(clock);
  const wheel = joinWheel(clock, 1000, one);
  assert.equal(joinWheel(clock, 1000, two), wheel);
  const third = new Member(clock);
  assert.notEqual(joinWheel(clock, 1001, third), wheel);
  assert.notEqual(joinWheel(new ManualClock(), 1000, new Member(clock)), wheel);
  clock.advance(1000);
  assert.deepEqual(one.beats, [500, 1000]);
});

test('a wheel that nobody is on any more is forgotten, whatever the interval was', () => {
  const clock = new ManualClock();
  const member = new Member(clock);
  const wheel = joinWheel(clock, 1000, member);
  wheel.remove(member);
  assert.notEqual(joinWheel(clock, 1000, member), wheel);
});
