/** A headless Chromium, spoken to over its DevTools protocol with the library's own client. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect, json, type CodecConnection } from 'framewire';

const CANDIDATES = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  ...['--disable-extensions', '--remote-debugging-port=0'],
];

const executable = CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** Of tests in a browser: they say that they were skipped where there is none. */
export const skip: string | false = executable === undefined ? 'there is no Chromium' : false;

/** What expressions find in the page. Waiting is by MutationObserver, not by asking again and again. */
const HELPERS = `
  globalThis.byId = (id) => document.getElementById(id);
  globalThis.until = (condition) => new Promise((resolve) => {
    const check = () => {
      if (!condition()) return;
      observer.disconnect();
      resolve();
    };
    const observer = new MutationObserver(check);
    const all = { subtree: true, childList: true, characterData: true, attributes: true };
    observer.observe(document, all);
    check();
  });
  globalThis.violations = [];
  addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective));
`;

interface Answer {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

interface Evaluation {
  readonly result: { readonly value?: unknown };
  readonly exceptionDetails?: { readonly exception?: { readonly description?: string } };
}

export class BrowserPage implements AsyncDisposable {
  readonly #devTools: CodecConnection<object>;
  readonly #dispose: () => Promise<void>;
  #sessionId: string | undefined;
  #lastId = 0;

  private constructor(devTools: CodecConnection<object>, dispose: () => Promise<void>) {
    this.#devTools = devTools;
    this.#dispose = dispose;
  }

  /** Expressions have `byId`, `until(condition)`, and `violations` of the policy of the page. */
  static async open(url: string): Promise<BrowserPage> {
    if (executable === undefined) throw new Error('there is no Chromium');
    const folder = await mkdtemp(join(tmpdir(), 'framewire-chromium-'));
    const browser = spawn(executable, [...FLAGS, `--user-data-dir=${folder}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    const ended = once(browser, 'close');
    const dispose = async (): Promise<void> => {
      browser.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    };
    // Reading goes on behind the address: a pipe that nobody empties would stop the browser.
    const address = new Promise<string | undefined>((resolve) => {
      createInterface({ input: browser.stderr })
        .on('line', (line) => {
          const found = /^DevTools listening on (ws:\S+)$/u.exec(line)?.[1];
          if (found !== undefined) resolve(found);
        })
        .once('close', () => resolve(undefined));
    });
    try {
      const connection = await connect((await address) ?? '');
      const page = new BrowserPage(connection.withCodec(json<object>()), dispose);
      await page.#navigate(url);
      await page.evaluate(HELPERS);
      return page;
    } catch (error) {
      await dispose();
      throw error;
    }
  }

  /** The value of an expression in the page, awaited there. */
  async evaluate(expression: string): Promise<unknown> {
    const parameters = { expression, awaitPromise: true, returnByValue: true, userGesture: true };
    const answer = await this.#call('Runtime.evaluate', parameters);
    const { result, exceptionDetails } = answer as unknown as Evaluation;
    const description = exceptionDetails?.exception?.description;
    if (description !== undefined) throw new Error(`in the page: ${description}`);
    return result.value;
  }

  /** A picture of it, as PNG. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.#call('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(String(data), 'base64');
  }

  /** The size of the window, and light or dark. */
  async appear(width: number, height: number, scheme: 'light' | 'dark'): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: false };
    await this.#call('Emulation.setDeviceMetricsOverride', metrics);
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await this.#call('Emulation.setEmulatedMedia', { features });
  }

  /** Presses a key, as `/` or `ArrowDown`. */
  async press(key: string): Promise<void> {
    const text = key.length === 1 ? { text: key } : {};
    await this.#call('Input.dispatchKeyEvent', { type: 'keyDown', key, ...text });
    await this.#call('Input.dispatchKeyEvent', { type: 'keyUp', key });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispose();
  }

  async #navigate(url: string): Promise<void> {
    const { targetId } = await this.#call('Target.createTarget', { url: 'about:blank' });
    const attachment = { targetId, flatten: true };
    const { sessionId } = await this.#call('Target.attachToTarget', attachment);
    this.#sessionId = String(sessionId);
    await this.#call('Page.navigate', { url });
    // The new document replaces the old one under a script that waits in it, so this asks again.
    while ((await this.evaluate('document.readyState + location.href')) !== `complete${url}`);
  }

  async #call(method: string, params: object): Promise<Record<string, unknown>> {
    this.#lastId++;
    const id = this.#lastId;
    await this.#devTools.send({ id, method, params, sessionId: this.#sessionId });
    for (;;) {
      const answer: Answer | undefined = await this.#devTools.receive();
      if (answer === undefined) throw new Error('the browser has gone');
      if (answer.id !== id) continue;
      if (answer.error !== undefined) throw new Error(answer.error.message);
      return answer.result ?? {};
    }
  }
}
