import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  checkSubprotocolNames,
  parseSubprotocols,
  selectSubprotocol,
} from '#src/handshake/subprotocol.js';
import { invalidArgument } from './sample-heads.js';

test('RFC 6455 §4.1 item 10: names in the order of preference', () => {
  assert.deepEqual(parseSubprotocols(undefined), []);
  assert.deepEqual(parseSubprotocols('chat'), ['chat']);
  assert.deepEqual(parseSubprotocols('v2.chat,\tv1.chat , Chat, chat'), [
    'v2.chat',
    'v1.chat',
    'Chat',
    'chat',
  ]);
});

test('RFC 6455 §4.1 item 10, case 10: empty elements, duplicates and other text', () => {
  for (const value of ['', 'a,,b', 'a,', ',a', 'a, a', 'a b', 'a/b', '"a"', 'ä']) {
    assert.equal(parseSubprotocols(value), undefined, value);
  }
});

test('case 11 (CVE-2021-32640): many spaces between two letters', () => {
  for (const length of [32_000, 4_000_000]) {
    assert.equal(parseSubprotocols(`b${' '.repeat(length)}x`), undefined);
    assert.deepEqual(parseSubprotocols(`b${' '.repeat(length)},x`), ['b', 'x']);
  }
});

test('RFC 6455 §4.2.2: the first of the client that the server supports', () => {
  assert.equal(selectSubprotocol(['v2', 'v1'], ['v1', 'v2']), 'v2');
  assert.equal(selectSubprotocol(['v3', 'v1'], ['v2', 'v1']), 'v1');
  assert.equal(selectSubprotocol(['v3'], ['v1']), undefined);
  assert.equal(selectSubprotocol(['V1'], ['v1']), undefined);
  assert.equal(selectSubprotocol(['toString', '__proto__'], ['v1']), undefined);
  assert.equal(selectSubprotocol([], ['v1']), undefined);
});

test('RFC 6455 §4.1 item 10: names of ours are unique tokens', () => {
  assert.doesNotThrow(() => checkSubprotocolNames(['chat', 'Chat', 'v1.0']));
  for (const names of [
    [''],
    ['a b'],
    ['a,b'],
    ['a\r\n'],
    ['a', 'b', 'a'],
    [1 as unknown as string],
  ]) {
    assert.throws(() => checkSubprotocolNames(names), invalidArgument, String(names));
  }
});
