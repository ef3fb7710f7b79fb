import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asBuffer, decodeText, writeText } from '#src/native/text.js';
import { readBuffer } from '#src/native/masking.js';

const SCRIPTS = ['a', 'é', '中', '🙂', '\u0000', '\u{FEFF}', 'a中', '\ud7ff', '\u{10ffff}'];

test('§5.6 text of any script and length is what it was, wherever its octets lie', () => {
  for (const script of SCRIPTS) {
    for (const count of [0, 1, 2, 20, 21, 31, 32, 63, 64, 65, 85, 86, 127, 128, 256, 300, 5000]) {
      const text = script.repeat(count);
      const octets = new TextEncoder().encode(`<${text}>`);
      const inner = octets.length - 1;
      assert.equal(decodeText(octets, 1, inner), text);
      assert.equal(decodeText(Buffer.from(octets), 1, inner), text);
      readBuffer.set(octets, 3);
      assert.equal(decodeText(readBuffer.subarray(3, 3 + octets.length), 1, inner), text);
    }
  }
});

test('RFC 3629 §3 every code point in a short text is what it was', () => {
  for (let code = 0; code <= 0x10ffff; code += code < 0x900 ? 1 : 7) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const text = `${String.fromCodePoint(code)}é`;
    const octets = new TextEncoder().encode(text);
    if (decodeText(octets, 0, octets.length) !== text) assert.fail(`U+${code.toString(16)}`);
  }
});

test('text is encoded where it is wanted, into one memory or another', () => {
  const targets = [new Uint8Array(100), Buffer.alloc(100), new Uint8Array(200).subarray(50, 150)];
  for (const target of [...targets, ...targets]) {
    // Halves of a surrogate pair are no text, and become what they become everywhere.
    for (const script of [...SCRIPTS, '\ud83d', '\ude42', '\ude42\ud83d', '\ud83da']) {
      for (const text of [script, `${script}!`, `!${script}`, script.repeat(20)]) {
        const octets = new TextEncoder().encode(text);
        if (octets.length > 90) continue;
        assert.equal(writeText(text, target, 7), octets.length);
        assert.deepEqual(Uint8Array.from(target.subarray(7, 7 + octets.length)), octets);
      }
    }
  }
});

test('asBuffer shares the memory of any octets', () => {
  const octets = new Uint8Array(8).subarray(2, 6);
  const buffer = asBuffer(octets);
  assert.ok(Buffer.isBuffer(buffer));
  assert.equal(buffer.byteOffset, octets.byteOffset);
  assert.equal(buffer.length, 4);
  assert.equal(asBuffer(buffer), buffer);
});
