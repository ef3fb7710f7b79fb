import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLine } from '#src/typed-line.js';

const slash = { slash: true };

test('without --slash a line is a message, slash or not', () => {
  assert.deepEqual(parseLine('/ping', {}), { kind: 'text', text: '/ping' });
  assert.deepEqual(parseLine('', {}), { kind: 'text', text: '' });
});

test('with --slash the control frames are commands', () => {
  assert.deepEqual(parseLine('/ping', slash), { kind: 'ping', payload: undefined });
  assert.deepEqual(parseLine('/ping a  b', slash), { kind: 'ping', payload: 'a  b' });
  assert.deepEqual(parseLine('/pong', slash), { kind: 'pong', payload: '' });
  assert.deepEqual(parseLine('/help', slash), { kind: 'help' });
});

test('/close has a code and a reason, 1000 unless told otherwise', () => {
  assert.deepEqual(parseLine('/close', slash), { kind: 'close', code: 1000, reason: '' });
  assert.deepEqual(parseLine('/close 4001 see you', slash), {
    kind: 'close',
    code: 4001,
    reason: 'see you',
  });
  assert.equal(parseLine('/close goodbye', slash).kind, 'mistake');
});

test('two slashes send one', () => {
  assert.deepEqual(parseLine('//etc', slash), { kind: 'text', text: '/etc' });
});

test('a command that does not exist is not sent', () => {
  assert.equal(parseLine('/pnig', slash).kind, 'mistake');
  assert.equal(parseLine('/', slash).kind, 'mistake');
});

test('RFC 6455 §5.5 a Ping or Pong of more than 125 octets is a mistake', () => {
  assert.equal(parseLine(`/ping ${'a'.repeat(125)}`, slash).kind, 'ping');
  assert.equal(parseLine(`/ping ${'ä'.repeat(63)}`, slash).kind, 'mistake');
  assert.equal(parseLine(`/pong ${'a'.repeat(126)}`, slash).kind, 'mistake');
});

test('with --binary a line is octets', () => {
  const octets = Uint8Array.of(0x48, 0x65);
  assert.deepEqual(parseLine('48 65', { binary: true }), { kind: 'binary', octets });
  assert.equal(parseLine('hello', { binary: true }).kind, 'mistake');
});

test('with both, commands come first', () => {
  assert.equal(parseLine('/ping', { slash: true, binary: true }).kind, 'ping');
});
