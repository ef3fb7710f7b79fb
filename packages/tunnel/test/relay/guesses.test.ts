import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from 'framewire/testing';
import { Guesses, networkOf } from '#src/relay/guesses.js';

test('after ten different passwords an address waits for the rest of the minute', () => {
  const clock = new ManualClock();
  const guesses = new Guesses(clock);
  guesses.add('a', '0');
  clock.advance(20_500);
  for (let index = 1; index < 10; index++) {
    assert.equal(guesses.waitOf('a'), 0);
    guesses.add('a', String(index));
  }
  assert.equal(guesses.waitOf('a'), 40);
  assert.equal(guesses.waitOf('b'), 0);
  clock.advance(39_499);
  assert.equal(guesses.waitOf('a'), 1);
  clock.advance(1);
  assert.equal(guesses.waitOf('a'), 0);
  assert.equal(guesses.size, 0);
});

test('the same password again is no other guess', () => {
  const guesses = new Guesses(new ManualClock());
  for (let index = 0; index < 20; index++) guesses.add('a', 'x');
  assert.equal(guesses.waitOf('a'), 0);
  assert.equal(guesses.has('a', 'x'), true);
  assert.equal(guesses.has('b', 'x'), false);
});

test('no more than 4096 addresses are remembered, the oldest of them not', () => {
  const guesses = new Guesses(new ManualClock());
  for (let index = 0; index <= 4_096; index++) guesses.add(`a${index}`, 'x');
  assert.equal(guesses.size, 4_096);
  assert.equal(guesses.has('a0', 'x'), false);
  assert.equal(guesses.has('a1', 'x'), true);
});

for (const [address, network] of [
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:1:2::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['1::3:4:5:6:7:8', '1:0:3:4::/64'],
  ['::1', '0:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['1::4:5:6:192.0.2.1', '1:0:0:4::/64'],
] as const) {
  test(`RFC 4291 §2.5.4 ${address} is of the network ${network}`, () => {
    assert.equal(networkOf(address), network);
  });
}
