import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CookieFile } from '#src/cookie-file.js';
import { parseCookies, type StoredCookie } from '#src/cookies-txt.js';
import { UsageError } from '#src/usage-error.js';

const folder = mkdtempSync(join(tmpdir(), 'framewire-cookies-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const URL_HERE = 'http://127.0.0.1:8080/chat';

function file(name: string, text?: string): string {
  const path = join(folder, name);
  if (text !== undefined) writeFileSync(path, text, { mode: 0o644 });
  return path;
}

function stored(path: string): readonly StoredCookie[] {
  return parseCookies(readFileSync(path, 'utf8')).cookies;
}

test('a file that is not there is an empty one, and is made with the first cookie', async () => {
  const path = file('new.txt');
  const cookies = await CookieFile.open(path);
  assert.equal(await cookies.getCookieString(URL_HERE), '');
  await cookies.save();
  assert.equal(existsSync(path), false);
  await cookies.setCookie('sid=1; Path=/; HttpOnly', URL_HERE);
  await cookies.save();
  assert.equal(await (await CookieFile.open(path)).getCookieString(URL_HERE), 'sid=1');
});

test('only its owner may read it, also where others could; no draft is left', async () => {
  const path = file('mode.txt', '');
  const cookies = await CookieFile.open(path);
  await cookies.setCookie('a=1', URL_HERE);
  await cookies.save();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('mode')),
    ['mode.txt'],
  );
});

test('a link to the file stays a link', async () => {
  const target = file('target.txt', '');
  const link = file('link.txt');
  symlinkSync(target, link);
  const cookies = await CookieFile.open(link);
  await cookies.setCookie('a=1', URL_HERE);
  await cookies.save();
  assert.equal(lstatSync(link).isSymbolicLink(), true);
  assert.equal(stored(target).length, 1);
});

test('a file without new cookies is not written', async () => {
  const text = '# mine\n127.0.0.1\tFALSE\t/\tFALSE\t0\ta\tb\n';
  const path = file('unchanged.txt', text);
  const cookies = await CookieFile.open(path);
  assert.equal(await cookies.getCookieString(URL_HERE), 'a=b');
  await cookies.save();
  assert.equal(readFileSync(path, 'utf8'), text);
});

test('RFC 6265 §5.3 Max-Age counts from when the cookie came, and goes before Expires', async () => {
  const path = file('age.txt');
  const cookies = await CookieFile.open(path);
  const before = Date.now();
  const past = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT';
  await cookies.setCookie(`a=1; Max-Age=3600; ${past}`, URL_HERE);
  await cookies.setCookie('b=1; Max-Age=99999999999999', URL_HERE);
  await cookies.save();
  const [a, b] = stored(path);
  const age = (a?.expires ?? 0) - before;
  assert.ok(age > 3_598_000 && age < 3_700_000, `${age} ms`);
  assert.equal(new Date(b?.expires ?? 0).getUTCFullYear(), 9999);
});

test('§4.1.2 a cookie that is taken back is not in the file any more', async () => {
  const path = file('back.txt', '127.0.0.1\tFALSE\t/\tFALSE\t0\ta\tb\n');
  const cookies = await CookieFile.open(path);
  await cookies.setCookie('a=; Path=/; Max-Age=0', URL_HERE);
  await cookies.save();
  assert.deepEqual(stored(path), []);
});

test('§5.4 cookies go to their domain and path only, and secure ones by TLS only', async () => {
  const path = file(
    'domains.txt',
    [
      '.example.com\tTRUE\t/\tFALSE\t0\tall\t1',
      'example.com\tFALSE\t/\tFALSE\t0\thost\t1',
      'a.example.com\tFALSE\t/chat\tTRUE\t0\tdeep\t1',
      'a.example.com\tFALSE\t/\tFALSE\t1\told\t1',
    ].join('\n'),
  );
  const cookies = await CookieFile.open(path);
  assert.equal(await cookies.getCookieString('http://a.example.com/chat'), 'all=1');
  assert.equal(await cookies.getCookieString('https://a.example.com/chat'), 'deep=1; all=1');
  assert.equal(await cookies.getCookieString('https://other.example/'), '');
});

test('a broken line is a usage error with its number, and without what it says', async () => {
  const path = file('broken.txt', '# Netscape HTTP Cookie File\nsecret\n');
  await assert.rejects(CookieFile.open(path), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /^--cookie-jar: line 2 of \S+broken\.txt is no cookie/u);
    assert.doesNotMatch(error.message, /secret/u);
    return true;
  });
});

test('a file that cannot be read, or made, is a usage error', async () => {
  await assert.rejects(CookieFile.open(folder), UsageError);
  await assert.rejects(CookieFile.open(join(folder, 'nowhere', 'jar.txt')), UsageError);
});
