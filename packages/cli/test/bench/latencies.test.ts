import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Latencies } from '#src/bench/latencies.js';

/** Buckets are exact to three digits. */
function isNear(actual: number | undefined, expected: number): void {
  const distance = Math.abs((actual ?? NaN) - expected);
  assert.ok(distance <= expected / 1000, `${actual} is not ${expected}`);
}

test('percentiles, mean and bounds of what was recorded', () => {
  const latencies = new Latencies();
  for (let time = 1; time <= 1000; time++) latencies.record(time);
  const summary = latencies.summary();
  assert.equal(summary?.count, 1000);
  isNear(summary.p50, 500);
  isNear(summary.p90, 900);
  isNear(summary.p99, 990);
  isNear(summary.p99_9, 999);
  isNear(summary.max, 1000);
  isNear(summary.min, 1);
  isNear(summary.mean, 500.5);
  isNear(latencies.percentile(25), 250);
});

test('the distribution rises to the maximum', () => {
  const latencies = new Latencies();
  for (const time of [0.05, 0.2, 3, 3, 40]) latencies.record(time);
  const { percentiles = [], max } = latencies.summary() ?? {};
  const times = percentiles.map(({ milliseconds }) => milliseconds);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  assert.deepEqual(percentiles.at(-1), { percentile: 100, milliseconds: max });
});

test('nothing recorded is no summary, not one of zeros', () => {
  const latencies = new Latencies();
  assert.equal(latencies.summary(), undefined);
  assert.equal(latencies.percentile(50), undefined);
  latencies.recordEvenly(0, 1, 2);
  assert.equal(latencies.summary(), undefined);
});

test('no time at all and more than a day are counted all the same', () => {
  const latencies = new Latencies();
  latencies.record(0);
  latencies.record(1e12);
  const { count, min, max = 0 } = latencies.summary() ?? {};
  assert.deepEqual([count, min], [2, 0]);
  isNear(max, 86_400_000);
});

for (const count of [101, 2_500_000]) {
  test(`${count} times spread evenly`, () => {
    const latencies = new Latencies();
    latencies.recordEvenly(count, 0, 1000);
    isNear(latencies.count, count);
    isNear(latencies.percentile(50), 500);
    isNear(latencies.percentile(99), 990);
    isNear(latencies.percentile(100), 1000);
  });
}

test('one time spread evenly is that time', () => {
  const latencies = new Latencies();
  latencies.recordEvenly(1, 7, 7);
  isNear(latencies.percentile(100), 7);
});
