import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffDelay, resolveBackoff } from '#src/client/backoff.js';

const BACKOFF = { minDelay: 1_000, maxDelay: 30_000 };

test('§7.2.3 the first delay is random, from minDelay to twice that', () => {
  assert.equal(backoffDelay(0, 0, BACKOFF), 1_000);
  assert.equal(backoffDelay(0, 0.25, BACKOFF), 1_250);
  assert.equal(backoffDelay(0, 1, BACKOFF), 2_000);
});

test('§7.2.3 each range begins where the one before ends, until maxDelay truncates it', () => {
  const ranges = [0, 1, 2, 3, 4, 5, 6].map((delays) => [
    backoffDelay(delays, 0, BACKOFF),
    backoffDelay(delays, 1, BACKOFF),
  ]);
  assert.deepEqual(ranges, [
    [1_000, 2_000],
    [2_000, 4_000],
    [4_000, 8_000],
    [8_000, 16_000],
    [15_000, 30_000],
    [15_000, 30_000],
    [15_000, 30_000],
  ]);
});

test('however many delays there were, none is outside of its bounds', () => {
  for (const delays of [31, 32, 1_000, 1_100, 1e9]) {
    for (const backoff of [BACKOFF, { minDelay: 1, maxDelay: 2 ** 31 - 1 }]) {
      const delay = backoffDelay(delays, 0.999, backoff);
      assert.ok(delay <= backoff.maxDelay && delay >= backoff.maxDelay / 2 - 1, String(delay));
    }
  }
});

test('a maxDelay close to minDelay leaves a narrow range, and the same one none', () => {
  assert.equal(backoffDelay(0, 0, { minDelay: 1_000, maxDelay: 1_500 }), 1_000);
  assert.equal(backoffDelay(7, 1, { minDelay: 1_000, maxDelay: 1_500 }), 1_500);
  assert.equal(backoffDelay(3, 0.5, { minDelay: 1_000, maxDelay: 1_000 }), 1_000);
});

test('the defaults are those that are documented, and follow the option that is given', () => {
  assert.deepEqual(resolveBackoff({}), BACKOFF);
  assert.deepEqual(resolveBackoff({ maxDelay: 500 }), { minDelay: 250, maxDelay: 500 });
  assert.deepEqual(resolveBackoff({ maxDelay: 1_500 }), { minDelay: 750, maxDelay: 1_500 });
  assert.deepEqual(resolveBackoff({ minDelay: 15_001 }), { minDelay: 15_001, maxDelay: 30_002 });
  assert.deepEqual(resolveBackoff({ minDelay: 60_000 }), { minDelay: 60_000, maxDelay: 120_000 });
  assert.deepEqual(resolveBackoff({ minDelay: 5, maxDelay: 7 }), { minDelay: 5, maxDelay: 7 });
});

for (const options of [
  { maxDelay: 2 },
  { maxDelay: 1_000 },
  { minDelay: 30_000 },
  { minDelay: 2 ** 31 - 2 },
]) {
  test(`§7.2.3 each delay is random with one option alone: ${JSON.stringify(options)}`, () => {
    const backoff = resolveBackoff(options);
    assert.ok(backoff.maxDelay <= 2 ** 31 - 1);
    for (const delays of [0, 1, 9]) {
      assert.ok(backoffDelay(delays, 0, backoff) < backoffDelay(delays, 1, backoff));
    }
  });
}

for (const name of ['minDelay', 'maxDelay']) {
  test(`${name} must be a number above 0 that a timer can count`, () => {
    for (const value of [0, -1, NaN, Infinity, 2 ** 31, '1']) {
      assert.throws(() => resolveBackoff({ [name]: value }), {
        name: 'RangeError',
        code: 'ERR_WS_INVALID_ARGUMENT',
        message: new RegExp(name, 'u'),
      });
    }
  });
}

test('a minDelay above maxDelay is a mistake', () => {
  assert.throws(() => resolveBackoff({ minDelay: 2, maxDelay: 1 }), {
    name: 'RangeError',
    message: 'minDelay must not be more than maxDelay, got 2 and 1',
  });
});
