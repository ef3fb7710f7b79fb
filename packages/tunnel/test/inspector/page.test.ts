import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BrowserPage, skip } from '@framewire/test-support/browser';
import { createSetting, type Setting } from './setting.js';

let setting: Setting;
let page: BrowserPage;

before(async () => {
  if (skip !== false) return;
  setting = await createSetting();
  page = await BrowserPage.open(setting.server.url.href);
  await page.appear(1280, 900, 'light');
  await page.evaluate(HELPERS);
});

after(async () => {
  await page?.[Symbol.asyncDispose]();
  await setting?.[Symbol.asyncDispose]();
});

/** What else runs in the page. */
const HELPERS = `
  globalThis.rows = () => [...document.querySelectorAll('.row')].filter((row) => !row.hidden);
  globalThis.told = (row) => ['method', 'path', 'status']
    .map((name) => row.querySelector('.' + name).textContent).join(' ');
  globalThis.row = (text) => rows().find((row) => told(row) === text);
  globalThis.opened = (text) => until(() => document.querySelector('#detail h2')?.textContent === text);
`;

test('it says that nothing has come yet', { skip }, async () => {
  const result = await page.evaluate(`(async () => {
    await until(() => byId('state').textContent === 'live' && byId('list-empty').textContent !== '');
    return [byId('list-empty').textContent, byId('detail').textContent.includes('Choose a request')];
  })()`);
  assert.deepEqual(result, ['Nothing has come through the tunnel yet.', true]);
});

test('requests appear live, newest first', { skip }, async () => {
  await setting.call('/200?first&api_key=abc');
  const headers = { Authorization: 'Bearer the-secret', 'Content-Type': 'application/json' };
  await setting.call('/json', { method: 'POST', headers }, '{"word":"quokka"}');
  await setting.call('/404');
  const result = await page.evaluate(`(async () => {
    await until(() => row('GET /404 404') && row('POST /json 200'));
    return [rows().map(told), byId('counts').textContent, byId('about').textContent];
  })()`);
  assert.deepEqual(result, [
    ['GET /404 404', 'POST /json 200', 'GET /200?first&api_key=•••••• 200'],
    '3 requests',
    'app.tunnel.test',
  ]);
});

test('one is opened, with its headers, its bodies and its times', { skip }, async () => {
  const result = (await page.evaluate(`(async () => {
    row('POST /json 200').click();
    await opened('POST /json');
    return { request: document.querySelector('#request pre').textContent,
      answer: document.querySelector('#answer pre').textContent,
      lanes: [...document.querySelectorAll('.timing dt')].map((term) => term.textContent),
      selected: document.querySelector('[aria-selected=true] .path').textContent,
      all: document.documentElement.outerHTML };
  })()`)) as Record<string, string>;
  assert.equal(result['request'], '{\n  "word": "quokka"\n}');
  assert.match(result['answer'] ?? '', /"n": 12345678901234567890/u);
  assert.deepEqual(result['lanes'], ['connect', 'first byte', 'answer', 'total']);
  assert.equal(result['selected'], '/json');
  assert.doesNotMatch(result['all'] ?? '', /the-secret|answer-token|answer-cookie/u);
});

test('a secret is hidden until it is clicked, and hidden again', { skip }, async () => {
  const result = await page.evaluate(`(async () => {
    const secret = document.querySelector('#request .secret');
    const before = secret.textContent;
    secret.click();
    await until(() => secret.dataset.shown === 'true');
    const during = secret.textContent;
    secret.click();
    await until(() => secret.dataset.shown === 'false');
    return [before, during, secret.textContent];
  })()`);
  assert.deepEqual(result, ['••••••', 'the-secret', '••••••']);
});

test('search finds what is in a body, and filters are by status', { skip }, async () => {
  const result = await page.evaluate(`(async () => {
    const type = (text) => {
      byId('search').value = text;
      byId('search').dispatchEvent(new Event('input'));
    };
    type('quokka');
    await until(() => byId('counts').textContent === '1 of 3 requests');
    const found = rows().map(told);
    type('');
    await until(() => rows().length === 3);
    document.querySelector('[data-class="4"]').click();
    await until(() => rows().length === 1);
    const filtered = rows().map(told);
    document.querySelector('[data-class=all]').click();
    await until(() => rows().length === 3);
    return [found, filtered];
  })()`);
  assert.deepEqual(result, [['POST /json 200'], ['GET /404 404']]);
});

test('the keyboard: down and up, search, and r replays', { skip }, async () => {
  await page.evaluate(`byId('list').focus()`);
  await page.press('ArrowUp');
  await page.evaluate(`opened('GET /404')`);
  await page.press('ArrowDown');
  await page.evaluate(`opened('POST /json')`);
  await page.press('/');
  assert.equal(await page.evaluate('document.activeElement.id'), 'search');
  await page.press('Escape');
  assert.equal(await page.evaluate('document.activeElement.id'), 'list');
  await page.press('r');
  const result = await page.evaluate(`(async () => {
    await until(() => byId('detail').textContent.includes('a replay of request'));
    await until(() => document.querySelector('#answer pre') !== null);
    // The list is drawn at its own pace.
    await until(() => rows().length === 4);
    return [rows().length, rows()[0].querySelector('.kind').textContent];
  })()`);
  assert.deepEqual(result, [4, '↻ replay']);
  assert.equal(setting.asked.at(-1)?.message.headers.authorization, 'Bearer the-secret');
});

test('an edited replay', { skip }, async () => {
  await page.press('e');
  const result = await page.evaluate(`(async () => {
    await until(() => byId('editor').open);
    const headers = byId('edit-headers').value;
    byId('edit-target').value = '/200?edited';
    byId('edit-send').click();
    await opened('POST /200?edited');
    return [headers.includes('the-secret'), headers.includes('Bearer ⟨hidden ')];
  })()`);
  assert.deepEqual(result, [false, true]);
  assert.equal(setting.asked.at(-1)?.message.url, '/200?edited');
});

test('an image, and a failure in words', { skip }, async () => {
  await setting.call('/image');
  await assert.rejects(setting.call('/break'));
  const result = (await page.evaluate(`(async () => {
    await until(() => row('GET /image 200') && row('GET /break 200')?.dataset.class === 'failed');
    row('GET /image 200').click();
    await until(() => document.querySelector('#answer img')?.complete);
    const width = document.querySelector('#answer img').naturalWidth;
    row('GET /break 200').click();
    await opened('GET /break');
    return [width, document.querySelector('.problem').textContent];
  })()`)) as [number, string];
  assert.equal(result[0], 1);
  assert.match(result[1], /^The target or its agent broke off: in the middle of the answer\./u);
});

test('500 requests, and the row that is looked at stays', { skip }, async () => {
  for (let round = 0; round < 50; round++) {
    await Promise.all(Array.from({ length: 10 }, () => setting.call(`/many/${round}`)));
  }
  const result = await page.evaluate(`(async () => {
    await until(() => byId('counts').textContent === '500 requests');
    await until(() => rows().every((row) => row.dataset.class !== 'pending'));
    return [rows().length, byId('list').childElementCount, byId('detail').textContent.trim() === ''];
  })()`);
  assert.deepEqual(result, [500, 500, false]);
});

test('at 400 pixels nothing sticks out, in the list and in what is open', { skip }, async () => {
  await page.appear(400, 800, 'dark');
  const result = await page.evaluate(`(async () => {
    const fits = () => document.documentElement.scrollWidth <= 400 &&
      [...document.querySelectorAll('body *')].filter((one) => one.checkVisibility())
        .every((one) => one.closest('pre, .row') || one.getBoundingClientRect().right <= 400.5);
    const inList = fits();
    rows()[0].click();
    await until(() => document.querySelector('#detail h2') !== null);
    const open = [fits(), byId('list').checkVisibility(), byId('detail').checkVisibility()];
    byId('back').click();
    return [inList, ...open, byId('list').checkVisibility()];
  })()`);
  assert.deepEqual(result, [true, true, false, true, true]);
});

test('clear', { skip }, async () => {
  const result = await page.evaluate(`(async () => {
    byId('clear').click();
    await until(() => byId('counts').textContent === 'No requests');
    return rows().length;
  })()`);
  assert.equal(result, 0);
});

test('the page broke none of its own rules', { skip }, async () => {
  assert.deepEqual(await page.evaluate('violations'), []);
});

test('without its key it says what to do', { skip }, async () => {
  await using locked = await BrowserPage.open(new URL('/', setting.server.url).href);
  const text = await locked.evaluate(`(async () => {
    ${HELPERS}
    await until(() => byId('list-empty').textContent.startsWith('Open the address'));
    return byId('state').textContent;
  })()`);
  assert.equal(text, 'locked');
});

test('an agent that goes is told', { skip }, async () => {
  await setting.server.close();
  const state = await page.evaluate(`(async () => {
    await until(() => byId('state').dataset.state === 'gone');
    return byId('state').textContent;
  })()`);
  assert.equal(state, 'the agent is gone');
});
