import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countOf, formatCount, formatOctets, formatTime } from '#src/bench/figures.js';

test('counts have separators', () => {
  assert.equal(formatCount(1_234_567.4), '1,234,567');
  assert.equal(countOf(1, 'message'), '1 message');
  assert.equal(countOf(2000, 'message'), '2,000 messages');
});

test('octets have units of powers of 1000 and three digits', () => {
  assert.equal(formatOctets(0), '0 B');
  assert.equal(formatOctets(999), '999 B');
  assert.equal(formatOctets(1000), '1.00 kB');
  assert.equal(formatOctets(12_345_678), '12.3 MB');
  assert.equal(formatOctets(999_600), '1.00 MB');
  assert.equal(formatOctets(5e15), '5000 TB');
});

test('times have three digits, and microseconds where they are short', () => {
  assert.equal(formatTime(0.0421), '0.042 ms');
  assert.equal(formatTime(1.254), '1.25 ms');
  assert.equal(formatTime(99.96), '100 ms');
  assert.equal(formatTime(2106.4), '2106 ms');
  assert.equal(formatTime(12_345), '12.3 s');
});
