import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidArgumentError } from 'commander';
import {
  collectHeader,
  parseCount,
  parseCredentials,
  parsePath,
  parsePort,
  parseProtocolVersion,
  parseSeconds,
  parseSize,
  parseWait,
  readOptionFile,
} from '#src/option-values.js';
import { UsageError } from '#src/usage-error.js';

function refuses(parse: (text: string) => unknown, ...texts: string[]): void {
  for (const text of texts) assert.throws(() => parse(text), InvalidArgumentError, text);
}

test('a port is a number from 0 to 65535', () => {
  assert.equal(parsePort('0'), 0);
  assert.equal(parsePort('65535'), 65_535);
  refuses(parsePort, '65536', '-1', '80a', '', '8e3');
});

test('a count is within its bounds', () => {
  assert.equal(parseCount(50, 0)('0'), 0);
  assert.equal(parseCount(50)('50'), 50);
  refuses(parseCount(50), '0', '51', '1.5', '-1', 'ws://127.0.0.1/', '');
});

test('a size may have a unit of powers of 1024', () => {
  assert.equal(parseSize('65536'), 65_536);
  assert.equal(parseSize('64k'), 65_536);
  assert.equal(parseSize('2M'), 2_097_152);
  assert.equal(parseSize('1g'), 1_073_741_824);
  refuses(parseSize, '0', '-1', '1.5M', '1T', '', '999999999999999g');
});

test('seconds become milliseconds', () => {
  assert.equal(parseSeconds('2'), 2000);
  assert.equal(parseSeconds('0.25'), 250);
  refuses(parseSeconds, '0', '-1', 'soon', '1e3', '');
});

test('a wait may be nothing, or for ever', () => {
  assert.equal(parseWait('0'), 0);
  assert.equal(parseWait('-1'), Infinity);
  refuses(parseWait, '-2', 'x', '');
});

test('headers keep their order, and their value may have colons', () => {
  const first = collectHeader('X-One: 1', undefined);
  assert.deepEqual(collectHeader('X-Url:http://x', first), [
    ['X-One', '1'],
    ['X-Url', 'http://x'],
  ]);
  refuses((text) => collectHeader(text), 'no colon', ': value');
});

test('RFC 6455 §4.1 the only protocol version is 13', () => {
  assert.equal(parseProtocolVersion('13'), 13);
  refuses(parseProtocolVersion, '8', '7', 'x');
});

test('RFC 7617 §2 credentials become the value of an Authorization header', () => {
  assert.equal(parseCredentials('Aladdin:open sesame'), 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==');
  assert.equal(parseCredentials('user:a:b'), `Basic ${btoa('user:a:b')}`);
  refuses(parseCredentials, 'nobody', ':password');
});

test('a path begins with a slash and has no query', () => {
  assert.equal(parsePath('/chat'), '/chat');
  refuses(parsePath, 'chat', '/a?b', '/a#b', '/a b');
});

test('a file that cannot be read is a mistake of the command line', () => {
  assert.throws(() => readOptionFile('--ca', '/nowhere/ca.pem'), UsageError);
  assert.throws(() => readOptionFile('--ca', '/nowhere/ca.pem'), /^UsageError: --ca: .*ENOENT/u);
});
