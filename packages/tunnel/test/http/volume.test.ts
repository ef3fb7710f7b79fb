import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { turns } from '@framewire/test-support/waiting';
import { RawTarget } from './raw.ts';
import { echo } from './volume.ts';
import { begin, call, gateway } from './serving.ts';

test('64 MB pass in both directions at once, and none of it is kept', async (t) => {
  await echo(t, 64 * 1024 * 1024);
});

/** Writes until nothing is taken any more; returns the octets that were. */
async function fill(socket: Socket): Promise<number> {
  const chunk = Buffer.alloc(64 * 1024);
  let written = 0;
  for (let idle = 0; idle < 50;) {
    if (socket.writableLength === 0) {
      socket.write(chunk);
      written += chunk.length;
      idle = 0;
    }
    idle++;
    await turns(4);
    assert.ok(written < 64 * 1024 * 1024, 'it takes whatever comes');
  }
  return written;
}

test('a caller that does not read holds the target back', async (t) => {
  const raw = await RawTarget.start(t);
  const caller = await call(t, await gateway(t, raw.port));
  caller.socket.pause();
  caller.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const asked = await raw.next();
  await asked.readHead();
  asked.send('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
  const written = await fill(asked.socket);
  // And goes on as soon as it does.
  caller.socket.resume();
  await new Promise<void>((resolve) => asked.socket.write(Buffer.alloc(written), () => resolve()));
});

test('a target that does not read holds the caller back', async (t) => {
  const { caller, asked } = await begin(
    t,
    'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n',
  );
  await asked.readHead();
  asked.socket.pause();
  const written = await fill(caller.socket);
  asked.socket.resume();
  await new Promise<void>((resolve) => caller.socket.write(Buffer.alloc(written), () => resolve()));
});

test('an upgraded connection holds whoever sends too much back', async (t) => {
  const { caller, asked } = await begin(
    t,
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  );
  await asked.readHead();
  asked.send('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  await caller.readHead();
  for (const [from, to] of [
    [caller.socket, asked.socket],
    [asked.socket, caller.socket],
  ] as const) {
    to.pause();
    const written = await fill(from);
    to.resume();
    await new Promise<void>((resolve) => from.write(Buffer.alloc(written), () => resolve()));
  }
});
