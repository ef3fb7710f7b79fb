import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCookies, parseCookies, type StoredCookie } from '#src/cookies-txt.js';

const COOKIE: StoredCookie = {
  domain: 'example.com',
  isHostOnly: false,
  path: '/chat',
  isSecure: true,
  isHttpOnly: true,
  expires: 2_000_000_000_000,
  name: 'sid',
  value: 'a=b c',
};

test('the lines that curl writes', () => {
  const text = [
    '# Netscape HTTP Cookie File',
    '',
    '#HttpOnly_.example.com\tTRUE\t/chat\tTRUE\t2000000000\tsid\ta=b c',
    '127.0.0.1\tFALSE\t/\tFALSE\t0\tempty\t',
  ].join('\n');
  assert.deepEqual(parseCookies(text), {
    cookies: [
      COOKIE,
      {
        domain: '127.0.0.1',
        isHostOnly: true,
        path: '/',
        isSecure: false,
        isHttpOnly: false,
        expires: undefined,
        name: 'empty',
        value: '',
      },
    ],
    brokenLine: undefined,
  });
});

test('what others make of it: a byte order mark, CRLF, fractions, and a last tab that is lost', () => {
  const text = '\u{feff}# a comment\r\na.example\tfalse\t/\ttrue\t12.5\tname\r\n';
  const { cookies, brokenLine } = parseCookies(text);
  const [{ expires, isSecure, value } = COOKIE] = cookies;
  assert.deepEqual(
    { expires, isSecure, value, brokenLine },
    { expires: 12_500, isSecure: true, value: '', brokenLine: undefined },
  );
});

const LINE = '.example.com\tTRUE\t/\tFALSE\t0\tname\tvalue';

for (const [name, line] of [
  ['five fields', 'example.com\tTRUE\t/\tFALSE\t0'],
  ['eight fields', `${LINE}\tmore`],
  ['spaces for tabs', LINE.replaceAll('\t', ' ')],
  ['no domain', LINE.replace('.example.com', '')],
  ['a flag that is none', LINE.replace('TRUE', 'YES')],
  ['a path that is none', LINE.replace('/', 'path')],
  ['an end that is no number', LINE.replace('\t0\t', '\tnever\t')],
  ['no name', LINE.replace('name', '')],
  ['a control character', LINE.replace('value', 'val\u0000ue')],
  ['JSON', '{"cookies":[]}'],
] as const) {
  test(`a line with ${name} is broken, and told by its number`, () => {
    assert.equal(parseCookies(`# comment\n\n${LINE}\n${line}\n`).brokenLine, 4);
  });
}

test('what is written is read again as it was', () => {
  const session = { ...COOKIE, isHostOnly: true, isHttpOnly: false, expires: undefined };
  const { cookies, brokenLine } = parseCookies(formatCookies([COOKIE, session]));
  assert.deepEqual({ cookies, brokenLine }, { cookies: [COOKIE, session], brokenLine: undefined });
});

test('an end in 1970 is not taken for none', () => {
  const [cookie] = parseCookies(formatCookies([{ ...COOKIE, expires: 0 }])).cookies;
  assert.equal(cookie?.expires, 1000);
});

test('a cookie that would break its line is left out', () => {
  const text = formatCookies([{ ...COOKIE, value: 'a\tb' }, COOKIE]);
  assert.deepEqual(parseCookies(text).cookies, [COOKIE]);
});
