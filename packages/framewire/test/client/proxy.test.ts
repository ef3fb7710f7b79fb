import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  resolveProxy,
  type Proxy as ResolvedProxy,
  type ProxyChoice,
  type ProxyOptions,
} from '#src/client/proxy.js';
import type { Environment, ProxiedDestination } from '#src/client/proxy-environment.js';

const DESTINATION: ProxiedDestination = { isSecure: true, hostname: 'target.example', port: 443 };

const PLAIN: ResolvedProxy = {
  kind: 'http',
  hostname: 'proxy.example',
  port: 80,
  credentials: undefined,
  headers: [],
  tls: {},
  url: 'http://proxy.example:80',
};

function resolve(choice: ProxyChoice, environment: Environment = {}): ResolvedProxy | undefined {
  return resolveProxy(choice, DESTINATION, environment);
}

test('no proxy, unless there is one', () => {
  const environment = { all_proxy: 'http://proxy.example' };
  assert.equal(resolve(undefined, environment), undefined);
  assert.equal(resolve(false, environment), undefined);
  assert.equal(resolve('environment', {}), undefined);
});

test('the environment is read for the destination, and only when it is asked for', () => {
  const environment = { https_proxy: 'proxy.example', http_proxy: 'other.example' };
  assert.deepEqual(resolve('environment', environment), PLAIN);
  const excepting = { ...environment, no_proxy: 'target.example' };
  assert.equal(resolve('environment', excepting), undefined);
});

const SOCKS: Partial<ResolvedProxy> = {
  kind: 'socks5',
  port: 1080,
  url: 'socks5://proxy.example:1080',
};
const USER = { username: 'user', password: 'secret' };

const GOOD: readonly (readonly [string, Partial<ResolvedProxy>])[] = [
  ['http://proxy.example', {}],
  ['http://proxy.example/', {}],
  ['http://proxy.example:80', {}],
  ['HTTP://PROXY.example', {}],
  [' http://proxy.example\n', {}],
  ['http://proxy.example:3128', { port: 3128, url: 'http://proxy.example:3128' }],
  ['proxy.example', {}],
  ['proxy.example:3128', { port: 3128, url: 'http://proxy.example:3128' }],
  ['user:secret@proxy.example', { credentials: USER }],
  ['https://proxy.example', { kind: 'https', port: 443, url: 'https://proxy.example:443' }],
  ['https://proxy.example:80', { kind: 'https', url: 'https://proxy.example:80' }],
  ['socks5://proxy.example', SOCKS],
  ['socks5h://proxy.example', SOCKS],
  ['socks://proxy.example', SOCKS],
  ['socks5://PROXY.example/', SOCKS],
  ['socks5://proxy.example:80', { ...SOCKS, port: 80, url: 'socks5://proxy.example:80' }],
  ['socks5://user:secret@proxy.example', { ...SOCKS, credentials: USER }],
  ['socks5://user@proxy.example', { ...SOCKS, credentials: { username: 'user', password: '' } }],
  ['socks5://us:er@proxy.example', { ...SOCKS, credentials: { username: 'us', password: 'er' } }],
  [
    'socks5://[2001:DB8:0::1]:9050',
    { ...SOCKS, hostname: '2001:db8::1', port: 9050, url: 'socks5://[2001:db8::1]:9050' },
  ],
  ['http://[::1]:8080', { hostname: '::1', port: 8080, url: 'http://[::1]:8080' }],
  ['socks5://127.1', { ...SOCKS, hostname: '127.0.0.1', url: 'socks5://127.0.0.1:1080' }],
  [
    'http://bücher.example',
    { hostname: 'xn--bcher-kva.example', url: 'http://xn--bcher-kva.example:80' },
  ],
  [
    'socks5://bücher.example',
    { ...SOCKS, hostname: 'xn--bcher-kva.example', url: 'socks5://xn--bcher-kva.example:1080' },
  ],
  [
    'http://us%C3%A9r:p%40s%3As@proxy.example',
    { credentials: { username: 'usér', password: 'p@s:s' } },
  ],
  ['http://:secret@proxy.example', { credentials: { username: '', password: 'secret' } }],
];

for (const [url, expected] of GOOD) {
  test(`a proxy: ${JSON.stringify(url)}`, () => {
    assert.deepEqual(resolve(url), { ...PLAIN, ...expected });
    assert.deepEqual(resolve({ url }), { ...PLAIN, ...expected });
    if (URL.canParse(url) && url.includes('://')) {
      assert.deepEqual(resolve(new URL(url)), { ...PLAIN, ...expected });
    }
  });
}

test('a URL that is given is not changed', () => {
  const url = new URL('http://user:secret@proxy.example:3128/');
  resolve(url);
  assert.equal(url.href, 'http://user:secret@proxy.example:3128/');
});

test('headers and TLS options are those of the choice', () => {
  const tls = { servername: 'other.example' };
  const proxy = resolve({ url: 'https://user:secret@proxy.example', headers: { 'X-A': 'b' }, tls });
  assert.deepEqual(proxy?.headers, [['X-A', 'b']]);
  assert.equal(proxy.tls, tls);
  assert.deepEqual(proxy.credentials, USER);
});

test('RFC 9110 §11.7.2 a Proxy-Authorization takes the place of the user information', () => {
  const headers = { 'proxy-authorization': 'Bearer x' };
  const proxy = resolve({ url: 'http://user:secret@proxy.example', headers });
  assert.equal(proxy?.credentials, undefined);
  assert.deepEqual(proxy?.headers, [['proxy-authorization', 'Bearer x']]);
});

const HTTP_URL = 'http://proxy.example';
const LONG = 'hunter2'.repeat(40);
const AUTHORIZATION = ['Proxy-Authorization', 'Basic hunter2'] as const;

/** "hunter2" is the secret in all of them. */
const BAD: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['a number', 7],
  ['true', true],
  ['an object without a URL', {}],
  ['an object with a number', { url: 7 }],
  ['the empty string', ''],
  ['a scheme of something else', 'ftp://user:hunter2@proxy.example'],
  ['SOCKS 4', 'socks4://user:hunter2@proxy.example'],
  ['SOCKS 4a', 'socks4a://proxy.example'],
  ['a path', 'http://user:hunter2@proxy.example/proxy.pac'],
  ['a query', 'http://user:hunter2@proxy.example?hunter2'],
  ['a fragment', 'http://user:hunter2@proxy.example#hunter2'],
  ['a password with a slash', 'http://user:hunter2/x@proxy.example'],
  ['a password with a question mark', 'http://user:hunter2?@proxy.example'],
  ['a password with a number sign', 'http://user:1#hunter2@proxy.example'],
  ['a bad port', 'http://user:hunter2@proxy.example:x'],
  ['port 0', 'http://user:hunter2@proxy.example:0'],
  ['a port beyond 65535', 'socks5://user:hunter2@proxy.example:65536'],
  ['no host', 'socks5://user:hunter2@'],
  ['no host but a path', 'socks5:///hunter2'],
  ['a bad host', 'socks5://user:hunter2@a%20b'],
  ['user information that is no UTF-8', 'http://user:hunter2%FF@proxy.example'],
  ['a control character', 'http://user:hunter2%0A@proxy.example'],
  ['RFC 7617 §2 a colon in the user name', 'http://hunter2%3A:x@proxy.example'],
  ['RFC 1929 §2 a user name that is too long', `socks5://${LONG}@proxy.example`],
  ['RFC 1929 §2 a password that is too long', `socks5://user:${LONG}@proxy.example`],
  ['RFC 1929 §2 a password without a user name', 'socks5://:hunter2@proxy.example'],
  ['headers that are none', { url: HTTP_URL, headers: 'hunter2' }],
  ['a header with CR LF', { url: HTTP_URL, headers: { 'X-A': 'hunter2\r\nX-B: c' } }],
  ['a Host', { url: HTTP_URL, headers: { Host: 'hunter2' } }],
  ['a Content-Length', { url: HTTP_URL, headers: { 'content-length': '5' } }],
  ['a Transfer-Encoding', { url: HTTP_URL, headers: { 'Transfer-Encoding': 'chunked' } }],
  ['two Proxy-Authorizations', { url: HTTP_URL, headers: [AUTHORIZATION, AUTHORIZATION] }],
  ['headers for SOCKS', { url: 'socks5://proxy.example', headers: [AUTHORIZATION] }],
];

for (const [name, choice] of BAD) {
  test(`36 no proxy, and no secret in the error: ${name}`, () => {
    assert.throws(
      () => resolve(choice as ProxyOptions),
      (error: Error) => {
        assert.ok(error instanceof TypeError);
        assert.equal(Reflect.get(error, 'code'), 'ERR_WS_INVALID_ARGUMENT');
        assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /hunter2/u);
        return true;
      },
    );
  });
}

test('RFC 1928 §5 a host name that SOCKS cannot carry is refused before anything is dialled', () => {
  const destination = { ...DESTINATION, hostname: `${'a.'.repeat(127)}ab` };
  assert.throws(() => resolveProxy('socks5://proxy.example', destination, {}), {
    code: 'ERR_WS_INVALID_ARGUMENT',
    message: /256 octets/u,
  });
  const shorter = { ...DESTINATION, hostname: `${'a.'.repeat(127)}a` };
  assert.equal(resolveProxy('socks5://proxy.example', shorter, {})?.kind, 'socks5');
});

test('without an environment it is that of the process', () => {
  const before = process.env['wss_proxy'];
  process.env['wss_proxy'] = 'proxy.example';
  try {
    assert.deepEqual(resolveProxy('environment', { ...DESTINATION, hostname: 'a.test' }), PLAIN);
  } finally {
    if (before === undefined) delete process.env['wss_proxy'];
    else process.env['wss_proxy'] = before;
  }
});
