/** Chromium, which opens `wss:` on the HTTP/2 session of its page when that announces RFC 8441. */
import assert from 'node:assert/strict';
import { chromium, type Page } from 'playwright-core';
import { PATIENCE } from '../event-queue.ts';
import { CHROMIUM } from '../peers.ts';
import { ended, OurServer, type Accepted } from './our-server.ts';
import type { Part, Scenario, Workshop } from './workshop.ts';

/** What the page tells when its WebSocket has closed. */
interface Visit {
  readonly protocol: string;
  readonly extensions: string;
  /** The text and the length of the 1 MiB that came back, and whether its octets are the same. */
  readonly text: string;
  readonly length: number;
  readonly isSame: boolean;
  readonly code: number;
  readonly wasClean: boolean;
}

/** Text and 1 MiB there and back, and a Close. */
const SCRIPT = `(url) => new Promise((resolve) => {
  const octets = Uint8Array.from({ length: 1048576 }, (_, index) => (index * 7) % 251);
  const socket = new WebSocket(url, ['other', 'chat']);
  socket.binaryType = 'arraybuffer';
  const visit = {};
  socket.onopen = () => {
    const { protocol, extensions } = socket;
    Object.assign(visit, { protocol, extensions });
    socket.send('Grüße, 漢字 and 👋');
    socket.send(octets);
  };
  socket.onmessage = ({ data }) => {
    if (typeof data === 'string') return void (visit.text = data);
    visit.length = data.byteLength;
    visit.isSame = new Uint8Array(data).every((octet, index) => octet === octets[index]);
    socket.close(4001, 'done');
  };
  socket.onclose = ({ code, wasClean }) => resolve({ ...visit, code, wasClean });
})`;

/** A page of the server's own, in a context that trusts its certificate. */
async function openPage(workshop: Workshop): Promise<Page> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--ignore-certificate-errors'],
    timeout: 30_000,
  });
  workshop.keep({ [Symbol.asyncDispose]: () => browser.close() });
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  return page;
}

async function visit(page: Page, server: OurServer): Promise<Accepted> {
  const origin = `127.0.0.1:${server.port}`;
  await page.goto(`https://${origin}/`);
  const hop = await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol");
  assert.equal(hop, 'h2');
  const seen: Visit = await page.evaluate(`(${SCRIPT})('wss://${origin}/')`);
  const { extensions, ...rest } = seen;
  assert.deepEqual(rest, {
    protocol: 'chat',
    text: 'Grüße, 漢字 and 👋',
    length: 1_048_576,
    isSame: true,
    code: 4001,
    wasClean: true,
  });
  const accepted = await server.accepted.next();
  assert.equal(extensions.includes('permessage-deflate'), accepted.perMessageDeflate !== undefined);
  const { code, reason, wasClean } = await ended(accepted);
  assert.deepEqual({ code, reason, wasClean }, { code: 4001, reason: 'done', wasClean: true });
  return accepted;
}

function speaks(page: Page, server: OurServer, title: string, isCompressed: boolean): Scenario {
  return {
    title: `a page over HTTP/2, and its WebSocket too, ${title}`,
    run: async () => {
      const accepted = await visit(page, server);
      const { httpVersion, method, origin, headers } = accepted.context;
      assert.deepEqual({ httpVersion, method }, { httpVersion: '2', method: 'CONNECT' });
      // Only an extended CONNECT gets so far; its pseudo-header fields are not the application's.
      assert.equal(headers.get(':protocol'), undefined);
      assert.equal(origin, `https://127.0.0.1:${server.port}`);
      assert.equal(accepted.perMessageDeflate !== undefined, isCompressed);
    },
  };
}

export const BROWSER: Part = {
  name: 'chromium',
  tools: [{ debian: 'chromium', path: CHROMIUM }],
  begin: async (workshop) => {
    const { keys } = workshop;
    const plain = workshop.keep(await OurServer.listenHttp2(keys, { perMessageDeflate: false }));
    const compressed = workshop.keep(await OurServer.listenHttp2(keys));
    const page = await openPage(workshop);
    return [
      speaks(page, plain, 'without compression', false),
      speaks(page, compressed, 'with permessage-deflate', true),
      {
        title: 'a second WebSocket is on the same session',
        run: async () => {
          const first = await visit(page, plain);
          const ports = new Set<number | undefined>();
          for (const _round of [1, 2]) ports.add(await portOf(page, plain));
          assert.equal(first.context.httpVersion, '2');
          assert.equal(ports.size, 1);
        },
      },
    ];
  },
};

/** The port from which the server sees a WebSocket come, which stays open in the page. */
async function portOf(page: Page, server: OurServer): Promise<number | undefined> {
  await page.evaluate(`void new WebSocket('wss://127.0.0.1:${server.port}/')`);
  const { context, remotePort } = await server.accepted.next();
  assert.equal(context.httpVersion, '2');
  return remotePort;
}
