import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sanitize, sanitizeLine } from '#src/sanitize.js';

test('escape sequences of a peer are shown, not obeyed', () => {
  assert.equal(sanitize('\u001b[31mred\u0007\r'), String.raw`\x1b[31mred\x07\r`);
  assert.equal(sanitize('\u009b2J \u007f'), String.raw`\x9b2J \x7f`);
});

test('line feeds and tabs stay in text, and are shown in what must be one line', () => {
  assert.equal(sanitize('a\n\tb'), 'a\n\tb');
  assert.equal(sanitizeLine('a\n\tb'), String.raw`a\n\tb`);
});

test('bidirectional overrides cannot turn text around', () => {
  assert.equal(sanitize('\u202egnp.exe\u2066'), String.raw`\u{202e}gnp.exe\u{2066}`);
});

test('letters of every script, emoji and joiners stay as they are', () => {
  const text = 'Grüße, 你好, שלום, 👩‍👩‍👧 naïve';
  assert.equal(sanitize(text), text);
});

test('nothing that drives a terminal is left, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(sanitizeLine(text), /\p{Cc}|[\u2028-\u202e\u2066-\u2069]/u);
      assert.doesNotMatch(sanitize(text).replaceAll(/[\n\t]/gu, ''), /\p{Cc}/u);
    }),
  );
});
