import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileRules, isAllowedUpgrade } from '#src/agent/target-rules.js';

for (const target of [
  '/a;x=1',
  '/a#/../b',
  '/a;/../admin',
  '/a%3bx',
  '/%2561dmin',
  '/a%25',
  '/a%2fb',
  '/a%5Cb',
  '/a\\b',
  '/a/../admin',
  '/%2e%2e/admin',
  '/a%00',
  '/a%3f',
  '/a%zz',
  '/caf\xc3\xa9',
  '*',
  'http://x/a',
]) {
  test(`RFC 3986 §6 what servers read in different ways is refused: ${JSON.stringify(target)}`, () => {
    assert.equal(compileRules({ allow: [{ path: '/*' }] })('GET', target), false);
    assert.equal(compileRules({ deny: [{ path: '/admin' }] })('GET', target), false);
    // Where no rule has a path, it does not matter how it is read.
    assert.equal(compileRules({})('GET', target), true);
    assert.equal(compileRules({ allow: [{ methods: ['get'], path: '*' }] })('GET', target), true);
  });
}

test('a query is not looked at', () => {
  assert.equal(compileRules({ allow: [{ path: '/a' }] })('GET', '/a?x=%25;/../%2f'), true);
});

for (const [path, yes, no] of [
  [
    '/admin',
    ['/admin', '/admin/', '/admin//', '/ADMIN', '/%41dmin/', '//admin', '/admin?x'],
    ['/admins', '/admin/x', '/x/admin'],
  ],
  ['/Admin/', ['/admin', '/admin/', '/ADMIN/'], ['/admin/x', '/admins']],
  ['/admin*', ['/admin', '/admin/', '/Admin/x', '/admins'], ['/adm', '/x/admin']],
  ['/admin/*', ['/admin', '/admin/', '/ADMIN/X'], ['/admins', '/x']],
  ['/', ['/', '//'], ['/x']],
] as const) {
  test(`to deny ${path} is to deny ${yes.join(' and ')}, and nothing else`, () => {
    const isAllowed = compileRules({ deny: [{ path }] });
    for (const target of yes) assert.equal(isAllowed('GET', target), false, target);
    for (const target of no) assert.equal(isAllowed('GET', target), true, target);
  });
}

for (const [path, yes, no] of [
  ['/app', ['/app', '/%61pp', '//app'], ['/app/', '/App', '/apps']],
  ['/app/*', ['/app/', '/app/x'], ['/app', '/APP/x']],
] as const) {
  test(`to allow ${path} is to allow ${yes.join(' and ')}, and nothing else`, () => {
    const isAllowed = compileRules({ allow: [{ path }] });
    for (const target of yes) assert.equal(isAllowed('GET', target), true, target);
    for (const target of no) assert.equal(isAllowed('GET', target), false, target);
  });
}

test('methods and paths of a rule have to fit both, and what is denied stands above', () => {
  const isAllowed = compileRules({
    allow: [{ methods: ['get'], path: '/a*' }],
    deny: [{ methods: ['GET'], path: '/a/b' }],
  });
  assert.equal(isAllowed('GET', '/a'), true);
  assert.equal(isAllowed('POST', '/a'), false);
  assert.equal(isAllowed('GET', '/a/b'), false);
});

for (const path of ['', 'a', '/a*b', '/**']) {
  test(`no path of a rule: ${JSON.stringify(path)}`, () => {
    assert.throws(() => compileRules({ allow: [{ path }] }), {
      code: 'ERR_TUNNEL_INVALID_ARGUMENT',
    });
  });
}

test('RFC 9110 §7.8 with rules only an upgrade to a WebSocket may pass', () => {
  const isAllowed = (method: string, ...rawHeaders: string[]): boolean =>
    isAllowedUpgrade({ method, rawHeaders });
  assert.equal(isAllowed('GET', 'Host', 'a', 'UPGRADE', ' WebSocket '), true);
  for (const [method, ...fields] of [
    ['POST', 'Upgrade', 'websocket'],
    ['GET', 'Upgrade', 'h2c'],
    ['GET', 'Upgrade', 'websocket, h2c'],
    ['GET', 'Upgrade', 'websocket', 'Upgrade', 'h2c'],
    ['GET', 'Upgrade', ''],
    ['GET'],
  ] as const) {
    assert.equal(isAllowed(method, ...fields), false, `${method} ${fields.join(' ')}`);
  }
});
