import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { memoryPair } from 'framewire/testing';
import { splice } from '#src/splice.js';

interface Spliced {
  /** The ends that are left to others. */
  readonly left: Duplex;
  readonly right: Duplex;
  readonly done: Promise<void>;
}

function spliced(): Spliced {
  const [left, near] = memoryPair();
  const [far, right] = memoryPair();
  left.on('error', () => {});
  right.on('error', () => {});
  const done = new Promise<void>((resolve) => splice(near, far, resolve));
  return { left, right, done };
}

/** By events: a loop would destroy the stream at its end, and with it the other direction. */
async function all(stream: Duplex): Promise<string> {
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(stream, 'end');
  return text;
}

test('octets go both ways, and each side ends for itself', async () => {
  const { left, right, done } = spliced();
  left.end('request');
  assert.equal(await all(right), 'request');
  right.end('answer');
  assert.equal(await all(left), 'answer');
  await done;
});

test('what breaks off on one side breaks off on the other, and never ends there', async () => {
  for (const side of ['left', 'right'] as const) {
    const { left, right, done } = spliced();
    const [one, other] = side === 'left' ? [left, right] : [right, left];
    let hasEnded = false;
    other.on('end', () => (hasEnded = true));
    const begun = once(other, 'data');
    one.write('half');
    await begun;
    const closed = new Promise((resolve) => other.once('close', resolve));
    one.destroy();
    await closed;
    assert.equal(hasEnded, false);
    await done;
  }
});

test('a side that does not read holds the other back', async () => {
  const { left, right } = spliced();
  // 64 KiB and more fit into the buffers between them, and then nothing moves any more.
  for (let count = 0; count < 100; count++) left.write(Buffer.alloc(16 * 1024));
  for (let count = 0; count < 50; count++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(left.writableLength > 16 * 1024);
  right.resume();
  await once(left, 'drain');
  left.destroy();
});
