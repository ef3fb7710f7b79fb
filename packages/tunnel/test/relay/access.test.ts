import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Access, PasswordVerifier, type AccessPolicy } from '#src/relay/access.js';
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
  const hash = parsePasswordHash(SECRET);
  assert.equal(verifier.verify('x', hash), verifier.verify('x', hash));
  assert.equal(await verifier.verify('x', hash), false);
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
  for (let index = 0; index <= 1_000; index++) {
    assert.equal(await verifier.verify(`p${index}`, hashOf(`p${index}`)), true);
  }
  assert.ok(verifier.verify('p0', hashOf('p0')) instanceof Promise);
  assert.equal(verifier.verify('p1000', hashOf('p1000')), true);
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
