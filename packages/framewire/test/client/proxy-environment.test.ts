import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  proxyFromEnvironment,
  type Environment,
  type ProxiedDestination,
} from '#src/client/proxy-environment.js';
import { parseUrl } from '#src/client/url.js';

const WS: ProxiedDestination = { isSecure: false, hostname: 'example.com', port: 80 };
const WSS: ProxiedDestination = { isSecure: true, hostname: 'example.com', port: 443 };

const CHOICES: readonly (readonly [string, ProxiedDestination, Environment, string | undefined])[] =
  [
    ['nothing is set', WS, {}, undefined],
    ['http_proxy is for ws:', WS, { http_proxy: 'p', https_proxy: 'q' }, 'p'],
    ['https_proxy is for wss:', WSS, { http_proxy: 'p', https_proxy: 'q' }, 'q'],
    ['http_proxy is not for wss:', WSS, { http_proxy: 'p' }, undefined],
    ['https_proxy is not for ws:', WS, { https_proxy: 'p' }, undefined],
    ['ws_proxy comes first', WS, { ws_proxy: 'w', http_proxy: 'p', all_proxy: 'a' }, 'w'],
    ['wss_proxy comes first', WSS, { wss_proxy: 'w', https_proxy: 'p', all_proxy: 'a' }, 'w'],
    ['in upper case too', WS, { WS_PROXY: 'w', http_proxy: 'p', HTTP_PROXY: 'q' }, 'w'],
    ['in upper case too, for wss:', WSS, { WSS_PROXY: 'w', https_proxy: 'p' }, 'w'],
    ['its lower-case name wins', WS, { ws_proxy: 'l', WS_PROXY: 'u', http_proxy: 'p' }, 'l'],
    ['an empty ws_proxy is none', WS, { ws_proxy: '', http_proxy: 'p' }, 'p'],
    ['ws_proxy is not for wss:', WSS, { ws_proxy: 'w', https_proxy: 'p' }, 'p'],
    ['wss_proxy is not for ws:', WS, { wss_proxy: 'w', http_proxy: 'p' }, 'p'],
    ['all_proxy is for the rest', WS, { https_proxy: 'p', all_proxy: 'a' }, 'a'],
    ['all_proxy is for the rest of wss:', WSS, { http_proxy: 'p', ALL_PROXY: 'a' }, 'a'],
    ['upper-case names are read', WSS, { HTTPS_PROXY: 'p' }, 'p'],
    ['upper-case HTTP_PROXY is read', WS, { HTTP_PROXY: 'p' }, 'p'],
    ['lower-case names win', WS, { http_proxy: 'l', HTTP_PROXY: 'u' }, 'l'],
    ['an upper-case name wins over all_proxy', WS, { HTTP_PROXY: 'u', all_proxy: 'a' }, 'u'],
    ['an empty value is none', WS, { http_proxy: '', HTTP_PROXY: 'u' }, 'u'],
    ['a blank value is none', WS, { http_proxy: ' ', all_proxy: 'a' }, 'a'],
    ['the value is as it is written', WS, { http_proxy: ' u:p@H:1 ' }, 'u:p@H:1'],
  ];

for (const [name, destination, environment, expected] of CHOICES) {
  test(`the environment: ${name}`, () => {
    assert.equal(proxyFromEnvironment(destination, environment), expected);
  });
}

test('RFC 3875 §4.1.18 to a CGI program HTTP_PROXY is a header, and no proxy', () => {
  const cgi = { REQUEST_METHOD: 'GET' };
  assert.equal(proxyFromEnvironment(WS, { ...cgi, HTTP_PROXY: 'evil' }), undefined);
  assert.equal(proxyFromEnvironment(WS, { ...cgi, HTTP_PROXY: 'evil', all_proxy: 'a' }), 'a');
  assert.equal(proxyFromEnvironment(WS, { ...cgi, HTTP_PROXY: 'evil', http_proxy: 'p' }), 'p');
  assert.equal(proxyFromEnvironment(WSS, { ...cgi, HTTPS_PROXY: 'p' }), 'p');
});

test('RFC 3875 §4.1.18 … nor is http_proxy where names have no case, as on Windows', () => {
  const variables: Environment = { REQUEST_METHOD: 'GET', HTTP_PROXY: 'evil', ALL_PROXY: 'a' };
  const caseless = new Proxy(variables, {
    get: (target, name) => target[String(name).toUpperCase()],
  });
  assert.equal(proxyFromEnvironment(WS, caseless), 'a');
});

test('no_proxy may be in upper case, and an empty one excepts nothing', () => {
  assert.equal(proxyFromEnvironment(WS, { http_proxy: 'p', NO_PROXY: 'example.com' }), undefined);
  assert.equal(proxyFromEnvironment(WS, { http_proxy: 'p', no_proxy: '' }), 'p');
  assert.equal(proxyFromEnvironment(WS, { http_proxy: 'p', no_proxy: ' , ,' }), 'p');
});

/** An entry, URLs that are reached without the proxy, and URLs that are not. */
const EXCEPTIONS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['*', ['ws://example.com', 'wss://[::1]:9', 'ws://10.0.0.1'], []],
  ['a.example, *', ['ws://example.com'], []],
  [
    'example.com',
    ['ws://example.com', 'ws://a.example.com', 'ws://b.a.example.com:9', 'ws://EXAMPLE.com'],
    ['ws://notexample.com', 'ws://example.org', 'ws://com', 'ws://example.com.evil.example'],
  ],
  ['EXAMPLE.Com', ['ws://example.com'], []],
  ['.example.com', ['ws://a.example.com'], ['ws://example.com', 'ws://notexample.com']],
  ['*.example.com', ['ws://b.a.example.com'], ['ws://example.com', 'ws://notexample.com']],
  ['example.com.', ['ws://example.com', 'ws://example.com.', 'ws://a.example.com.'], []],
  ['a.example,example.com', ['ws://example.com', 'ws://a.example'], ['ws://b.example']],
  ['a.example  example.com\t,b.example', ['ws://example.com', 'ws://b.example'], []],
  [
    'example.com:8080',
    ['ws://example.com:8080', 'ws://a.example.com:8080'],
    ['ws://example.com', 'ws://example.com:808'],
  ],
  ['example.com:443', ['wss://example.com'], ['ws://example.com']],
  ['.example.com:80', ['ws://a.example.com'], ['ws://example.com', 'wss://a.example.com']],
  ['example.com:http', [], ['ws://example.com']],
  ['bücher.example', ['ws://bücher.example', 'ws://xn--bcher-kva.example'], []],
  ['localhost', ['ws://localhost:1', 'ws://a.localhost'], ['ws://127.0.0.1']],
  ['*ample.com', [], ['ws://example.com']],
  ['*.', [], ['ws://example.com']],
  ['192.0.2.1', ['ws://192.0.2.1:9'], ['ws://192.0.2.10', 'ws://1.192.0.2']],
  ['192.0.2.1:80', ['ws://192.0.2.1'], ['wss://192.0.2.1']],
  ['2.1', [], ['ws://192.0.2.1']],
  ['.0.2.1', [], ['ws://192.0.2.1']],
  ['192.0.2.0/24', ['ws://192.0.2.255'], ['ws://192.0.3.0', 'ws://a.example', 'ws://[::c000:200]']],
  ['10.0.0.0/8', ['ws://10.255.0.1'], ['ws://11.0.0.1']],
  ['0.0.0.0/0', ['ws://10.255.0.1'], ['ws://[::1]']],
  ['192.0.2.0/33', [], ['ws://192.0.2.0']],
  ['192.0.2.0/', [], ['ws://192.0.2.0']],
  ['/24', [], ['ws://192.0.2.0']],
  ['example.com/24', [], ['ws://example.com']],
  ['2001:db8::1', ['ws://[2001:db8::1]', 'wss://[2001:DB8:0::1]:9'], ['ws://[2001:db8::2]']],
  ['[2001:db8::1]', ['ws://[2001:db8::1]:9'], ['ws://[2001:db8::2]']],
  ['[2001:db8::1]:80', ['ws://[2001:db8::1]'], ['wss://[2001:db8::1]']],
  ['2001:db8:0:0:0:0:0:1', ['ws://[2001:db8::1]'], []],
  ['2001:db8::/32', ['ws://[2001:db8:ffff::]'], ['ws://[2001:db9::]', 'ws://32.1.13.184']],
  ['[::1', [], ['ws://[::1]']],
];

for (const [entry, without, through] of EXCEPTIONS) {
  test(`no_proxy=${JSON.stringify(entry)}`, () => {
    const environment = { all_proxy: 'p', no_proxy: entry };
    for (const url of without) {
      assert.equal(proxyFromEnvironment(parseUrl(url), environment), undefined, url);
    }
    for (const url of through) {
      assert.equal(proxyFromEnvironment(parseUrl(url), environment), 'p', url);
    }
  });
}

test('localhost is no exception unless it is listed', () => {
  for (const url of ['ws://localhost', 'ws://127.0.0.1', 'ws://[::1]']) {
    assert.equal(proxyFromEnvironment(parseUrl(url), { all_proxy: 'p' }), 'p');
  }
});
