import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskJson } from '#src/inspector/json-text.js';
import {
  flatten,
  isSecretName,
  maskField,
  maskForm,
  maskTarget,
  maskText,
  Veil,
  type Masked,
} from '#src/inspector/secrets.js';

/** With what is hidden in angle brackets. */
function shown(mask: (veil: Veil) => Masked): string {
  const veil = new Veil(isSecretName);
  return flatten(mask(veil), (hidden) => `<${veil.reveal(hidden)}>`);
}

test('names that tell of a secret', () => {
  for (const name of [
    'Authorization',
    'Cookie',
    'Set-Cookie',
    'Proxy-Authorization',
    'X-Api-Key',
    'access_token',
    'clientSecret',
    'PASSWORD',
    'private-key',
    'X-Auth',
    'sid',
    'user[password]',
  ]) {
    assert.equal(isSecretName(name), true, name);
  }
  for (const name of ['Accept', 'Host', 'author', 'side', 'Sec-WebSocket-Key', 'page']) {
    assert.equal(isSecretName(name), false, name);
  }
});

const FIELDS: readonly (readonly [name: string, value: string, expected: string])[] = [
  ['Authorization', 'Bearer abc', 'Bearer <abc>'],
  ['Proxy-Authorization', 'Basic YTpi', 'Basic <YTpi>'],
  ['Authorization', 'abc', '<abc>'],
  ['X-Api-Key', 'a b', '<a b>'],
  ['Cookie', 'a=1; b=2', 'a=<1>; b=<2>'],
  ['Set-Cookie', 'a=1; Path=/; HttpOnly', 'a=<1>; Path=/; HttpOnly'],
  ['Referer', 'http://a/?q=1&token=x', 'http://a/?q=1&token=<x>'],
  ['Accept', 'text/html;q=0.9', 'text/html;q=0.9'],
];

for (const [name, value, expected] of FIELDS) {
  test(`a header: ${name}: ${value}`, () => {
    assert.equal(
      shown((veil) => maskField(veil, 'p', name, value)),
      expected,
    );
  });
}

test('parameters of a query, whatever way their names are written', () => {
  assert.equal(
    shown((veil) => maskTarget(veil, 'p', '/token=a?q=1&access%5Ftoken=b&key=&%74oken=c&key')),
    '/token=a?q=1&access%5Ftoken=<b>&key=&%74oken=<c>&key',
  );
});

test('fields of a form', () => {
  assert.equal(
    shown((veil) => maskForm(veil, 'p', 'user=a&password=b%20c&x')),
    'user=a&password=<b%20c>&x',
  );
});

test('JSON: values, and all that is in a secret object or array', () => {
  const text =
    '{"a":"b","password":"x\\"y","keys":["k1",{"n":2}],"after":"shown","pin":1234,"token":null}';
  assert.equal(
    shown((veil) => maskJson(veil, 'p', text, false)),
    '{"a":"b","password":<"x\\"y">,"keys":[<"k1">,{"n":<2>}],"after":"shown","pin":<1234>,"token":null}',
  );
});

test('JSON is indented, and numbers stay as they were written', () => {
  assert.equal(
    shown((veil) => maskJson(veil, 'p', '{"n":12345678901234567890,"e":{},"l":[1.0]}', true)),
    '{\n  "n": 12345678901234567890,\n  "e": {},\n  "l": [\n    1.0\n  ]\n}',
  );
});

test('JSON that breaks off within a secret shows nothing of it', () => {
  assert.equal(
    shown((veil) => maskJson(veil, 'p', '{"a":1,"password":"hun', false)),
    '{"a":1,"password":<"hun>',
  );
});

test('JSON of a hundred thousand levels is neither a failure nor a flood', () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  assert.ok(shown((veil) => maskJson(veil, 'p', deep, true)).length < 2 * deep.length);
});

test('beyond a thousand values of a part they are hidden for good', () => {
  const masked = maskText(new Veil(isSecretName), 'p', 'key=abc '.repeat(1500));
  assert.equal(masked.filter((piece) => typeof piece !== 'string').length, 1000);
  assert.doesNotMatch(flatten(masked), /abc/u);
});

test('text: what looks like a name and a value', () => {
  const text = [
    'password: hunter2, user: ada',
    'API_KEY="a b" token=Bearer abc',
    '{\\"secret\\":\\"x\\",\\"y\\":1}',
    '<apiKey>abc</apiKey>',
  ].join('\n');
  assert.equal(
    shown((veil) => maskText(veil, 'p', text)),
    [
      'password: <hunter2>, user: ada',
      'API_KEY=<"a b"> token=<Bearer abc>',
      '{\\"secret\\":<\\"x\\">,\\"y\\":1}',
      '<apiKey><abc></apiKey>',
    ].join('\n'),
  );
});

test('a megabyte of one name does not hold everything up', () => {
  const text = 'token'.repeat(200_000);
  assert.equal(
    shown((veil) => maskText(veil, 'p', text)),
    text,
  );
});
