import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from 'framewire/testing';
import { RateLimit, type RateLimitOptions } from '#src/relay/rate-limit.js';

function start(options: RateLimitOptions): { clock: ManualClock; limit: RateLimit } {
  const clock = new ManualClock();
  return { clock, limit: new RateLimit({ ...options, clock }) };
}

/** Requests that are admitted, and leave at once, until one is not. */
function burst(limit: RateLimit, name: string): { admitted: number; retryAfter: number } {
  for (let admitted = 0; admitted < 10_000; admitted++) {
    const admission = limit.admit(name);
    if (!admission.isAdmitted) return { admitted, retryAfter: admission.retryAfter };
    admission.release();
  }
  return { admitted: Infinity, retryAfter: 0 };
}

test('nothing is limited by default', () => {
  assert.equal(burst(start({}).limit, 'a').admitted, Infinity);
});

test('RFC 6585 §4 a name may have its burst, and then its rate', () => {
  const { clock, limit } = start({ requestsPerSecond: 10, burst: 5 });
  assert.deepEqual(burst(limit, 'a'), { admitted: 5, retryAfter: 0.1 });
  clock.advance(99);
  assert.equal(burst(limit, 'a').admitted, 0);
  clock.advance(1);
  assert.equal(burst(limit, 'a').admitted, 1);
  clock.advance(60_000);
  assert.equal(burst(limit, 'a').admitted, 5);
});

test('by default the burst is that of a second, and one at least', () => {
  assert.equal(burst(start({ requestsPerSecond: 7 }).limit, 'a').admitted, 7);
  const { limit } = start({ requestsPerSecond: 0.1 });
  const { admitted, retryAfter } = burst(limit, 'a');
  assert.equal(admitted, 1);
  assert.ok(Math.abs(retryAfter - 10) < 1e-9);
});

test('a rate holds over any time, whatever fractions it comes to', () => {
  const { clock, limit } = start({ requestsPerSecond: 3, burst: 1 });
  let admitted = 0;
  for (let index = 0; index < 3_000; index++) {
    admitted += burst(limit, 'a').admitted;
    clock.advance(10);
  }
  assert.ok(admitted >= 88 && admitted <= 91, String(admitted));
});

test('names do not take from each other', () => {
  const { limit } = start({ requestsPerSecond: 1, burst: 2 });
  assert.equal(burst(limit, 'a').admitted, 2);
  assert.equal(burst(limit, 'b').admitted, 2);
});

test('so many are served at a time, and each makes place once', () => {
  const { limit } = start({ connections: 2 });
  const first = limit.admit('a');
  assert.ok(first.isAdmitted);
  assert.ok(limit.admit('a').isAdmitted);
  const third = limit.admit('a');
  assert.ok(!third.isAdmitted);
  assert.equal(third.error.status, 429);
  assert.equal(third.error.code, 'ERR_TUNNEL_RATE_LIMITED');
  assert.equal(third.retryAfter, 1);
  first.release();
  first.release();
  assert.ok(limit.admit('a').isAdmitted);
  assert.ok(!limit.admit('a').isAdmitted);
});

test('what is refused costs nothing of the rate', () => {
  const { clock, limit } = start({ requestsPerSecond: 1, burst: 2, connections: 1 });
  const first = limit.admit('a');
  assert.ok(first.isAdmitted);
  for (let index = 0; index < 100; index++) assert.ok(!limit.admit('a').isAdmitted);
  first.release();
  clock.advance(1_000);
  assert.equal(burst(limit, 'a').admitted, 2);
});

test('so many names are remembered, those in use above all', () => {
  const { limit } = start({ requestsPerSecond: 1, connections: 1, maxNames: 3 });
  const held = limit.admit('held');
  assert.ok(held.isAdmitted);
  for (let index = 0; index < 1_000; index++) {
    burst(limit, `name${index}`);
    assert.ok(limit.size <= 3);
  }
  assert.ok(!limit.admit('held').isAdmitted);
  assert.equal(burst(limit, 'name999').admitted, 0);
  assert.equal(burst(limit, 'name0').admitted, 1);
});

test('a limit that is none is told when it is made', () => {
  const code = 'ERR_TUNNEL_INVALID_ARGUMENT';
  for (const options of [
    { requestsPerSecond: 0 },
    { requestsPerSecond: Number.NaN },
    { burst: 0.5 },
    { connections: -1 },
    { maxNames: 0 },
  ]) {
    assert.throws(
      () => new RateLimit(options),
      { name: 'TypeError', code },
      JSON.stringify(options),
    );
  }
});
