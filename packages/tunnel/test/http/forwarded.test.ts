import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainAddress, withForwarded, type Caller } from '#src/http/forwarded.js';

const CALLER: Caller = {
  address: '::ffff:192.0.2.1',
  isSecure: true,
  host: 'demo.example',
  port: 443,
};

const TOLD = [
  ['X-Forwarded-For', '192.0.2.1'],
  ['X-Forwarded-Host', 'demo.example'],
  ['X-Forwarded-Proto', 'https'],
  ['X-Forwarded-Port', '443'],
].flat();

test('the target is told who asked, how, and for what', () => {
  assert.deepEqual(withForwarded(['Host', 'x'], CALLER), ['Host', 'x', ...TOLD]);
});

for (const name of [
  'X-Forwarded-For',
  'x-forwarded-host',
  'X-FORWARDED-PROTO',
  'X-Forwarded-Port',
  'X-Forwarded-Prefix',
  'X-Forwarded-Server',
  'X_Forwarded_For',
  'X-Forwarded_For',
  'X-Real-IP',
  'x_real_ip',
  'Forwarded',
]) {
  test(`a caller that is not believed cannot say ${name}`, () => {
    assert.deepEqual(withForwarded([name, '127.0.0.1', name, 'b'], CALLER), TOLD);
  });
}

test('a proxy that is believed is kept, and its address appended', () => {
  const fields = withForwarded(
    ['X-Forwarded-For', '203.0.113.9', 'x-forwarded-for', '10.0.0.1', 'X-Forwarded-Proto', 'http'],
    CALLER,
    { isTrusted: true },
  );
  assert.deepEqual(fields, [
    'X-Forwarded-For',
    '203.0.113.9, 10.0.0.1, 192.0.2.1',
    'X-Forwarded-Host',
    'demo.example',
    'X-Forwarded-Proto',
    'http',
    'X-Forwarded-Port',
    '443',
  ]);
  // Nobody who means it writes it so.
  assert.deepEqual(withForwarded(['X_Forwarded_For', 'x'], CALLER, { isTrusted: true }), TOLD);
});

test('RFC 7239 §4 Forwarded has an element for each proxy, with quotes where they are needed', () => {
  const options = { sendsForwarded: true };
  const last = (fields: string[]) => fields.slice(-2);
  assert.deepEqual(last(withForwarded(['Forwarded', 'for=spoof'], CALLER, options)), [
    'Forwarded',
    'for=192.0.2.1;host="demo.example";proto=https',
  ]);
  const caller = { address: '2001:db8::1%eth0', isSecure: false, host: '[::1]:80"', port: 80 };
  assert.deepEqual(
    last(withForwarded(['Forwarded', 'for=_a'], caller, { ...options, isTrusted: true })),
    ['Forwarded', 'for=_a, for="[2001:db8::1]";host="[::1]:80\\"";proto=http'],
  );
  const nobody = { address: undefined, isSecure: false, host: undefined, port: undefined };
  assert.deepEqual(withForwarded([], nobody, options), [
    'X-Forwarded-Proto',
    'http',
    'Forwarded',
    'for=unknown;proto=http',
  ]);
});

test('the prefix that was taken off is told', () => {
  assert.deepEqual(withForwarded([], CALLER, { prefix: '/app' }), [
    ...TOLD,
    'X-Forwarded-Prefix',
    '/app',
  ]);
});

test('RFC 4291 §2.5.5.2 an IPv4 address is told as one', () => {
  assert.equal(plainAddress('::FFFF:10.0.0.1'), '10.0.0.1');
  assert.equal(plainAddress('fe80::1%eth0'), 'fe80::1');
  assert.equal(plainAddress(''), undefined);
});

for (const [text, address] of [
  ['203.0.113.9:5511', '203.0.113.9'],
  ['[2001:db8::1]:80', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[fe80::1%eth0]:80', 'fe80::1'],
  ['[::ffff:10.0.0.1]:80', '10.0.0.1'],
  ['2001:db8::1', '2001:db8::1'],
  // What is no address is not made one.
  ['unknown', 'unknown'],
  ['203.0.113.9:x', '203.0.113.9:x'],
  ['[2001:db8::1]x', '[2001:db8::1]x'],
] as const) {
  test(`RFC 3986 §3.2 ${text} is the address ${address}`, () => {
    assert.equal(plainAddress(text), address);
  });
}
