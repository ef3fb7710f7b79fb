import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from 'framewire/testing';
import { Access, requirePolicyName, type AccessPolicy } from '#src/relay/access.js';
import { PasswordVerifier } from '#src/relay/password-verifier.js';
import { hashPassword, parsePasswordHash } from '#src/relay/password.js';
import { hashToken } from '#src/relay/tokens.js';

/** Cheap, as there are many of them. */
const QUICK = 'scrypt:2:1:1:AAAAAAAAAAA:';

const SECRET = await hashPassword('s€cret:1');

function basic(pair: string): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

async function check(policy: AccessPolicy, authorization?: string, address = '192.0.2.1') {
  return new Access(policy).check({ address, authorization });
}

async function refusal(policy: AccessPolicy, authorization?: string, address?: string) {
  const result = await check(policy, authorization, address);
  assert.ok(!result.isAllowed);
  return [result.error.status, ...result.fields];
}

test('an open name is for anybody, and Authorization is the target’s', async () => {
  assert.deepEqual(await check({}, basic('a:b')), {
    isAllowed: true,
    user: undefined,
    usedAuthorization: false,
  });
});

test('RFC 7617 §2 a password lets in, in UTF-8 and with colons, and is not passed on', async () => {
  const policy = { basic: { ann: SECRET } };
  assert.deepEqual(await check(policy, basic('ann:s€cret:1')), {
    isAllowed: true,
    user: 'ann',
    usedAuthorization: true,
  });
});

for (const [what, authorization] of [
  ['nothing', undefined],
  ['another password', basic('ann:secret')],
  ['another user', basic('bob:s€cret:1')],
  ['a user of every object', basic('constructor:x')],
  ['no colon', basic('ann')],
  ['no base64', 'Basic %%%'],
  ['another scheme', 'Digest x'],
  ['a scheme alone', 'Basic'],
  ['a very long one', basic(`ann:${'x'.repeat(5_000)}`)],
] as const) {
  test(`RFC 9110 §15.5.2 with ${what} the caller is asked for a password`, async () => {
    assert.deepEqual(await refusal({ basic: { ann: SECRET }, realm: 'My demo' }, authorization), [
      401,
      'WWW-Authenticate',
      'Basic realm="My demo", charset="UTF-8"',
    ]);
  });
}

test('RFC 6750 §2.1 a token lets in, in any case of the scheme', async () => {
  const policy = { bearer: [hashToken('t0ken').toUpperCase(), hashToken('other')] };
  for (const authorization of ['Bearer t0ken', 'bEARER  other ']) {
    const result = await check(policy, authorization);
    assert.ok(result.isAllowed && result.usedAuthorization);
  }
  assert.deepEqual(await refusal(policy, 'Bearer wrong'), [
    401,
    'WWW-Authenticate',
    'Bearer realm="tunnel", error="invalid_token"',
  ]);
});

test('RFC 9110 §11.6.1 where either will do, both are offered', async () => {
  const policy = { basic: { ann: SECRET }, bearer: [hashToken('t')] };
  assert.deepEqual(await refusal(policy), [
    401,
    ...['WWW-Authenticate', 'Basic realm="tunnel", charset="UTF-8"'],
    ...['WWW-Authenticate', 'Bearer realm="tunnel"'],
  ]);
  assert.ok((await check(policy, 'Bearer t')).isAllowed);
  assert.ok((await check(policy, basic('ann:s€cret:1'))).isAllowed);
});

for (const [what, policy, yes, no] of [
  ['an address', { allow: ['192.0.2.1'] }, ['192.0.2.1', '::ffff:192.0.2.1'], ['192.0.2.2', '::1']],
  ['a range', { allow: ['10.0.0.0/8'] }, ['10.255.0.1', '::FFFF:10.1.2.3'], ['11.0.0.1', '']],
  [
    'a range of IPv6',
    { allow: ['2001:db8::/33'] },
    ['2001:db8:7fff::1'],
    ['2001:db8:8000::', '1.2.3.4'],
  ],
  ['all of IPv4', { allow: ['0.0.0.0/0'] }, ['1.2.3.4', '::ffff:1.2.3.4'], ['::1', '2001::1']],
  [
    'what is denied',
    { deny: ['10.1.0.0/16'] },
    ['10.2.0.1', '::1'],
    ['10.1.2.3', '::ffff:10.1.2.3'],
  ],
  [
    'what is denied above all',
    { allow: ['10.0.0.0/8'], deny: ['10.0.0.1'] },
    ['10.0.0.2'],
    ['10.0.0.1', '9.9.9.9'],
  ],
  ['nobody', { allow: [] }, [], ['1.2.3.4']],
  ['a link', { allow: ['fe80::/10'] }, ['fe80::1%eth0'], ['ff80::1']],
] as const) {
  test(`RFC 4632 ${what} decides about addresses`, async () => {
    for (const address of yes) {
      assert.ok((await check(policy, undefined, address)).isAllowed, address);
    }
    for (const address of no) {
      assert.deepEqual(await refusal(policy, undefined, address), [403], address);
    }
  });
}

test('where there is no address, a list of them lets nobody in', async () => {
  for (const policy of [{ allow: ['0.0.0.0/0', '::/0'] }, { deny: ['10.0.0.1'] }]) {
    const result = await new Access(policy).check({ address: undefined, authorization: undefined });
    assert.equal(result.isAllowed, false);
  }
});

test('an address that is not allowed is not even asked for a password', async () => {
  assert.deepEqual(await refusal({ deny: ['192.0.2.1'], basic: { ann: SECRET } }), [403]);
});

test('a password is verified once, and then known at once', async () => {
  const access = new Access({ basic: { ann: SECRET } });
  const request = { address: undefined, authorization: basic('ann:s€cret:1') };
  const first = access.check(request);
  assert.ok(first instanceof Promise);
  assert.ok((await first).isAllowed);
  const second = access.check(request);
  assert.ok(!(second instanceof Promise));
  assert.ok(second.isAllowed);
  // What is known is this password of this entry, and no other.
  const wrong = access.check({ address: undefined, authorization: basic('ann:s€cret:2') });
  assert.ok(wrong instanceof Promise);
  assert.equal((await wrong).isAllowed, false);
});

test('the same password that comes several times at once is verified once', async () => {
  const verifier = new PasswordVerifier();
  const asked = { user: 'ann', password: 'x', hash: parsePasswordHash(SECRET), address: '::1' };
  // Were each verified, most of them would find no place.
  const verdicts = Array.from({ length: 100 }, async () => verifier.verify(asked));
  assert.deepEqual([...new Set(await Promise.all(verdicts))], ['wrong']);
});

test('whoever guesses many passwords at once is told to come again', async () => {
  const access = new Access({ basic: { ann: SECRET } });
  const results = await Promise.all(
    Array.from({ length: 80 }, async (_, index) =>
      access.check({ address: undefined, authorization: basic(`ann:${index}`) }),
    ),
  );
  const statuses = results.map((result) => (result.isAllowed ? 200 : result.error.status));
  assert.equal(statuses.filter((status) => status === 503).length, 80 - 64 - 2);
  assert.equal(statuses.filter((status) => status === 401).length, 64 + 2);
  // And that passes.
  const after = await access.check({ address: undefined, authorization: basic('ann:s€cret:1') });
  assert.ok(after.isAllowed);
});

test('no more than a thousand passwords are known at a time', async () => {
  const { scryptSync } = await import('node:crypto');
  const verifier = new PasswordVerifier();
  const salt = Buffer.alloc(8);
  const hashOf = (password: string) => {
    const key = scryptSync(password, salt, 16, { N: 2, r: 1, p: 1 });
    return parsePasswordHash(QUICK + key.toString('base64url'));
  };
  const verify = (password: string) =>
    verifier.verify({ user: 'ann', password, hash: hashOf(password), address: undefined });
  for (let index = 0; index <= 1_000; index++) {
    assert.equal(await verify(`p${index}`), 'right');
  }
  assert.ok(verify('p0') instanceof Promise);
  assert.equal(verify('p1000'), 'right');
});

/** A guess at the password of ann, from an address. */
function guess(access: Access, password: string, address: string | undefined) {
  return access.check({ address, authorization: basic(`ann:${password}`) });
}

async function statusOf(result: ReturnType<Access['check']>): Promise<number> {
  const decided = await result;
  return decided.isAllowed ? 200 : decided.error.status;
}

test('whoever guesses many passwords at once keeps nobody else out', async () => {
  const access = new Access({ basic: { ann: SECRET } });
  const guesses = Array.from({ length: 80 }, (_, index) =>
    // One network, whatever the address.
    guess(access, `${index}`, `2001:db8:0:1::${index.toString(16)}`),
  );
  const other = guess(access, 's€cret:1', '2001:db8:0:2::1');
  const statuses = await Promise.all(guesses.map(statusOf));
  // Two are verified, and two wait.
  assert.equal(statuses.filter((status) => status === 401).length, 4);
  assert.equal(statuses.filter((status) => status === 503).length, 76);
  assert.equal(await statusOf(other), 200);
  // And the places are there again.
  const later = [81, 82, 83, 84].map((index) => guess(access, `${index}`, '2001:db8:0:1::1'));
  assert.deepEqual(await Promise.all(later.map(statusOf)), [401, 401, 401, 401]);
});

test('RFC 6585 §4 after ten wrong passwords an address waits, and nothing is computed', async () => {
  const clock = new ManualClock();
  const access = new Access({ basic: { ann: SECRET } }, new PasswordVerifier(clock));
  for (let index = 0; index < 10; index++) {
    assert.equal(await statusOf(guess(access, `${index}`, '192.0.2.1')), 401);
  }
  clock.advance(1_000);
  const eleventh = guess(access, 's€cret:1', '192.0.2.1');
  assert.ok(!(eleventh instanceof Promise) && !eleventh.isAllowed);
  assert.equal(eleventh.error.code, 'ERR_TUNNEL_RATE_LIMITED');
  assert.deepEqual(eleventh.fields, ['Retry-After', '59']);
  assert.equal(await statusOf(guess(access, 's€cret:1', '192.0.2.2')), 200);
  // That it is right somewhere else does not help to find it.
  assert.equal(await statusOf(guess(access, 's€cret:1', '192.0.2.1')), 429);
  clock.advance(59_000);
  assert.equal(await statusOf(guess(access, 's€cret:1', '192.0.2.1')), 200);
});

test('who was let in from an address stays in while somebody else guesses there', async () => {
  const verifier = new PasswordVerifier(new ManualClock());
  const access = new Access({ basic: { ann: SECRET } }, verifier);
  assert.equal(await statusOf(guess(access, 's€cret:1', '192.0.2.1')), 200);
  for (let index = 0; index < 10; index++) await guess(access, `${index}`, '192.0.2.1');
  assert.equal(await statusOf(guess(access, 'x', '192.0.2.1')), 429);
  assert.equal(await statusOf(guess(access, 's€cret:1', '192.0.2.1')), 200);
});

test('a browser that shows the same wrong password again is no guesser, and costs nothing', async () => {
  const access = new Access({ basic: { ann: SECRET } }, new PasswordVerifier(new ManualClock()));
  assert.equal(await statusOf(guess(access, 'old', '192.0.2.1')), 401);
  for (let index = 0; index < 20; index++) {
    const again = guess(access, 'old', '192.0.2.1');
    assert.ok(!(again instanceof Promise));
    assert.equal(await statusOf(again), 401);
  }
  assert.equal(await statusOf(guess(access, 's€cret:1', '192.0.2.1')), 200);
});

test('where there is no address, nobody has to wait for the guesses of others', async () => {
  const access = new Access({ basic: { ann: SECRET } }, new PasswordVerifier(new ManualClock()));
  for (let index = 0; index < 12; index++) {
    assert.equal(await statusOf(guess(access, `${index}`, undefined)), 401);
  }
});

for (const address of ['unknown', '_hidden', 'localhost', '10.0.0.1:x', '1.2.3']) {
  test(`${address} is no address, and on no list that would let it in`, async () => {
    assert.deepEqual(await refusal({ deny: ['192.0.2.1'] }, undefined, address), [403]);
    assert.deepEqual(await refusal({ allow: ['0.0.0.0/0', '::/0'] }, undefined, address), [403]);
  });
}

test('RFC 3986 §3.2 a port, and brackets, do not take an address off a list', async () => {
  const policy = { deny: ['203.0.113.9', '2001:db8::/32'] };
  for (const address of ['203.0.113.9:5511', '[2001:db8::1]:80', '[2001:db8::1]']) {
    assert.deepEqual(await refusal(policy, undefined, address), [403], address);
  }
  assert.ok((await check({ allow: ['203.0.113.9'] }, undefined, '203.0.113.9:1')).isAllowed);
});

test('a policy is for a name that an agent can have, or for all others', () => {
  for (const name of ['*', 'demo', 'demo-1']) assert.equal(requirePolicyName(name), name);
  for (const name of ['', 'Demo', 'a.b', 'a_b', 'demo-*']) {
    assert.throws(() => requirePolicyName(name), {
      name: 'TypeError',
      code: 'ERR_TUNNEL_INVALID_ARGUMENT',
      message: /^access/,
    });
  }
});

test('what is wrong in a policy is told when it is made, without a word of the secret', () => {
  const code = 'ERR_TUNNEL_INVALID_ARGUMENT';
  for (const policy of [
    { allow: ['10.0.0.0/33'] },
    { allow: ['10.0.0.0/'] },
    { allow: ['10.0.0.0/8/8'] },
    { allow: ['10.0.0'] },
    { deny: ['localhost'] },
    { deny: ['::/129'] },
    { deny: ['::ffff:10.0.0.0/104'] },
    { deny: ['fe80::1%eth0'] },
    { basic: { ann: 'hunter2' } },
    { basic: { ann: 'scrypt:3:1:1:AAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAA' } },
    { basic: { ann: 'scrypt:8388608:8:1:AAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAA' } },
    { basic: { ann: 'scrypt:65536:1:1:AAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAA' } },
    { basic: { 'a:b': SECRET } },
    { bearer: ['hunter2'] },
    { realm: 'a"b' },
  ]) {
    assert.throws(
      () => new Access(policy),
      (error) => {
        assert.ok(error instanceof TypeError && 'code' in error);
        assert.equal(error.code, code);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      },
      JSON.stringify(policy),
    );
  }
});
