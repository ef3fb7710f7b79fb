/** Who a client says it is: headers that are asked for, Authorization, and cookies. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { connect, type Authentication, type ConnectOptions, type CookieJar } from 'framewire';
import { RawListener } from '../connection/opening.ts';
import { within, type HeaderChanges, type Head } from '../connection/raw-peer.ts';
import { rejection } from './proxies.ts';

async function requestOf(
  t: TestContext,
  options: ConnectOptions,
  answer: HeaderChanges = {},
): Promise<Head> {
  const listener = await RawListener.start(t);
  const connecting = connect(`${listener.url}room?a=b`, options);
  const request = await (await listener.next()).openAsServer(answer);
  (await within(connecting, 'connect')).terminate();
  return request;
}

test('headers may be a function, asked for each handshake, that takes its time', async (t) => {
  let count = 0;
  const headers = async (): Promise<Record<string, string>> => {
    await Promise.resolve();
    return { Authorization: `Bearer ${++count}` };
  };
  assert.equal((await requestOf(t, { headers })).headers.get('authorization'), 'Bearer 1');
  assert.equal((await requestOf(t, { headers })).headers.get('authorization'), 'Bearer 2');
  assert.equal((await requestOf(t, { headers: () => [['X-A', 'b']] })).headers.get('x-a'), 'b');
});

test('what a headers function throws, and what it gives that cannot be sent, is told', async (t) => {
  const listener = await RawListener.start(t);
  const mistake = new Error('no token');
  await assert.rejects(connect(listener.url, { headers: () => Promise.reject(mistake) }), mistake);
  await assert.rejects(connect(listener.url, { headers: () => ({ 'X-A': 'a\r\nb' }) }), {
    code: 'ERR_WS_INVALID_ARGUMENT',
  });
  assert.equal(await listener.size, 0);
});

test('RFC 7617, RFC 6750: auth is Basic or Bearer', async (t) => {
  const basic = await requestOf(t, { auth: { username: 'usér', password: 'p:w' } });
  assert.equal(
    basic.headers.get('authorization'),
    `Basic ${Buffer.from('usér:p:w').toString('base64')}`,
  );
  const bearer = await requestOf(t, { auth: { token: 'abc.DEF-_~+/==' } });
  assert.equal(bearer.headers.get('authorization'), 'Bearer abc.DEF-_~+/==');
});

test('a header of that name takes the place of auth', async (t) => {
  const { headers } = await requestOf(t, {
    auth: { token: 'a' },
    headers: { AUTHORIZATION: 'Digest x' },
  });
  assert.equal(headers.get('authorization'), 'Digest x');
});

for (const auth of [
  { token: '' },
  { token: 'a b' },
  { token: 'a\r\nb' },
  { token: 7 },
  { username: 'a:b', password: 'secret' },
  { username: 'a\nb', password: 'secret' },
  { username: 'a', password: 'secret\u0000' },
  { username: 'a' },
  {},
]) {
  test(`auth that cannot be sent is a mistake, and is not shown: ${JSON.stringify(auth)}`, async () => {
    await assert.rejects(
      connect('ws://a.example/', { auth: auth as Authentication }),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_WS_INVALID_ARGUMENT');
        assert.doesNotMatch(error.message, /secret/u);
        return true;
      },
    );
  });
}

for (const userInformation of [
  'us%3Aer:secret',
  'us%0Aer:secret',
  'user:secret%00',
  'user:secret%C2%85',
]) {
  test(`RFC 7617 §2 the URL says what Basic cannot: ${userInformation}`, async (t) => {
    const listener = await RawListener.start(t);
    const url = listener.url.replace('://', `://${userInformation}@`);
    const error = await rejection(connect(url));
    assert.equal(error.code, 'ERR_WS_INVALID_ARGUMENT');
    assert.doesNotMatch(error.message, /secret/u);
    assert.equal(await listener.size, 0);
  });
}

test('RFC 7617 §2 a colon in the password is a part of it', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url.replace('://', '://user:p%3Aw@'));
  const { headers } = await (await listener.next()).openAsServer();
  (await within(connecting, 'connect')).terminate();
  assert.equal(headers.get('authorization'), `Basic ${btoa('user:p:w')}`);
});

class Jar implements CookieJar {
  readonly asked: string[] = [];
  readonly kept: string[] = [];
  readonly #cookies: string;

  constructor(cookies: string) {
    this.#cookies = cookies;
  }

  async getCookieString(url: string): Promise<string> {
    this.asked.push(url);
    return this.#cookies;
  }

  async setCookie(cookie: string, url: string): Promise<void> {
    if (cookie.startsWith('bad')) throw new Error('not of this domain');
    this.kept.push(`${cookie} ${url}`);
  }
}

test('RFC 6265 §5.4: a jar gives the one Cookie header, and takes each Set-Cookie', async (t) => {
  const jar = new Jar('a=1; b=2');
  const cookie = 'c=3; Expires=Wed, 21 Oct 2026 07:28:00 GMT';
  const { headers } = await requestOf(
    t,
    { cookieJar: jar },
    { 'Set-Cookie': [cookie, 'bad=1', 'd=4'] },
  );
  assert.equal(headers.get('cookie'), 'a=1; b=2');
  const [url = ''] = jar.asked;
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/room\?a=b$/u);
  assert.deepEqual(jar.kept, [`${cookie} ${url}`, `d=4 ${url}`]);
});

test('RFC 6265 §5.4: with cookies of the caller there is still one header', async (t) => {
  const headers = [
    ['Cookie', 'x=y'],
    ['X-A', 'b'],
  ] as const;
  const both = await requestOf(t, { headers, cookieJar: new Jar('a=1') });
  assert.equal(both.headers.get('cookie'), 'x=y; a=1');
  const own = await requestOf(t, { headers, cookieJar: new Jar('') });
  assert.equal(own.headers.get('cookie'), 'x=y');
});

test('the cookies of a refusal are kept too', async (t) => {
  const jar = new Jar('');
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url, { cookieJar: jar });
  connecting.catch(() => {});
  const peer = await listener.next();
  assert.equal((await peer.readHead()).headers.has('cookie'), false);
  peer.send('HTTP/1.1 401 No\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n');
  assert.equal((await rejection(connecting)).status, 401);
  assert.deepEqual(jar.kept, [`a=b ${listener.url.replace('ws:', 'http:')}`]);
});

test('a jar that fails costs no connection', async (t) => {
  const listener = await RawListener.start(t);
  const mistake = new Error('the file is gone');
  const cookieJar: CookieJar = { getCookieString: () => Promise.reject(mistake), setCookie() {} };
  await assert.rejects(connect(listener.url, { cookieJar }), mistake);
  assert.equal(await listener.size, 0);
});
