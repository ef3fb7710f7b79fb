import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BrowserPage, skip } from '@framewire/test-support/browser';
import { runCli, RunningCli } from '../running-cli.js';
import { startTarget } from '../running-tunnel.js';

let demo: RunningCli;
let addresses: Readonly<Record<string, unknown>>;

before(async () => {
  demo = new RunningCli(['tunnel', 'demo', '--port', '0']);
  addresses = await demo.event('listening');
});

after(async () => {
  await demo?.[Symbol.asyncDispose]();
});

test(
  'the page of the demonstration: its WebSocket and its events go through the tunnel',
  { skip },
  async () => {
    const url = String(addresses['page']);
    await using page = await BrowserPage.open(url);
    const found = await page.evaluate(`(async () => {
    const textOf = (id) => byId(id).textContent;
    const linesOf = (id) => [...byId(id).children].map((line) => line.textContent);
    await until(() => textOf('socket-state') === 'open' && textOf('events-state') === 'open');
    byId('text').value = 'said in the page';
    byId('send').click();
    await until(() => linesOf('echoes').includes('said in the page'));
    await until(() => linesOf('events').length >= 2);
    await until(() => linesOf('seen').includes('GET /hello'));
    return { relay: textOf('relay'), isMeasured: Number(textOf('round-trip')) >= 0 };
  })()`);
    assert.deepEqual(found, { relay: new URL(url).host, isMeasured: true });
  },
);

test('the inspector of the demonstration shows its requests', { skip }, async () => {
  const answer = await fetch(`${String(addresses['path'])}hello?asked=by-this-test`);
  assert.equal(answer.status, 200);
  const url = String(addresses['inspector']);
  await using page = await BrowserPage.open(url);
  await page.evaluate(`until(() => document.body.textContent.includes('/hello'))`);
});

test('a port of the demonstration that is taken: what to do, also with npm', async () => {
  await using taken = await startTarget();
  const { exitCode, stderr } = await runCli(['tunnel', 'demo', '--port', String(taken.port)]);
  assert.equal(exitCode, 1);
  assert.match(
    stderr,
    /^framewire: port \d+ of 127\.0\.0\.1 is taken .*"npm start -- --port 0"\n$/u,
  );
});
