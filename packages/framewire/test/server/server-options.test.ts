import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesPath, resolveServerOptions } from '#src/server/server-options.js';
import { WebSocketServer, type ServerOptions } from 'framewire';

test('the defaults are those that are documented', () => {
  const { connection, ...settings } = resolveServerOptions({});
  assert.deepEqual(settings, {
    protocols: [],
    origins: 'same',
    authorize: undefined,
    handshakeTimeout: 10_000,
    maxConnections: Infinity,
    path: undefined,
    handler: undefined,
    onConnection: undefined,
    onRefused: undefined,
  });
  assert.equal(connection.closeTimeout, 5_000);
});

for (const [name, options] of [
  ['handshakeTimeout', { handshakeTimeout: 0 }],
  ['maxConnections', { maxConnections: -1 }],
  ['maxConnections', { maxConnections: '5' as never }],
  ['origins', { origins: 'all' as never }],
  ['origins', { origins: undefined, maxMessageSize: NaN }],
  ['a subprotocol', { protocols: ['a b'] }],
  ['a subprotocol twice', { protocols: ['a', 'a'] }],
  ['an origin in a list', { origins: ['app.example'] }],
  ['closeTimeout', { closeTimeout: 0 }],
] as readonly (readonly [string, ServerOptions])[]) {
  test(`a mistake is told when the server is made: ${name} ${JSON.stringify(options)}`, () => {
    assert.throws(() => new WebSocketServer(options), { code: 'ERR_WS_INVALID_ARGUMENT' });
  });
}

test('a path matches exactly, a pattern as it is written', () => {
  for (const [pattern, path, matches] of [
    [undefined, '/anything', true],
    ['/a', '/a', true],
    ['/a', '/a/', false],
    ['/a', '/A', false],
    ['/a', '/ab', false],
    [/^\/a\d$/u, '/a1', true],
    [/\/a\d/u, '/a1', true],
    [/^a/u, '/a', false],
    [/^\/admin\//u, '/admin/x', true],
    [/\/a/giu, '/A', true],
    [/\/a|\/ab/u, '/ab', true],
  ] as const) {
    assert.equal(matchesPath(pattern, path), matches, `${String(pattern)} ${path}`);
  }
});

test('a global or sticky pattern remembers nothing from one request to the next', () => {
  for (const pattern of [/\/a/gu, /\/a/uy]) {
    for (let count = 0; count < 4; count++) assert.equal(matchesPath(pattern, '/a'), true);
  }
});
