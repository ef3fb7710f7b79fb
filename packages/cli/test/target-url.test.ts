import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeUrl } from '#src/target-url.js';

const CASES: readonly (readonly [string, string])[] = [
  ['localhost:8080', 'ws://localhost:8080'],
  ['example.com/feed?x=1', 'ws://example.com/feed?x=1'],
  ['//example.com', 'ws://example.com'],
  [':8080', 'ws://127.0.0.1:8080'],
  [':8080/path', 'ws://127.0.0.1:8080/path'],
  [':8080?x', 'ws://127.0.0.1:8080?x'],
  ['8080', 'ws://127.0.0.1:8080'],
  ['8080/path', 'ws://127.0.0.1:8080/path'],
  ['127.0.0.1:8080', 'ws://127.0.0.1:8080'],
  ['[::1]:8080/', 'ws://[::1]:8080/'],
  ['wss://example.com', 'wss://example.com'],
  ['https://example.com', 'https://example.com'],
  ['ws+unix:/run/x.sock:/chat', 'ws+unix:/run/x.sock:/chat'],
];

for (const [text, url] of CASES) {
  test(`${text} is ${url}`, () => {
    assert.equal(completeUrl(text), url);
  });
}
