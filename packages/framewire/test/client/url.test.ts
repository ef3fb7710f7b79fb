import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { parseUrl, type Destination } from '#src/client/url.js';

const PLAIN: Destination = {
  url: 'ws://example.com/',
  isSecure: false,
  hostname: 'example.com',
  port: 80,
  socketPath: undefined,
  host: 'example.com',
  target: '/',
  credentials: undefined,
};

const GOOD: readonly (readonly [string, Partial<Destination>])[] = [
  ['ws://example.com', {}],
  ['ws://example.com:80/', {}],
  ['WS://EXAMPLE.com/', {}],
  ['http://example.com/', {}],
  ['wss://example.com/', { url: 'wss://example.com/', isSecure: true, port: 443 }],
  ['https://example.com/', { url: 'wss://example.com/', isSecure: true, port: 443 }],
  [
    'wss://example.com:8443/',
    { url: 'wss://example.com:8443/', isSecure: true, port: 8443, host: 'example.com:8443' },
  ],
  [
    'ws://example.com:8080/a/b?c=d&e',
    {
      url: 'ws://example.com:8080/a/b?c=d&e',
      port: 8080,
      host: 'example.com:8080',
      target: '/a/b?c=d&e',
    },
  ],
  ['ws://example.com/a b', { url: 'ws://example.com/a%20b', target: '/a%20b' }],
  ['ws://example.com/ü', { url: 'ws://example.com/%C3%BC', target: '/%C3%BC' }],
  ['ws://example.com/a/../b', { url: 'ws://example.com/b', target: '/b' }],
  ['ws://example.com//evil', { url: 'ws://example.com//evil', target: '//evil' }],
  ['ws://example.com?q', { url: 'ws://example.com/?q', target: '/?q' }],
  [
    'ws://bücher.example/',
    {
      url: 'ws://xn--bcher-kva.example/',
      hostname: 'xn--bcher-kva.example',
      host: 'xn--bcher-kva.example',
    },
  ],
  [
    'ws://[::1]:9000/',
    { url: 'ws://[::1]:9000/', hostname: '::1', port: 9000, host: '[::1]:9000' },
  ],
  ['ws://127.1/', { url: 'ws://127.0.0.1/', hostname: '127.0.0.1', host: '127.0.0.1' }],
  ['ws://user:secret@example.com/', { credentials: { username: 'user', password: 'secret' } }],
  ['ws://user@example.com/', { credentials: { username: 'user', password: '' } }],
  ['ws://:secret@example.com/', { credentials: { username: '', password: 'secret' } }],
  ['ws://us%C3%A9r:p%40ss@example.com/', { credentials: { username: 'usér', password: 'p@ss' } }],
  ['ws://example.com/#', {}],
];

for (const [url, expected] of GOOD) {
  test(`35 §3 ${url}`, () => {
    assert.deepEqual(parseUrl(url), { ...PLAIN, ...expected });
    assert.deepEqual(parseUrl(new URL(url)), { ...PLAIN, ...expected });
  });
}

const UNIX: readonly (readonly [string, Partial<Destination>])[] = [
  ['ws+unix:/run/app.sock', { socketPath: '/run/app.sock', target: '/' }],
  ['ws+unix:/run/app.sock:', { socketPath: '/run/app.sock', target: '/' }],
  ['ws+unix:/run/app.sock:/chat?room=1', { socketPath: '/run/app.sock', target: '/chat?room=1' }],
  ['ws+unix:///run/app.sock:/a:b', { socketPath: '/run/app.sock', target: '/a:b' }],
  ['ws+unix:./app.sock:/x', { socketPath: './app.sock', target: '/x' }],
  ['wss+unix:/run/a%20b%3A%23c.sock:/', { socketPath: '/run/a b:#c.sock', isSecure: true }],
];

for (const [url, expected] of UNIX) {
  test(`a unix socket: ${url}`, () => {
    assert.deepEqual(parseUrl(url), {
      ...PLAIN,
      hostname: 'localhost',
      host: 'localhost',
      port: 0,
      target: '/',
      url: new URL(url).href,
      ...expected,
    });
  });
}

test('a socket path that is given takes the place of host and port, and the Host stays', () => {
  assert.deepEqual(parseUrl('ws://example.com:1234/x', '/run/app.sock'), {
    ...PLAIN,
    url: 'ws://example.com:1234/x',
    host: 'example.com:1234',
    port: 1234,
    target: '/x',
    socketPath: '/run/app.sock',
  });
});

const BAD: readonly string[] = [
  '',
  'example.com',
  '/chat',
  'ws:',
  'ws://',
  'ftp://example.com/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'ws://example.com/#fragment',
  'ws://example.com:0/',
  'ws://example.com:65536/',
  'ws://exa mple.com/',
  'ws://[::1%25eth0]/',
  'ws://[::1/',
  'ws://%00/',
  'ws://a%:b@example.com/',
  'ws://example.com\u0000/',
  'ws+unix:',
  'ws+unix::/x',
  'ws+unix:/run/100%.sock:/',
  'ws+unix:/run/%FF.sock:/',
];

for (const url of BAD) {
  test(`35 §3 not ${JSON.stringify(url)}`, () => {
    assert.throws(() => parseUrl(url), { name: 'TypeError', code: 'ERR_WS_INVALID_URL' });
  });
}

test('§10.5 credentials are in no error and in no URL that is shown', () => {
  for (const url of [
    'ftp://user:secret@example.com/',
    'ws://user:secret@example.com/#fragment',
    'ws://user:secret@example.com:0/',
    'ws+unix://user:secret@host/run/app.sock:/#f',
  ]) {
    assert.throws(
      () => parseUrl(url),
      (error: Error) => !error.message.includes('secret'),
      url,
    );
  }
  const given = new URL('ws://user:secret@example.com/');
  assert.equal(parseUrl(given).url, 'ws://example.com/');
  assert.equal(given.password, 'secret', 'the caller’s URL stays as it is');
  assert.doesNotMatch(parseUrl('ws+unix://user:secret@host/run/app.sock:/').url, /secret/u);
});

for (const url of [
  'ws://user:secret@[bad',
  String.raw`ws:\\user:secret@[bad`,
  'ws://a:se/cret@b:x',
]) {
  test(`what is no URL is shown without what may be a password: ${url}`, () => {
    assert.throws(
      () => parseUrl(url),
      (error: Error) => !/se\/?cret/u.test(`${error.message} ${inspect(error)}`),
    );
  });
}
