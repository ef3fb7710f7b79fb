import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createToken, hashToken, mayClaim, TokenRegistry } from '#src/relay/tokens.js';

function named(...names: string[]) {
  return { id: 'a', hash: hashToken('a'), names };
}

test('a token is 256 random bits, and its hash is SHA-256', () => {
  const token = createToken();
  assert.match(token, /^fwt_[\w-]{43}$/);
  assert.notEqual(token, createToken());
  assert.equal(
    hashToken('abc'),
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
});

test('several tokens are good at a time, also of one agent', () => {
  const [old, young] = [createToken(), createToken()];
  const registry = new TokenRegistry([
    { id: 'alice', hash: hashToken(old), names: ['demo'] },
    { id: 'alice', hash: hashToken(young).toUpperCase(), names: ['demo'] },
  ]);
  assert.equal(registry.find(old)?.id, 'alice');
  assert.equal(registry.find(young)?.id, 'alice');
  for (const wrong of ['', createToken(), hashToken(old)]) {
    assert.equal(registry.find(wrong), undefined);
  }
});

test('a token is worth nothing from its expiry on', () => {
  let now = 999;
  const token = { ...named('demo'), expires: 1_000 };
  const registry = new TokenRegistry([token], () => now);
  assert.equal(registry.find('a'), token);
  assert.equal(registry.isExpired(token), false);
  now = 1_000;
  assert.equal(registry.find('a'), undefined);
  assert.equal(registry.isExpired(token), true);
});

for (const [pattern, yes, no] of [
  ['demo', ['demo'], ['demo2', 'dem', '', 'Demo']],
  ['demo-*', ['demo-1', 'demo-a-b'], ['demo-', 'demo', 'demo-a.b', 'xdemo-1']],
  ['*-alice', ['x-alice', 'x-y-alice'], ['alice', '-alice', 'x.y-alice', 'x-alices']],
  ['*', ['x', 'x-y'], ['', 'x.y', 'x_y', 'X']],
] as const) {
  test(`${pattern} is ${yes.join(' and ')}, and nothing else`, () => {
    for (const name of yes) assert.equal(mayClaim(named(pattern), name), true, name);
    for (const name of no) assert.equal(mayClaim(named(pattern), name), false, name);
  });
}

test('one of several patterns is enough, and none is for nobody', () => {
  assert.equal(mayClaim(named('a', 'b-*'), 'b-1'), true);
  assert.equal(mayClaim(named(), 'a'), false);
});

test('what is no hash, and no pattern, is told when the registry is made', () => {
  const code = 'ERR_TUNNEL_INVALID_ARGUMENT';
  assert.throws(() => new TokenRegistry([{ id: 'a', hash: 'abc', names: [] }]), { code });
  const long = 'a'.repeat(63);
  const none = ['', 'a*b', '**', '*a*', 'A', 'a b', '.*'.repeat(2)];
  // No name is like these, so that they would allow nothing.
  const vain = ['a_b', 'a_*', '*.alice', 'a.b', '-a', 'a-', '-*', '*-', `${long}*`, `${long}a`];
  for (const pattern of [...none, ...vain]) {
    assert.throws(() => new TokenRegistry([named(pattern)]), { code }, pattern);
  }
});
