import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { hashPassword, parsePasswordHash, verifyPassword } from '#src/relay/password.js';

const REST = ':AAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAA';

test('RFC 7914 a password is right for its own hash only', async () => {
  const hash = parsePasswordHash(await hashPassword('s€cret'));
  assert.equal(await verifyPassword('s€cret', hash), true);
  assert.equal(await verifyPassword('secret', hash), false);
});

for (const cost of ['65536:1:1', '131072:1:1', '1:1:1', '3:1:1', '2:0:1', '2:1:0', '2:1:17']) {
  test(`RFC 7914 §2 the cost ${cost} is none`, () => {
    assert.throws(() => parsePasswordHash(`scrypt:${cost}${REST}`), {
      code: 'ERR_TUNNEL_INVALID_ARGUMENT',
    });
  });
}

// The most that each of the numbers may be: what passes must be what Node can do.
for (const cost of ['32768:1:1', '65536:2:1', '2:999:16', '2048:999:1', '262144:8:1']) {
  test(`RFC 7914 §2 the cost ${cost} is one that is verified`, async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    assert.equal(await verifyPassword('x', parsePasswordHash(`scrypt:${cost}${REST}`)), false);
    process.off('warning', note);
    assert.deepEqual(warnings, []);
  });
}

for (const N of [65_536, 2 ** 30]) {
  test(`a hash with N ${N} that cannot be computed is a warning, and no password is right`, async () => {
    const warned = once(process, 'warning');
    const [salt, key] = [Buffer.alloc(8), Buffer.alloc(16)];
    assert.equal(await verifyPassword('x', { N, r: N === 65_536 ? 1 : 8, p: 1, salt, key }), false);
    const [warning] = (await warned) as [Error];
    assert.ok(warning instanceof Error);
  });
}
