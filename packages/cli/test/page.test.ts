import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BrowserPage, skip } from '@framewire/test-support/browser';
import { startEcho, type RunningCli } from './running-cli.js';

let cli: RunningCli;
let page: BrowserPage;

before(async () => {
  if (skip !== false) return;
  const echo = await startEcho('-s', 'chat.v2', '--compression');
  cli = echo.cli;
  page = await BrowserPage.open(echo.page);
  await page.evaluate(HELPERS);
});

after(async () => {
  await page?.[Symbol.asyncDispose]();
  await cli?.[Symbol.asyncDispose]();
});

/** What else runs in the page. */
const HELPERS = `
  globalThis.isState = (state) => () => byId('state').textContent === state;
  globalThis.rows = (direction) =>
    [...document.querySelectorAll('#log [data-direction=' + direction + ']')].map((row) =>
      Object.fromEntries([...row.children].map((cell) => [cell.className, cell.textContent])));
`;

test('it connects: the state, what was agreed on, and what can be done', { skip }, async () => {
  const result = await page.evaluate(`(async () => {
    const before = [byId('state').textContent, byId('send-text').disabled];
    byId('connect').click();
    const during = byId('state').textContent;
    await until(isState('open'));
    return { before, during, protocol: byId('protocol').textContent,
      extensions: byId('extensions').textContent,
      after: [byId('connect').disabled, byId('send-text').disabled, byId('disconnect').disabled],
      focus: document.activeElement.id };
  })()`);
  assert.deepEqual(result, {
    before: ['closed', true],
    during: 'connecting',
    protocol: 'chat.v2',
    extensions: 'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    after: [true, false, false],
    focus: 'text',
  });
});

test('text and binary come back, with type, size and round trip', { skip }, async () => {
  const result = (await page.evaluate(`(async () => {
    byId('text').value = 'Grüße <b>';
    byId('send-text').click();
    byId('hex').value = '00 41 ff';
    byId('send-binary').click();
    await until(() => rows('received').length === 2);
    return { sent: rows('sent'), received: rows('received'), totals: byId('totals').textContent };
  })()`)) as Record<'sent' | 'received', Record<string, string>[]> & { totals: string };
  const told = ({ type, size, content }: Record<string, string>): unknown => [type, size, content];
  const expected = [
    ['text', '11 octets', 'Grüße <b>'],
    ['binary', '3 octets', '00 41 ff'],
  ];
  assert.deepEqual(result.sent.map(told), expected);
  assert.deepEqual(result.received.map(told), expected);
  for (const { trip } of result.received) assert.match(trip ?? '', /^\d+(?:\.\d)? ms$/u);
  assert.equal(result.totals, '2 sent, 2 received');
});

test('half an octet is not sent', { skip }, async () => {
  const result = await page.evaluate(`(() => {
    byId('hex').value = '4';
    byId('send-binary').click();
    return [byId('hex').validity.customError, rows('sent').length];
  })()`);
  assert.deepEqual(result, [true, 2]);
});

test('a file is one binary message', { skip }, async () => {
  const result = await page.evaluate(`(async () => {
    const files = new DataTransfer();
    files.items.add(new File([new Uint8Array(100_000)], 'zeros.bin'));
    byId('file').files = files.files;
    byId('send-file').click();
    await until(() => rows('received').length === 3);
    return rows('received').at(-1).size;
  })()`);
  assert.equal(result, '100,000 octets');
});

test('the round trip is measured without filling the log', { skip }, async () => {
  const result = (await page.evaluate(`(async () => {
    const value = (name) => byId('latency').querySelector('[data-value=' + name + ']').textContent;
    byId('ping').click();
    await until(() => value('last') !== '–');
    return { values: ['last', 'min', 'median', 'max'].map(value), rows: rows('sent').length };
  })()`)) as { values: string[]; rows: number };
  assert.equal(result.rows, 3);
  for (const value of result.values) assert.match(value, /^\d+(?:\.\d)? ms$/u);
});

test('the log keeps 500 rows', { skip }, async () => {
  const result = await page.evaluate(`(async () => {
    for (let count = 0; count < 300; count++) {
      byId('text').value = 'message ' + count;
      byId('send-text').click();
    }
    await until(() => byId('log').lastElementChild.textContent.endsWith('message 299'));
    await until(() => byId('totals').textContent === '303 sent, 303 received');
    await new Promise((resolve) => requestAnimationFrame(resolve));
    return [byId('log').childElementCount, byId('totals').textContent];
  })()`);
  assert.deepEqual(result, [500, '303 sent, 303 received']);
});

test('it closes with a code and a reason, and tells how that went', { skip }, async () => {
  const result = await page.evaluate(`(async () => {
    byId('close-code').value = '4001';
    byId('close-reason').value = 'enough';
    byId('close').focus();
    byId('close').click();
    const during = byId('state').textContent;
    await until(isState('closed'));
    return { during, info: byId('close-info').textContent, focus: document.activeElement.id };
  })()`);
  assert.deepEqual(result, {
    during: 'closing',
    info: 'Closed: received 4001, no reason; clean (wasClean: true). Sent before: 4001, “enough”.',
    focus: 'connect',
  });
  const { code, reason } = await cli.event('close');
  assert.deepEqual({ code, reason }, { code: 4001, reason: 'enough' });
});

test(
  'a server that goes away is told as such, and another start can be made',
  { skip },
  async () => {
    await page.evaluate(`byId('connect').click(); until(isState('open'))`);
    cli.signal('SIGINT');
    const info = await page.evaluate(
      `until(isState('closed')).then(() => byId('close-info').textContent)`,
    );
    assert.match(String(info), /^Closed: received 1001 \(going away\), no reason; clean/u);
    const refused = await page.evaluate(`(async () => {
    byId('connect').click();
    await until(isState('connecting'));
    await until(isState('closed'));
    return byId('close-info').textContent;
  })()`);
    assert.match(String(refused), /^Closed: received 1006 .*; not clean \(wasClean: false\)/u);
  },
);

test('the page broke none of its own rules', { skip }, async () => {
  assert.deepEqual(await page.evaluate('violations'), []);
});

test('another server is out of reach for the page, and it says so', { skip }, async () => {
  const result = (await page.evaluate(`(async () => {
    if (byId('state').textContent !== 'closed') byId('disconnect').click();
    await until(isState('closed'));
    const url = byId('url').value;
    byId('url').value = 'ws://127.0.0.1:1/';
    byId('connect').click();
    const during = byId('state').textContent;
    await until(isState('closed'));
    byId('url').value = url;
    return { during, canConnect: !byId('connect').disabled, info: byId('close-info').textContent };
  })()`)) as Record<string, unknown>;
  assert.deepEqual([result['during'], result['canConnect']], ['connecting', true]);
  assert.match(String(result['info']), /^Not allowed/u);
});
