import assert from 'node:assert/strict';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { TargetSocket } from '#src/target-socket.js';
import { within } from '@framewire/test-support/waiting';
import { listen } from './listening.ts';

interface Fate {
  readonly text: string;
  readonly code: string | undefined;
}

/** The target answers what is sent first and breaks off; then, before any of that is read, `more` is sent. */
async function brokenOff(t: TestContext, more: (socket: net.Socket) => void): Promise<Fate> {
  const socket = new TargetSocket();
  const server = net.createServer((target) => {
    target.once('data', () => {
      target.write('answer', () => {
        target.resetAndDestroy();
        more(socket);
      });
    });
  });
  socket.connect(await listen(t, server), '127.0.0.1');
  socket.write('request');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  const fate = new Promise<Fate>((resolve) => {
    let code: string | undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code));
    socket.on('close', () => resolve({ text, code }));
  });
  return within(fate, 'the end of the connection');
}

for (const [what, more] of [
  ['a write', (socket) => socket.write('more')],
  [
    'several at once',
    (socket) => {
      socket.cork();
      socket.write('more');
      socket.write('and more');
      socket.uncork();
    },
  ],
] as const satisfies readonly (readonly [string, (socket: net.Socket) => void])[]) {
  test(`RFC 9112 §9.6 what has come is read though ${what} fails, which is told then`, async (t) => {
    const { text, code } = await brokenOff(t, more);
    assert.equal(text, 'answer');
    assert.ok(code === 'EPIPE' || code === 'ECONNRESET', code);
  });
}

test('what is written is told at once where it goes well', async (t) => {
  const server = net.createServer((target) => target.pipe(target));
  const socket = new TargetSocket();
  t.after(() => socket.destroy());
  socket.connect(await listen(t, server), '127.0.0.1');
  const written = new Promise<unknown>((resolve) => socket.write('a', resolve));
  const echoed = new Promise<unknown>((resolve) => socket.once('data', resolve));
  const first = await within(Promise.race([written, echoed]), 'what comes first');
  assert.ok(first === undefined || first === null);
});
