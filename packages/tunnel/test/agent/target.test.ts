import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { isRefused } from '#src/addresses.js';
import { dialTarget, parseTarget, type AddressTarget } from '#src/agent/target.js';
import { listen } from '../listening.ts';

const TARGETS: readonly (readonly [string, Partial<AddressTarget>])[] = [
  ['3000', { kind: 'http', hostname: 'localhost', port: 3000, host: 'localhost:3000' }],
  ['localhost:3000', { kind: 'http', port: 3000, url: 'http://localhost:3000' }],
  ['http://app.lan', { kind: 'http', hostname: 'app.lan', port: 80, host: 'app.lan' }],
  ['https://app.lan/', { kind: 'http', isSecure: true, port: 443 }],
  ['http://[::1]:8080', { hostname: '::1', port: 8080, host: '[::1]:8080' }],
  ['tcp://db.lan:5432', { kind: 'tcp', hostname: 'db.lan', port: 5432, isSecure: false }],
  ['tls://db.lan:5432', { kind: 'tcp', isSecure: true }],
  ['unix:/run/a%20b.sock', { kind: 'http', socketPath: '/run/a b.sock' }],
];

for (const [text, expected] of TARGETS) {
  test(`a target: ${text}`, () => {
    const target = parseTarget(text) as AddressTarget;
    for (const [name, value] of Object.entries(expected)) {
      assert.equal(target[name as keyof AddressTarget], value, name);
    }
  });
}

for (const text of [
  'ftp://a/',
  'tcp://a',
  'http://',
  'http://u:p@a/',
  'http://a/path',
  'a b',
  '',
]) {
  test(`no target: ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseTarget(text), { code: 'ERR_TUNNEL_INVALID_ARGUMENT' });
  });
}

test('addresses of the link, of metadata services and of no host are refused', () => {
  for (const address of [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::169.254.169.254',
    'fd20:ce::254',
    'fe80::1',
    'fd00:ec2::254',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '0.0.0.0',
    '::',
    '224.0.0.1',
    'ff02::1',
    'no address',
  ]) {
    assert.equal(isRefused(address), true, address);
  }
  for (const address of ['127.0.0.1', '::1', '10.0.0.1', '192.168.1.1', 'fd00::1', '8.8.8.8']) {
    assert.equal(isRefused(address), false, address);
  }
});

test('such an address is not dialled unless it is allowed', async () => {
  const target = parseTarget('http://169.254.169.254') as AddressTarget;
  const [error] = (await once(dialTarget(target, {}, true), 'error').catch((thrown) => [
    thrown,
  ])) as [Error & { code?: string }];
  assert.equal(error.code, 'ERR_TUNNEL_FORBIDDEN');
});

test('a name is looked up, and its address judged', async (t) => {
  const server = net.createServer((socket) => socket.end('hello'));
  const port = await listen(t, server);
  const socket = dialTarget(parseTarget(`tcp://localhost:${port}`) as AddressTarget, {}, true);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  assert.equal(String(chunk), 'hello');
  socket.destroy();
});
