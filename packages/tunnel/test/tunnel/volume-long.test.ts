/** A gigabyte each way through the whole of it. Takes a minute: `npm run test:long`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { test } from 'node:test';
import { ask, responseOf, startAll } from './tunnelling.ts';

const CHUNK = Buffer.alloc(256 * 1024, 'x');
const CHUNKS = 4096;

/** All processes are one here, and the sockets between them; what is kept would be a thousand times this. */
const MOST = 300 * 1024 * 1024;

const skip = process.env['TUNNEL_LONG'] === '1' ? false : 'npm run test:long runs it';

for (const [mode, tunnel] of [
  ['spliced', {}],
  ['read', { rules: {} }],
] as const) {
  test(`1 GB goes up while 1 GB comes down, in flat memory (${mode})`, { skip }, async (t) => {
    const { port } = await startAll(
      t,
      (request, response) => {
        if (request.method === 'GET') void pour(response);
        else void count(request).then((octets) => response.end(String(octets)));
      },
      { tunnel },
    );
    let most = 0;
    const watching = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 50);
    t.after(() => clearInterval(watching));
    const down = ask(port);
    down.end();
    const up = ask(port, { method: 'POST' });
    const [octets, answer] = await Promise.all([
      responseOf(down).then(count),
      (async () => {
        await pour(up);
        const [chunk] = (await once(await responseOf(up), 'data')) as [Buffer];
        return String(chunk);
      })(),
    ]);
    assert.equal(octets, CHUNKS * CHUNK.length);
    assert.equal(answer, String(CHUNKS * CHUNK.length));
    assert.ok(most < MOST, `${Math.round(most / 2 ** 20)} MiB`);
    t.diagnostic(`${Math.round(most / 2 ** 20)} MiB at most`);
  });
}

async function pour(into: Writable): Promise<void> {
  for (let index = 0; index < CHUNKS; index++) {
    if (!into.write(CHUNK)) await new Promise<void>((resolve) => into.once('drain', resolve));
  }
  into.end();
}

async function count(from: AsyncIterable<Buffer>): Promise<number> {
  let octets = 0;
  for await (const chunk of from) octets += chunk.length;
  return octets;
}
