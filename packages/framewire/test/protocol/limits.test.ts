import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requirePositive } from '#src/protocol/limits.js';
import { resolveLimits, type LimitOptions } from 'framewire/protocol';
import { isOutOfRange } from './endpoint.ts';

test('§10.4 there are limits without asking: 16 MiB, and 131 072 small fragments', () => {
  const defaults = { maxMessageSize: 16_777_216, maxSmallFragments: 131_072 };
  assert.deepEqual(resolveLimits(), defaults);
  assert.deepEqual(resolveLimits({}), defaults);
  assert.deepEqual(
    resolveLimits({ maxMessageSize: undefined, maxSmallFragments: undefined }),
    defaults,
  );
});

test('§10.4 limits are what was asked for, up to none at all', () => {
  assert.deepEqual(resolveLimits({ maxMessageSize: 1, maxSmallFragments: Infinity }), {
    maxMessageSize: 1,
    maxSmallFragments: Infinity,
  });
});

test('§10.4 resolved limits do not change any more', () => {
  assert.ok(Object.isFrozen(resolveLimits()));
});

for (const option of ['maxMessageSize', 'maxSmallFragments'] as const) {
  for (const value of [0, -1, NaN, -Infinity, '10', true, {}]) {
    test(`§10.4 ${option} cannot be ${String(value)} (${typeof value})`, () => {
      const options = { [option]: value } as LimitOptions;
      assert.throws(
        () => resolveLimits(options),
        (error: Error) =>
          isOutOfRange(error) && error.message.includes(`${option} must be a number above 0`),
      );
    });
  }
}

test('§10.4 a bad bound is named with its value', () => {
  assert.throws(() => requirePositive('maxThings', -7), /maxThings must be .* got -7/u);
  assert.doesNotThrow(() => requirePositive('maxThings', 0.5));
});
