import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConnectionOptions } from '#src/connection/options.js';
import { systemClock } from '#src/connection/clock.js';
import { ManualClock } from 'framewire/testing';

test('the defaults are those that are documented', () => {
  assert.deepEqual(resolveConnectionOptions({}), {
    limits: { maxMessageSize: 16 * 1024 * 1024, maxSmallFragments: 128 * 1024 },
    highWaterMark: 128 * 1024,
    maxBufferedAmount: 16 * 1024 * 1024,
    slowConsumer: 'terminate',
    perMessageDeflate: undefined,
    sendTimeout: 120_000,
    heartbeat: { interval: 30_000, timeout: 30_000 },
    closeTimeout: 5_000,
    clock: systemClock,
    endsQuietly: false,
  });
});

test('what is given stands, and undefined counts as not given', () => {
  const clock = new ManualClock();
  const settings = resolveConnectionOptions({
    highWaterMark: 1,
    maxBufferedAmount: Infinity,
    slowConsumer: 'drop',
    heartbeat: { interval: 5 },
    closeTimeout: undefined,
    clock,
  });
  assert.equal(settings.highWaterMark, 1);
  assert.equal(settings.maxBufferedAmount, Infinity);
  assert.equal(settings.slowConsumer, 'drop');
  assert.deepEqual(settings.heartbeat, { interval: 5, timeout: 30_000 });
  assert.equal(settings.closeTimeout, 5_000);
  assert.equal(settings.clock, clock);
  assert.ok(Object.isFrozen(settings));
});

test('a heartbeat can be switched off', () => {
  assert.equal(resolveConnectionOptions({ heartbeat: false }).heartbeat, undefined);
});

const NUMBERS = [
  'maxMessageSize',
  'maxSmallFragments',
  'highWaterMark',
  'maxBufferedAmount',
  'sendTimeout',
  'closeTimeout',
];

for (const name of NUMBERS) {
  test(`${name} must be a number above 0, and the error names it`, () => {
    for (const value of [0, -1, NaN, '1', {}]) {
      assert.throws(() => resolveConnectionOptions({ [name]: value }), {
        name: 'RangeError',
        code: 'ERR_WS_INVALID_ARGUMENT',
        message: new RegExp(name, 'u'),
      });
    }
  });
}

test('the times of a heartbeat are bounded on both sides: a timer has to count them', () => {
  for (const name of ['interval', 'timeout']) {
    for (const value of [0, -1, NaN, Infinity, 2 ** 31, '1']) {
      assert.throws(() => resolveConnectionOptions({ heartbeat: { [name]: value } }), {
        name: 'RangeError',
        message: new RegExp(`heartbeat\\.${name}`, 'u'),
      });
    }
  }
});

test('slowConsumer is one of two words', () => {
  assert.throws(() => resolveConnectionOptions({ slowConsumer: 'wait' as never }), {
    name: 'TypeError',
    code: 'ERR_WS_INVALID_ARGUMENT',
  });
});
