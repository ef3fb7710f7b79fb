import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TunnelError } from '@framewire/tunnel';
import { canonicalHost, parseAuthority } from '#src/relay/host.js';
import { createRouter } from '#src/relay/routing.js';

const route = createRouter({
  domains: ['tunnel.example', 'Bücher.Example.'],
  hosts: { 'shop.test': 'shop', '*.shop.test': 'sub', '*.deep.shop.test': 'deep', '[::1]': 'six' },
  paths: [
    { prefix: '/app', name: 'app' },
    { prefix: '/app/admin/', name: 'admin', strips: false },
    { prefix: '/t' },
    { prefix: '/raw', strips: false },
  ],
});

function asked(host: string | readonly string[] | undefined, url = '/'): ReturnType<typeof route> {
  const rawHeaders = [host ?? []].flat().flatMap((value) => ['HOST', value]);
  return route({ url, rawHeaders });
}

function nameOf(host: string | undefined, url?: string): string | undefined {
  const result = asked(host, url);
  if (!(result instanceof TunnelError)) return result.name;
  assert.equal(result.code, 'ERR_TUNNEL_NO_ROUTE');
  return undefined;
}

for (const [host, name] of [
  ['demo.tunnel.example', 'demo'],
  ['DEMO.Tunnel.Example', 'demo'],
  ['demo.tunnel.example.', 'demo'],
  ['demo.tunnel.example:8443', 'demo'],
  ['demo.tunnel.example:', 'demo'],
  ['demo.xn--bcher-kva.example', 'demo'],
  ['demo.b\xc3\xbccher.example', 'demo'],
  ['tunnel.example', undefined],
  ['a.b.tunnel.example', undefined],
  ['demo.tunnel.example.evil', undefined],
  ['xtunnel.example', undefined],
  ['shop.test', 'shop'],
  ['a.shop.test', 'sub'],
  ['a.b.shop.test', 'sub'],
  ['a.deep.shop.test', 'deep'],
  ['deep.shop.test', 'sub'],
  ['127.0.0.1', undefined],
  ['[::1]:80', 'six'],
  ['', undefined],
] as const) {
  test(`RFC 9110 §7.2 ${JSON.stringify(host)} is ${name ?? 'nobody'}`, () => {
    assert.equal(nameOf(host), name);
  });
}

for (const host of [
  'a b',
  'a,b',
  'user@demo.tunnel.example',
  'demo.tunnel.example:99999',
  'demo.tunnel.example:8a',
  'demo%2etunnel.example',
  'demo.tunnel.example/x',
  '-x..y',
  '.tunnel.example',
  '[::1',
  '[1.2.3.4]',
  '::1',
  'demo.tunnel.example..',
  'x\0y',
  '\xff\xfe',
  `${'a'.repeat(64)}.tunnel.example`,
]) {
  test(`RFC 9112 §3.2 ${JSON.stringify(host).slice(0, 40)} is no host`, () => {
    const result = asked(host);
    assert.ok(result instanceof TunnelError);
    assert.equal(result.code, 'ERR_TUNNEL_BAD_REQUEST');
  });
}

test('RFC 9112 §3.2 two Host fields are refused, even if they say the same', () => {
  const result = asked(['demo.tunnel.example', 'demo.tunnel.example']);
  assert.ok(result instanceof TunnelError);
  assert.equal(result.status, 400);
});

test('RFC 9113 §8.3.1 :authority is the host, and a Host that differs is refused', () => {
  const authority = [':authority', 'demo.tunnel.example'];
  const one = route({ url: '/', rawHeaders: authority });
  assert.ok(!(one instanceof TunnelError));
  assert.equal(one.name, 'demo');
  const two = route({ url: '/', rawHeaders: [...authority, 'host', 'shop.test'] });
  assert.ok(two instanceof TunnelError);
  assert.equal(two.status, 400);
});

test('RFC 9112 §3.2.2 the host of an absolute-form target stands above the Host field', () => {
  assert.deepEqual(asked('shop.test', 'HTTP://Demo.tunnel.example:80/x?y'), {
    name: 'demo',
    path: '/x?y',
    prefix: '',
    authority: 'Demo.tunnel.example:80',
  });
  assert.deepEqual(asked('shop.test', 'http://demo.tunnel.example?y'), {
    name: 'demo',
    path: '/?y',
    prefix: '',
    authority: 'demo.tunnel.example',
  });
});

for (const url of [
  '',
  'x',
  'demo.tunnel.example:443',
  'ftp://shop.test/',
  'http:///x',
  'http://a@shop.test/',
]) {
  test(`RFC 9112 §3.2 the target ${JSON.stringify(url)} is refused`, () => {
    const result = asked('shop.test', url);
    assert.ok(result instanceof TunnelError);
    assert.equal(result.status, 400);
  });
}

test('RFC 9112 §3.2.4 the asterisk-form is for the host', () => {
  assert.equal(nameOf('shop.test', '*'), 'shop');
  assert.equal(nameOf('nobody.test', '*'), undefined);
});

for (const [url, name, path, prefix] of [
  ['/app', 'app', '/', '/app'],
  ['/app/', 'app', '/', '/app'],
  ['/app/x%2Fy?z', 'app', '/x%2Fy?z', '/app'],
  ['/app?z', 'app', '/?z', '/app'],
  ['/app//x', 'app', '//x', '/app'],
  ['/app/admin/x', 'admin', '/app/admin/x', ''],
  ['/t/demo/x', 'demo', '/x', '/t/demo'],
  ['/t/demo?x', 'demo', '/?x', '/t/demo'],
  ['/t/demo', 'demo', '/', '/t/demo'],
  ['/raw/demo/x', 'demo', '/raw/demo/x', ''],
] as const) {
  test(`by its path, ${url} is ${path} of ${name}`, () => {
    const authority = 'other.test';
    assert.deepEqual(asked(authority, url), { name, path, prefix, authority });
  });
}

for (const url of [
  '/apple',
  '/',
  '/App',
  '/%61pp',
  '/t',
  '/t/',
  '/t/-x',
  '/t/Demo',
  '/t/a.b',
  '/x/app',
]) {
  test(`by its path, ${url} is nobody's`, () => {
    assert.equal(nameOf('other.test', url), undefined);
    assert.equal(nameOf(undefined, url), undefined);
  });
}

test('a prefix of "/" is every path', () => {
  const route = createRouter({
    paths: [
      { prefix: '/', name: 'all' },
      { prefix: '/x', name: 'x' },
    ],
  });
  const of = (url: string) => {
    const result = route({ url, rawHeaders: [] });
    return result instanceof TunnelError ? result.code : `${result.name} ${result.path}`;
  };
  assert.deepEqual([of('/'), of('/y?z'), of('/x/y')], ['all /', 'all /y?z', 'x /y']);
});

test('what is no host, and no prefix, is told when the router is made', () => {
  const code = 'ERR_TUNNEL_INVALID_ARGUMENT';
  assert.throws(() => createRouter({ domains: ['a b'] }), { name: 'TypeError', code });
  assert.throws(() => createRouter({ domains: ['a.example:80'] }), { code });
  assert.throws(() => createRouter({ hosts: { 'a/b': 'x' } }), { code });
  assert.throws(() => createRouter({ paths: [{ prefix: 'x' }] }), { code });
  assert.throws(() => createRouter({ paths: [{ prefix: '/x?' }] }), { code });
});

for (const name of ['', 'Shop', 'a.b', 'a_b', '-a', '*']) {
  test(`no agent can have the name ${JSON.stringify(name)}, which is told`, () => {
    const code = 'ERR_TUNNEL_INVALID_ARGUMENT';
    assert.throws(() => createRouter({ hosts: { 'shop.test': name } }), {
      code,
      message: /^hosts/,
    });
    assert.throws(() => createRouter({ hosts: { '*.shop.test': name } }), { code });
    const paths = [{ prefix: '/x', name }];
    assert.throws(() => createRouter({ paths }), { code, message: /^paths/ });
  });
}

test('names of hosts and paths are those of agents', () => {
  createRouter({ hosts: { 'shop.test': 'a-1' }, paths: [{ prefix: '/x', name: 'x' }] });
});

test('RFC 5891 a name has one spelling', () => {
  assert.equal(canonicalHost('BÜCHER.example.'), 'xn--bcher-kva.example');
  assert.equal(canonicalHost('under_score.example'), 'under_score.example');
  assert.equal(canonicalHost(''), undefined);
  assert.deepEqual(parseAuthority('[2001:DB8::1]:80'), { host: '2001:db8::1', port: 80 });
});
