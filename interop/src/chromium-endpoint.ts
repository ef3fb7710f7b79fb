/** The browser's own WebSocket, in a page of the server's origin. */
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { Inbound } from './inbound.ts';
import { decodeOctets, encodeOctets } from './wire.ts';
import {
  Refusal,
  type Ability,
  type DialOptions,
  type Endpoint,
  type Link,
  type Listener,
} from './endpoint.ts';

const ABILITIES: readonly Ability[] = [
  'sets its origin',
  'has close codes',
  'closes without a code',
  'reassembles fragments',
  'speaks TLS',
  'offers compression',
  'compresses',
  'keeps a context',
  'takes deflate parameters',
  'chooses a window of 8 bits',
  'is a browser',
];

/** What a WebSocket in the page reports; `dial` says which one. */
type Report = { readonly dial: number } & (
  | { readonly event: 'open'; readonly protocol: string; readonly extensions: string }
  | { readonly event: 'message'; readonly type: 'text' | 'binary'; readonly data: string }
  | {
      readonly event: 'close';
      readonly code: number;
      readonly reason: string;
      readonly wasClean: boolean;
    }
);

/** The part that runs in the page: one WebSocket, which says over `report` what happens to it. */
const PAGE_SCRIPT = `
  const encode = (octets) => {
    let text = '';
    for (let at = 0; at < octets.length; at += 8192) {
      text += String.fromCharCode(...octets.subarray(at, at + 8192));
    }
    return btoa(text);
  };
  const decode = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const encodeMessage = (data) => typeof data === 'string'
    ? { type: 'text', data: encode(new TextEncoder().encode(data)) }
    : { type: 'binary', data: encode(new Uint8Array(data)) };
  globalThis.begin = (dial, url, protocols, echo) => {
    const socket = new WebSocket(url, protocols);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      const { protocol, extensions } = socket;
      report({ dial, event: 'open', protocol, extensions });
    };
    socket.onmessage = ({ data }) => {
      if (echo) return socket.send(data);
      report({ dial, event: 'message', ...encodeMessage(data) });
    };
    socket.onclose = ({ code, reason, wasClean }) =>
      report({ dial, event: 'close', code, reason, wasClean });
    globalThis.transmit = (type, data) =>
      socket.send(type === 'text' ? new TextDecoder().decode(decode(data)) : decode(data));
    globalThis.finish = (code, reason) => socket.close(code, reason);
  };
`;

type Agreed = Pick<Link, 'protocol' | 'extensions'>;

/** Who waits for the reports of one WebSocket. */
interface Listening {
  readonly opened: (agreed: Agreed) => void;
  readonly refused: (error: Error) => void;
  readonly inbound: Inbound;
}

export class ChromiumEndpoint implements Endpoint {
  readonly name = 'chromium';
  readonly abilities: ReadonlySet<Ability> = new Set(ABILITIES);
  readonly #browser: Browser;
  readonly #listening: Map<number, Listening> = new Map();
  /** Trusts whatever certificate a server has. */
  #trusting: Page | undefined;
  #strict: Page | undefined;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(executablePath: string): Promise<ChromiumEndpoint> {
    const args = ['--no-sandbox', '--disable-gpu'];
    return new ChromiumEndpoint(await chromium.launch({ executablePath, args, timeout: 30_000 }));
  }

  listen(): Promise<Listener> {
    return Promise.reject(new Error('a browser does not listen'));
  }

  async dial(options: DialOptions): Promise<Link> {
    const { certificate, url, protocols = [], echo = false } = options;
    const page = await (certificate === undefined ? this.#strictPage() : this.#trustingPage());
    await visit(page, options.origin ?? originOf(url));
    const inbound = new Inbound();
    const dial = this.#listening.size;
    const opening = new Promise<Agreed>((opened, refused) => {
      this.#listening.set(dial, { opened, refused, inbound });
    });
    await page.evaluate(`begin(${[dial, url, protocols, echo].map(literal).join()})`);
    return linkOf(page, await opening, inbound);
  }

  async #strictPage(): Promise<Page> {
    this.#strict ??= await this.#newPage({});
    return this.#strict;
  }

  async #trustingPage(): Promise<Page> {
    this.#trusting ??= await this.#newPage({ ignoreHTTPSErrors: true });
    return this.#trusting;
  }

  async #newPage(options: BrowserContextOptions): Promise<Page> {
    // The page comes from this process and not from the network, so that Chromium does not know
    // that it is as local as the server it talks to.
    const permissions = ['local-network-access'];
    const context = await this.#browser.newContext({ ...options, permissions });
    const page = await context.newPage();
    await page.exposeFunction('report', (report: Report) => this.#read(report));
    await page.route(/^https?:/, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>interop</title>' }),
    );
    return page;
  }

  #read(report: Report): void {
    const listening = this.#listening.get(report.dial);
    if (listening === undefined) return;
    const { opened, refused, inbound } = listening;
    if (report.event === 'open') return opened(report);
    if (report.event === 'message') {
      return inbound.message({ type: report.type, data: decodeOctets(report.data) });
    }
    // Says nothing new to those whose connection was open.
    refused(new Refusal(`the browser saw ${report.code}`, undefined));
    inbound.end(report);
  }

  async kill(): Promise<void> {
    await this.#browser.close();
  }

  async dispose(): Promise<void> {
    await this.#browser.close();
  }
}

async function visit(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/`);
  await page.evaluate(PAGE_SCRIPT);
}

function originOf(url: string): string {
  return new URL(url).origin.replace(/^ws/, 'http');
}

function literal(value: unknown): string {
  return JSON.stringify(value);
}

function linkOf(page: Page, { protocol, extensions }: Agreed, inbound: Inbound): Link {
  const { messages, pings, pongs, history, closed } = inbound;
  const unable = (): Promise<never> => Promise.reject(new Error('a browser cannot do that'));
  return {
    ...{ protocol, extensions, headers: new Map(), messages, pings, pongs, history, closed },
    send: async ({ type, data }) => {
      await page.evaluate(`transmit(${literal(type)}, ${literal(encodeOctets(data))})`);
    },
    close: async (code, reason = '') => {
      await page.evaluate(
        `finish(${code === undefined ? '' : [code, reason].map(literal).join()})`,
      );
    },
    // A page that goes away says 1001.
    abort: async () => {
      await page.goto('about:blank');
    },
    sendFragments: unable,
    ping: unable,
  };
}
