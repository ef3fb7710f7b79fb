import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toFieldRecord } from '#src/handshake/field-record.js';

test('RFC 9110 §5.1 a name has no case: the first spelling stays', () => {
  const record = toFieldRecord([
    ['X-A', '1'],
    ['Other', 'o'],
    ['x-a', '2'],
    ['X-a', '3'],
  ]);
  assert.deepEqual(Object.entries(record), [
    ['X-A', '1, 2, 3'],
    ['Other', 'o'],
  ]);
});

test('RFC 6265 §5.4 cookies are joined with a semicolon, and Set-Cookie is not at all', () => {
  const record = toFieldRecord([
    ['Cookie', 'a=b'],
    ['Set-Cookie', 'c=d'],
    ['cookie', 'e=f'],
    ['set-cookie', 'g=h'],
  ]);
  assert.deepEqual(Object.entries(record), [
    ['Cookie', 'a=b; e=f'],
    ['Set-Cookie', ['c=d', 'g=h']],
  ]);
});

test('names that objects have of themselves are names like any other', () => {
  const record = toFieldRecord([
    ['constructor', 'a'],
    ['__proto__', 'b'],
    ['toString', 'c'],
  ]);
  assert.equal(Object.getPrototypeOf(record), null);
  assert.deepEqual(Object.entries(record), [
    ['constructor', 'a'],
    ['__proto__', 'b'],
    ['toString', 'c'],
  ]);
});
