import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import {
  equalsToken,
  hasToken,
  headerEntries,
  headersFromRaw,
  isFieldValue,
  isToken,
  parseExtensions,
  parseTokenList,
  quote,
  trimSpace,
} from '#src/handshake/header-values.js';
import type { HeadersLike } from '#src/handshake/header-values.js';
import { invalidArgument } from './sample-heads.js';

const TOKEN_CHARACTERS =
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const token = fc.string({ unit: fc.constantFrom(...Array.from(TOKEN_CHARACTERS)), minLength: 1 });

test('RFC 9110 §5.6.2: exactly 77 characters may stand in a token', () => {
  const allowed = Array.from({ length: 0x300 }, (_, code) => String.fromCharCode(code))
    .filter(isToken)
    .toSorted();
  assert.deepEqual(allowed, Array.from(TOKEN_CHARACTERS).toSorted());
  assert.ok(!isToken(''));
  assert.ok(!isToken('a b'));
});

test('RFC 9110 §5.5: a value has no control but HTAB, and nothing beyond latin1', () => {
  for (let code = 0; code < 0x300; code++) {
    const allowed = code === 0x09 || (code >= 0x20 && code !== 0x7f && code <= 0xff);
    assert.equal(isFieldValue(`a${String.fromCharCode(code)}`), allowed, code.toString(16));
  }
});

test('RFC 9110 §5.6.3: only SP and HTAB around a value are space', () => {
  assert.equal(trimSpace(' \t a b\t '), 'a b');
  assert.equal(trimSpace(' \t '), '');
  assert.equal(trimSpace('\u00a0a\n'), '\u00a0a\n');
});

test('RFC 9110 §5.3: repeated fields are joined in their order, whatever their case', () => {
  const raw = ['Host', 'a', 'X-One', '1', 'x-one', '2', 'X-ONE', ''];
  assert.deepEqual(
    [...headersFromRaw(raw)],
    [
      ['host', 'a'],
      ['x-one', '1, 2, '],
    ],
  );
  assert.deepEqual([...headersFromRaw(['Host'])], []);
});

test('GHSA-5v72-xg48-5rpm: names of Object.prototype are names like any other', () => {
  const headers = headersFromRaw(['__proto__', 'a', 'constructor', 'b']);
  assert.equal(headers.get('__proto__'), 'a');
  assert.equal(headers.get('constructor'), 'b');
  assert.equal(headers.get('tostring'), undefined);
});

test('headers are taken from a record, a Map, Headers, pairs and generators', () => {
  const expected = [['X-One', '1']];
  function* pairs(): Generator<readonly [string, string]> {
    yield ['X-One', '1'];
  }
  assert.deepEqual(headerEntries({ 'X-One': '1' }), expected);
  assert.deepEqual(headerEntries(new Map([['X-One', '1']])), expected);
  assert.deepEqual(headerEntries([['X-One', '1']]), expected);
  assert.deepEqual(headerEntries(pairs()), expected);
  assert.deepEqual(headerEntries(new Headers({ 'X-One': '1' })), [['x-one', '1']]);
  assert.deepEqual(headerEntries(undefined), []);
});

test('RFC 9110 §5.5, case 18: a header that breaks out of its line is a TypeError', () => {
  for (const value of ['a\r\nSet-Cookie: b', 'a\nb', 'a\rb', 'a\0b', 'a\x7f', 'a\u0100']) {
    assert.throws(() => headerEntries({ 'X-One': value }), {
      ...invalidArgument,
      message: /the value of the header X-One has a forbidden character/,
    });
  }
  for (const name of ['', 'X One', 'X-One:', 'X-One\r\nX-Two', 'Ü']) {
    assert.throws(() => headerEntries({ [name]: '1' }), {
      ...invalidArgument,
      message: /the header name ".*" is not a token/,
    });
  }
});

test('headers of another shape are a TypeError', () => {
  for (const headers of [
    null,
    'X-One: 1',
    1,
    ['X-One'],
    [['X-One']],
    [['a', 'b', 'c']],
    { 'X-One': ['1'] },
  ]) {
    assert.throws(() => headerEntries(headers as unknown as HeadersLike), invalidArgument);
  }
  assert.throws(() => headerEntries([[1, '1']] as unknown as HeadersLike), {
    ...invalidArgument,
    message: /the header name "1" is not a token/,
  });
});

test('an error quotes a value escaped and cut', () => {
  assert.equal(quote(undefined), 'missing');
  assert.equal(quote('a"\n'), '"a\\"\\n"');
  assert.equal(quote('a'.repeat(64)), `"${'a'.repeat(64)}"`);
  assert.equal(quote('a'.repeat(65)), `"${'a'.repeat(64)}…"`);
});

test('tokens are compared by ASCII case alone', () => {
  assert.ok(equalsToken('WebSocket', 'websocket'));
  assert.ok(!equalsToken('websoc\u212Aet', 'websocket')); // The Kelvin sign's lower case is "k".
  assert.ok(!equalsToken('websocket/13', 'websocket'));
});

test('RFC 9110 §5.6.1, case 10: a token list is read strictly', () => {
  assert.deepEqual(parseTokenList('chat'), ['chat']);
  assert.deepEqual(parseTokenList(' chat ,\tsuperchat,v1.0 '), ['chat', 'superchat', 'v1.0']);
  for (const value of ['', ' ', ',', 'a,,b', 'a, ,b', 'a,', ',a', 'a b', 'a;b', '"a"', '\u00a0a']) {
    assert.equal(parseTokenList(value), undefined, JSON.stringify(value));
  }
});

test('RFC 9110 §5.6.1: a list that is written is the list that is read', () => {
  const space = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 3 });
  const list = fc.array(fc.tuple(space, token, space), { minLength: 1 });
  fc.assert(
    fc.property(list, (elements) => {
      const value = elements.map((element) => element.join('')).join(',');
      const names = elements.map(([, name]) => name);
      assert.deepEqual(parseTokenList(value), names);
      assert.ok(names.every((name) => hasToken(value, name.toUpperCase())));
    }),
  );
});

test('RFC 6455 §4.2.1, case 5: Connection has an element, whatever else it has', () => {
  for (const value of ['Upgrade', 'keep-alive, Upgrade', 'UPGRADE', ',upgrade,,', '"x", upgrade']) {
    assert.ok(hasToken(value, 'Upgrade'), value);
  }
  for (const value of [undefined, '', 'close', 'Upgraded', 'Up grade', 'keep-alive Upgrade']) {
    assert.ok(!hasToken(value, 'Upgrade'), value);
  }
});

test('RFC 6455 §9.1: the examples', () => {
  assert.deepEqual(parseExtensions('foo'), [{ name: 'foo', parameters: [] }]);
  assert.deepEqual(parseExtensions('foo, bar; baz=2'), [
    { name: 'foo', parameters: [] },
    { name: 'bar', parameters: [{ name: 'baz', value: '2' }] },
  ]);
  assert.deepEqual(parseExtensions('mux; max-channels=4; flow-control, deflate-stream'), [
    {
      name: 'mux',
      parameters: [
        { name: 'max-channels', value: '4' },
        { name: 'flow-control', value: undefined },
      ],
    },
    { name: 'deflate-stream', parameters: [] },
  ]);
});

test('RFC 6455 §9.1: a quoted value is unescaped, and must then be a token', () => {
  const parameters = [{ name: 'b', value: 'cd' }];
  assert.deepEqual(parseExtensions('a; b="cd"'), [{ name: 'a', parameters }]);
  assert.deepEqual(parseExtensions('a; b="\\c\\d"'), [{ name: 'a', parameters }]);
  for (const value of ['a; b=""', 'a; b="c d"', 'a; b="\\""', 'a; b="c', 'a; b="c\\', 'a; b="']) {
    assert.equal(parseExtensions(value), undefined, value);
  }
});

test('RFC 6455 §4.3 and §9.1: space may stand between the parts', () => {
  assert.deepEqual(parseExtensions(' a ;\tb = c ; d , e '), [
    {
      name: 'a',
      parameters: [
        { name: 'b', value: 'c' },
        { name: 'd', value: undefined },
      ],
    },
    { name: 'e', parameters: [] },
  ]);
});

test('RFC 6455 §9.1: malformed extensions', () => {
  for (const value of [
    '',
    ' ',
    ',',
    'a,',
    ',a',
    'a,,b',
    'a;',
    'a;;b',
    'a; =b',
    'a; b=',
    'a; b=,c',
    'a; b=c d',
    'a b',
    'a; b="c"d',
    'a="b"',
    'a\0',
    'ä',
  ]) {
    assert.equal(parseExtensions(value), undefined, JSON.stringify(value));
  }
});

test('case 12 (GHSA-5v72-xg48-5rpm): extensions named as members of Object.prototype', () => {
  assert.deepEqual(parseExtensions('constructor, __proto__; toString; __proto__=valueOf'), [
    { name: 'constructor', parameters: [] },
    {
      name: '__proto__',
      parameters: [
        { name: 'toString', value: undefined },
        { name: '__proto__', value: 'valueOf' },
      ],
    },
  ]);
});

test('case 13 (CVE-2020-7662): a quoted string that is never closed', () => {
  for (const length of [16_384, 4_000_000]) {
    assert.equal(parseExtensions(`a; b="${'\\c'.repeat(length / 2)}`), undefined);
  }
});

test('RFC 6455 §9.1: no text makes the parser throw', () => {
  const mischief = fc.string({ unit: fc.constantFrom('a', ' ', ';', ',', '=', '"', '\\', 'é') });
  fc.assert(
    fc.property(fc.oneof(mischief, fc.string({ unit: 'binary' })), (value) => {
      const extensions = parseExtensions(value) ?? [];
      for (const { name, parameters } of extensions) {
        assert.ok(isToken(name));
        assert.ok(parameters.every((parameter) => isToken(parameter.name)));
        assert.ok(parameters.every(({ value }) => value === undefined || isToken(value)));
      }
    }),
    { numRuns: 2000 },
  );
});

test('RFC 6455 §9.1: extensions that are written are the extensions that are read', () => {
  const parameter = fc.record({ name: token, value: fc.option(token, { nil: undefined }) });
  const extension = fc.record({ name: token, parameters: fc.array(parameter) });
  const list = fc.array(extension, { minLength: 1 });
  fc.assert(
    fc.property(list, fc.boolean(), (extensions, quoted) => {
      const write = (value: string) => (quoted ? `"${value.replace(/./g, '\\$&')}"` : value);
      const value = extensions
        .map(({ name, parameters }) =>
          [
            name,
            ...parameters.map((one) =>
              one.value === undefined ? one.name : `${one.name}=${write(one.value)}`,
            ),
          ].join('; '),
        )
        .join(', ');
      assert.deepEqual(
        parseExtensions(value),
        extensions.map(({ name, parameters }) => ({
          name,
          parameters: parameters.map(({ name, value }) => ({ name, value })),
        })),
      );
    }),
  );
});
