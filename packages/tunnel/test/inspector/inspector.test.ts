import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { connect } from 'framewire';
import type { InspectorOptions, TargetOption } from '#src/index.js';
import type { Detail } from '#src/inspector/view.js';
import { createSetting, Feed, type Setting } from './setting.js';

async function start(
  t: TestContext,
  options?: InspectorOptions,
  target?: TargetOption,
): Promise<{ setting: Setting; feed: Feed; detail: (id: number) => Promise<Detail> }> {
  const setting = await createSetting(options, target);
  t.after(() => setting[Symbol.asyncDispose]());
  const feed = await Feed.open(setting);
  const detail = async (id: number): Promise<Detail> =>
    (await setting.api('GET', `exchanges/${id}`)).value;
  return { setting, feed, detail };
}

const valueOf = (list: readonly { name: string; value: unknown }[], name: string): unknown =>
  list.find((one) => one.name.toLowerCase() === name)?.value;

test('the feed begins with all there is, and goes on with what happens', async (t) => {
  const { setting, feed } = await start(t);
  assert.deepEqual(await feed.next(), { type: 'snapshot', exchanges: [] });
  await setting.call('/200');
  await feed.over('/200');
  const later = await Feed.open(setting);
  const { type, exchanges } = await later.next();
  assert.equal(type, 'snapshot');
  assert.deepEqual(
    exchanges.map(({ path, state }) => [path, state]),
    [['/200', 'done']],
  );
});

test('requests and answers with their headers, bodies, times and sizes', async (t) => {
  const { setting, feed, detail } = await start(t);
  await setting.call('/json?a=b', { method: 'POST', headers: { 'X-A': '1' } }, '{"q":[1]}');
  const one = await detail(await feed.over('/json?a=b'));
  assert.equal(one.method, 'POST');
  assert.equal(one.status, 200);
  assert.equal(one.host, 'app.tunnel.test');
  assert.equal(one.caller, '127.0.0.1');
  assert.equal(one.requestOctets, 9);
  assert.deepEqual(valueOf(one.request.headers, 'x-a'), ['1']);
  assert.deepEqual(one.query, [{ name: 'a', value: ['b'] }]);
  assert.deepEqual(one.request.body.text, ['{\n  "q": [\n    1\n  ]\n}']);
  assert.ok(one.connected! <= one.answered! && one.answered! <= one.ended!);
  assert.match(String(one.answer?.body.text?.[0]), /"user": "ada"/u);
});

test('secrets are told nowhere but to whoever asks for one', async (t) => {
  const { setting, feed, detail } = await start(t);
  const headers = { Authorization: 'Bearer head-secret', Cookie: 'sid=cookie-secret' };
  const path = '/json?api_key=query-secret';
  await setting.call(path, { method: 'POST', headers }, 'password=body-secret');
  const id = await feed.over('/json?api_key=••••••');
  const one = await detail(id);
  const everything = JSON.stringify([
    one,
    (await setting.api('GET', `exchanges/${id}/draft`)).value,
    (await setting.api('POST', `exchanges/${id}/curl`, {})).value,
    await (await Feed.open(setting)).next(),
  ]);
  assert.doesNotMatch(everything, /-secret|answer-token|answer-cookie/u);
  for (const [masked, secret] of [
    [valueOf(one.request.headers, 'authorization'), 'head-secret'],
    [valueOf(one.request.headers, 'cookie'), 'cookie-secret'],
    [one.query[0]?.value, 'query-secret'],
    [one.request.body.text, 'body-secret'],
    [one.answer?.body.text, '"answer-token"'],
    [valueOf(one.answer?.headers ?? [], 'set-cookie'), 'answer-cookie'],
  ] as const) {
    const pieces = masked as readonly (string | { hidden: string })[];
    const piece = pieces.find((piece) => typeof piece !== 'string') as { hidden: string };
    const { value } = await setting.api('POST', `exchanges/${id}/reveal`, piece);
    assert.deepEqual(value, { value: secret });
  }
});

test('search looks into headers and encoded bodies, and not into secrets', async (t) => {
  const { setting, feed } = await start(t);
  await setting.call('/gzip', { headers: { 'X-Api-Key': 'hidden-away', 'X-B': 'in-a-header' } });
  const id = await feed.over('/gzip');
  const search = async (query: string): Promise<unknown> =>
    (await setting.api('GET', `search?q=${encodeURIComponent(query)}`)).value;
  assert.deepEqual(await search('NEEDLE hay'), { ids: [id] });
  assert.deepEqual(await search('in-a-header'), { ids: [id] });
  assert.deepEqual(await search('needle nowhere'), { ids: [] });
  assert.deepEqual(await search('hidden-away'), { ids: [] });
});

test('a replay is the request once more, with its true values', async (t) => {
  const { setting, feed } = await start(t);
  const headers = { Authorization: 'Bearer true-value', 'Transfer-Encoding': 'chunked' };
  await setting.call('/200?token=x', { method: 'PUT', headers }, 'the body');
  const id = await feed.over('/200?token=••••••');
  const { status, value } = await setting.api('POST', `exchanges/${id}/replay`, {});
  assert.equal(status, 200);
  const replay = (value as { id: number }).id;
  await feed.until(({ exchanges }) =>
    exchanges.some((one) => one.id === replay && one.replayOf === id && one.state === 'done'),
  );
  const [first, second] = setting.asked;
  assert.equal(setting.asked.length, 2);
  assert.equal(second?.message.url, '/200?token=x');
  assert.equal(second.body, 'the body');
  assert.equal(second.message.headers.authorization, 'Bearer true-value');
  assert.equal(second.message.headers.host, first?.message.headers.host);
  assert.equal(second.message.headers['x-forwarded-for'], '127.0.0.1');
});

test('an edited replay sends what was changed, and for what is hidden its value', async (t) => {
  const { setting, feed } = await start(t);
  const headers = { 'Content-Type': 'application/json', 'X-Api-Key': 'k1' };
  await setting.call('/200', { method: 'POST', headers }, '{"password":"p1","a":1}');
  const id = await feed.over('/200');
  const { value } = await setting.api('GET', `exchanges/${id}/draft`);
  const draft = value as { method: string; target: string; headers: string; body: string };
  assert.match(draft.body, /^\{"password":⟨hidden \w+ body:0⟩,"a":1\}$/u);
  const edited = {
    method: 'PATCH',
    target: '/404?new',
    headers: `${draft.headers}\nX-New: yes`,
    body: draft.body.replace('"a":1', '"a":2'),
  };
  await setting.api('POST', `exchanges/${id}/replay`, { draft: edited });
  await feed.over('/404?new');
  const last = setting.asked.at(-1);
  assert.equal(last?.message.method, 'PATCH');
  assert.equal(last.message.headers['x-new'], 'yes');
  assert.equal(last.message.headers['x-api-key'], 'k1');
  assert.equal(last.body, '{"password":"p1","a":2}');
});

test('an edited request that is none is refused with a sentence', async (t) => {
  const { setting, feed } = await start(t);
  await setting.call('/200');
  const id = await feed.over('/200');
  const draft = { method: 'GET', target: '/', headers: 'Host: a', body: '' };
  for (const wrong of [{ headers: 'no colon' }, { method: 'A B' }, { target: '/ /' }]) {
    const answer = await setting.api('POST', `exchanges/${id}/replay`, {
      draft: { ...draft, ...wrong },
    });
    assert.equal(answer.status, 409, JSON.stringify(answer.value));
  }
});

test('a body that is not kept whole is not sent again', async (t) => {
  const { setting, feed } = await start(t, { maxBody: 4 });
  await setting.call('/200', { method: 'POST' }, '12345');
  const id = await feed.over('/200');
  const { status, value } = await setting.api('POST', `exchanges/${id}/replay`, {});
  assert.equal(status, 409);
  assert.deepEqual(value, { error: 'Only 4 of the 5 octets of its body are kept.' });
});

test('an answer that breaks off is told in words', async (t) => {
  const { setting, feed, detail } = await start(t);
  await assert.rejects(setting.call('/break'));
  const one = await detail(await feed.over('/break'));
  assert.equal(one.state, 'failed');
  assert.equal(one.error?.code, 'ERR_TUNNEL_ABORTED');
  assert.match(one.error.text, /broke off: in the middle of the answer$/u);
  assert.deepEqual(one.answer?.body.text, ['half']);
});

test('a target that is down is told in words', async (t) => {
  const { setting, feed, detail } = await start(t, {}, 'http://127.0.0.1:1');
  assert.equal((await setting.call('/')).status, 502);
  const one = await detail(await feed.over('/'));
  assert.equal(one.status, 502);
  assert.match(one.error?.text ?? '', /^the target cannot be reached: .*ECONNREFUSED/u);
});

test('a WebSocket: its messages, its octets and how long it was open', async (t) => {
  const { setting, feed, detail } = await start(t);
  const connection = await connect(`ws://127.0.0.1:${setting.relayPort}/echo`, {
    headers: { Host: 'app.tunnel.test' },
    perMessageDeflate: true,
  });
  await feed.until(({ exchanges }) => exchanges.some(({ state }) => state === 'open'));
  // Short messages are not compressed.
  await connection.send(`{"a":"${'b'.repeat(2000)}","token":"t"}`);
  await connection.receive();
  await connection.close(4000, 'bye');
  const one = await detail(await feed.over('/echo'));
  assert.equal(one.status, 101);
  assert.ok(one.requestOctets > 0 && one.answerOctets > 0 && one.ended! > 0);
  assert.deepEqual(
    one.messages?.map(({ side, type, isCompressed }) => [side, type, isCompressed]),
    [
      ['request', 'text', true],
      ['answer', 'text', true],
      ['request', 'close', false],
      ['answer', 'close', false],
    ],
  );
  assert.match(String(one.messages[0]?.text[0]), /^\{"a":"b{2000}","token":$/u);
  assert.deepEqual(one.messages[2]?.text, ['4000 bye']);
  assert.equal((await setting.api('POST', `exchanges/${one.id}/replay`, {})).status, 409);
});

test('a function as the target is looked at, and replayed, as any other', async (t) => {
  const { setting, feed, detail } = await start(t, {}, async (request) => {
    return new Response((await request.text()).toUpperCase(), { status: 201 });
  });
  await setting.call('/f', { method: 'POST' }, 'hello');
  const id = await feed.over('/f');
  const one = await detail(id);
  assert.equal(one.status, 201);
  assert.deepEqual(one.request.body.text, ['hello']);
  assert.deepEqual(one.answer?.body.text, ['HELLO']);
  assert.deepEqual([one.requestOctets, one.answerOctets], [5, 5]);
  const { value } = await setting.api('POST', `exchanges/${id}/replay`, {});
  const replay = (value as { id: number }).id;
  await feed.until(({ exchanges }) =>
    exchanges.some(({ id, state }) => id === replay && state === 'done'),
  );
  assert.deepEqual((await detail(replay)).answer?.body.text, ['HELLO']);
});

test('beyond the number that is kept the feed says what has gone', async (t) => {
  const { setting, feed } = await start(t, { maxExchanges: 1 });
  await setting.call('/first');
  const first = await feed.over('/first');
  await setting.call('/second');
  await feed.until(({ removed }) => removed?.includes(first) === true);
  assert.equal((await setting.api('GET', `exchanges/${first}`)).status, 409);
});

test('clear forgets everything', async (t) => {
  const { setting, feed } = await start(t);
  await setting.call('/200');
  const id = await feed.over('/200');
  await setting.api('POST', 'clear', {});
  const { removed } = await feed.until((message) => message.removed?.length === 1);
  assert.deepEqual(removed, [id]);
});

test('a command of curl, with and without what is secret', async (t) => {
  const { setting, feed } = await start(t);
  const headers = { Authorization: 'Bearer abc', 'X-Quote': `it's` };
  await setting.call('/200?q=1', { method: 'PUT', headers }, 'a b');
  const id = await feed.over('/200?q=1');
  const { value } = await setting.api('POST', `exchanges/${id}/curl`, { secrets: true });
  assert.equal(
    (value as { command: string }).command,
    [
      'curl',
      '--request PUT',
      `'http://app.tunnel.test/200?q=1'`,
      `--header 'Authorization: Bearer abc'`,
      `--header 'X-Quote: it'\\''s'`,
      `--data-raw 'a b'`,
    ].join(' \\\n  '),
  );
  const hiding = await setting.api('POST', `exchanges/${id}/curl`, {});
  assert.match(JSON.stringify(hiding.value), /Bearer …/u);
});
