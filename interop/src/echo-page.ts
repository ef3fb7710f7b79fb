/** The page of `framewire echo` in Chromium: what a person does and sees, what the server tells. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { dirname, join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { pseudoRandomOctets } from './contents.ts';
import { EventQueue, patiently, PATIENCE } from './event-queue.ts';
import { CHROMIUM, HOME } from './peers.ts';

const PROGRAM = join(dirname(HOME), 'packages', 'cli', 'bin', 'framewire.js');
const SCREENSHOT = join(HOME, '.build', 'echo-page.png');

/** A line of `framewire echo --json`, of which an event has some fields. */
interface ServerEvent {
  readonly event: string;
  readonly page?: string;
  readonly origin?: string;
  readonly subprotocol?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly wasClean?: boolean;
  readonly initiator?: string;
  readonly messages?: number;
}

/** The server, the browser, and the page between them. */
export class EchoPage {
  readonly page: Page;
  readonly events: EventQueue<ServerEvent>;
  /** What the browser complains about: errors of the script, of the policy, of the network. */
  readonly complaints: string[] = [];
  readonly #server: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #browser: Browser;

  private constructor(
    server: ChildProcess,
    events: EventQueue<ServerEvent>,
    browser: Browser,
    page: Page,
  ) {
    this.#server = server;
    this.#exited = once(server, 'close');
    this.events = events;
    this.#browser = browser;
    this.page = page;
    page.setDefaultTimeout(PATIENCE);
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
  }

  static async start(): Promise<EchoPage> {
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu'],
      timeout: 30_000,
    });
    const page = await browser.newPage({ viewport: { width: 1200, height: 1360 } });
    const events = new EventQueue<ServerEvent>('event of framewire echo');
    const args = [PROGRAM, 'echo', '--port', '0', '--json', '--subprotocol', 'chat.v2'];
    const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface(server.stdout).on('line', (line) => events.push(JSON.parse(line)));
    return new EchoPage(server, events, browser, page);
  }

  /** Asks the server to stop, as Ctrl-C does, and waits until it has. */
  async interrupt(): Promise<void> {
    this.#server.kill('SIGINT');
    await patiently('end of framewire echo', this.#exited);
  }

  async dispose(): Promise<void> {
    this.#server.kill('SIGKILL');
    await this.#exited;
    await this.#browser.close();
  }

  async state(state: 'open' | 'closed'): Promise<void> {
    await this.page.locator(`#state[data-state=${state}]`).waitFor();
  }

  /** Waits for the row that tells of this message. */
  async row(direction: 'sent' | 'received', text: string): Promise<void> {
    const rows = this.page.locator(`#log .row[data-direction=${direction}]`);
    await rows.filter({ hasText: text }).first().waitFor();
  }
}

export interface Step {
  readonly title: string;
  readonly run: (echo: EchoPage) => Promise<void>;
}

const FILE = Buffer.from(pseudoRandomOctets(1_048_576));

/** One visit to the page; each step begins where the last one ended. */
export const STEPS: readonly Step[] = [
  {
    title: 'the page opens without a complaint of the browser',
    run: async ({ page, events, complaints }) => {
      const { event, page: address = '' } = await events.next();
      assert.equal(event, 'listening');
      await page.goto(address);
      assert.deepEqual(complaints, []);
    },
  },
  {
    title: 'it connects from its own origin and shows the subprotocol (§1.9, §10.2)',
    run: async (echo) => {
      await echo.page.locator('#connect').click();
      await echo.state('open');
      assert.equal(await echo.page.locator('#protocol').textContent(), 'chat.v2');
      const { event, origin, subprotocol } = await echo.events.next();
      const expected = { event: 'open', origin: new URL(echo.page.url()).origin };
      assert.deepEqual({ event, origin, subprotocol }, { ...expected, subprotocol: 'chat.v2' });
    },
  },
  {
    title: 'text comes back',
    run: async (echo) => {
      await echo.page.locator('#text').fill('Grüße, 漢字 and 👋');
      await echo.page.locator('#send-text').click();
      await echo.row('sent', 'Grüße, 漢字 and 👋');
      await echo.row('received', 'Grüße, 漢字 and 👋');
    },
  },
  {
    title: 'binary comes back',
    run: async (echo) => {
      await echo.page.locator('#hex').fill('00 7f 80 ff');
      await echo.page.locator('#send-binary').click();
      await echo.row('received', '00 7f 80 ff');
    },
  },
  {
    title: 'a file of 1 MiB comes back',
    run: async (echo) => {
      const file = { name: 'octets.bin', mimeType: 'application/octet-stream', buffer: FILE };
      await echo.page.locator('#file').setInputFiles(file);
      await echo.page.locator('#send-file').click();
      await echo.row('received', '1,048,576 octets');
      await echo.row(
        'received',
        FILE.subarray(0, 8)
          .toString('hex')
          .replace(/..(?=.)/g, '$& '),
      );
    },
  },
  {
    title: 'the round trip is measured',
    run: async ({ page }) => {
      await page.locator('#ping').click();
      await page.locator('#latency [data-value=median]', { hasText: 'ms' }).waitFor();
      await mkdir(dirname(SCREENSHOT), { recursive: true });
      await page.screenshot({ path: SCREENSHOT });
    },
  },
  {
    title: 'both sides see the code and the reason of its Close (§7.1.5)',
    run: async (echo) => {
      await echo.page.locator('#close-code').fill('4001');
      await echo.page.locator('#close-reason').fill('enough 👋');
      await echo.page.locator('#close').click();
      await echo.state('closed');
      const shown = (await echo.page.locator('#close-info').textContent()) ?? '';
      assert.match(shown, /received 4001.*wasClean: true.*4001.*enough 👋/);
      const { event, code, reason, wasClean, initiator, messages } = await echo.events.next();
      const close = { event: 'close', code: 4001, reason: 'enough 👋', wasClean: true };
      // Two that were typed, the file, and the one that measures.
      const expected = { ...close, initiator: 'client', messages: 4 };
      assert.deepEqual({ event, code, reason, wasClean, initiator, messages }, expected);
    },
  },
  {
    title: 'it connects again and sees 1001 when the server is interrupted (§7.4.1)',
    run: async (echo) => {
      await echo.page.locator('#connect').click();
      await echo.state('open');
      await echo.interrupt();
      await echo.state('closed');
      const shown = (await echo.page.locator('#close-info').textContent()) ?? '';
      assert.match(shown, /1001.*wasClean: true/);
      assert.deepEqual(echo.complaints, []);
    },
  },
];
