/** Much content through a gateway, both ways, and what of it stays in memory meanwhile. */
import assert from 'node:assert/strict';
import http from 'node:http';
import type { TestContext } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gateway, target } from './serving.ts';

const CHUNK = Buffer.alloc(256 * 1024, 'framewire');
/** Octets that buffers may take at any time, however much passes: those of three servers in one. */
const MOST = 4 * 1024 * 1024;
/** Octets from one look at the memory to the next. */
const STEP = 4 * 1024 * 1024;

/** So many octets there, and back again as they come. Asserts that none is kept. */
export async function echo(t: TestContext, octets: number): Promise<void> {
  const port = await target(t, (request, response) => request.pipe(response));
  const front = await gateway(t, port);
  const held = memory();
  const before = held();
  let most = 0;
  let received = 0;
  await new Promise<void>((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: front.port, method: 'POST' });
    request.on('error', reject).on('response', (response) => {
      response
        .on('data', (chunk: Uint8Array) => {
          const looks = Math.floor(received / STEP);
          received += chunk.length;
          if (Math.floor(received / STEP) > looks) most = Math.max(most, held() - before);
        })
        .on('error', reject)
        .on('end', resolve);
    });
    write(request, octets);
  });
  assert.equal(received, octets);
  const { requestOctets, answerOctets, error } = await front.outcome();
  assert.deepEqual([requestOctets, answerOctets, error], [octets, octets, undefined]);
  assert.ok(most < MOST, `${most} octets were held`);
}

function write(request: http.ClientRequest, octets: number): void {
  let left = octets;
  const fill = (): void => {
    while (left > 0) {
      left -= CHUNK.length;
      if (request.write(CHUNK)) continue;
      request.once('drain', fill);
      return;
    }
    request.end();
  };
  fill();
}

/** Octets outside the heap that somebody holds: garbage is collected first. */
function memory(): () => number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  return () => {
    // What the first one finds is given back by the second.
    collect();
    collect();
    return process.memoryUsage().arrayBuffers;
  };
}
