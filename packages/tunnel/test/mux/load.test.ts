/** Many streams, or much on one: what one of them does is nothing to the others. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { Budget, type MuxStream } from '@framewire/tunnel';
import { turn, within } from '@framewire/test-support/waiting';
import {
  data,
  ending,
  event,
  KIB,
  openPair,
  openSession,
  PATIENCE,
  SYN,
  update,
  WINDOW,
} from './sessions.ts';

const MIB = 1024 * KIB;

/** Writes so many octets as fast as they are taken, and ends. */
async function upload(stream: MuxStream, octets: number): Promise<void> {
  const chunk = new Uint8Array(64 * KIB);
  for (let left = octets; left > 0; left -= chunk.length) {
    if (!stream.write(chunk.subarray(0, Math.min(left, chunk.length)))) {
      await event(stream, 'drain');
    }
  }
  stream.end();
}

/** Says what it hears, until the end, whatever that is. */
async function echo(stream: MuxStream): Promise<void> {
  await pipeline(stream, stream).catch(() => {});
}

test('1000 streams that nobody reads hold themselves and nobody else', async (t) => {
  const budget = new Budget(8 * MIB);
  const pair = await openPair(t, 'client', { maxStreams: 1100 }, { maxStreams: 1100, budget });
  const stalled: MuxStream[] = [];
  for (let count = 0; count < 1000; count++) {
    const [here, there] = await pair.open();
    here.write(new Uint8Array(320 * KIB));
    there.on('error', () => {});
    stalled.push(there);
  }
  for (let count = 0; count < 10; count++) {
    const [here, there] = await pair.open();
    const answer = ending(here);
    void echo(there);
    void upload(here, MIB);
    assert.equal((await answer).octets.length, MIB);
  }
  while (budget.held < 1000 * WINDOW) await turn();
  assert.equal(budget.held, 1000 * WINDOW);
  assert.equal(budget.isTight, true);
  assert.equal(pair.far.streams, 1000);
  pair.near.close();
  await within(pair.far.closed, 'the end', PATIENCE);
  assert.equal(budget.held, 0);
  assert.ok(stalled.every((stream) => stream.destroyed));
});

test('100 MB through one stream leave nothing behind on the way', async (t) => {
  const budget = new Budget(64 * MIB);
  const { open, connections } = await openPair(t, 'client', {}, { budget });
  const [here, there] = await open();
  let octets = 0;
  let mostWaiting = 0;
  let mostHeld = 0;
  there.on('data', (chunk: Buffer) => {
    octets += chunk.length;
    mostWaiting = Math.max(mostWaiting, connections[0].bufferedAmount);
    mostHeld = Math.max(mostHeld, budget.held);
  });
  void upload(here, 100 * MIB);
  await within(new Promise((resolve) => there.once('end', resolve)), 'the end', PATIENCE);
  assert.equal(octets, 100 * MIB);
  assert.ok(mostWaiting <= 192 * KIB + 4 * KIB, `${mostWaiting} octets waited`);
  assert.ok(mostHeld <= 4 * MIB, `${mostHeld} octets were held`);
  assert.equal(budget.held, 0);
});

test('a small stream gets its turn while large ones send', async (t) => {
  const { hand, session, own } = await openSession(t, 'client');
  const large = [session.open(), session.open()];
  for (const stream of large) {
    stream.write(new Uint8Array(4 * MIB));
    hand.send(update(0, stream.id, 4 * MIB));
  }
  await hand.expect(update(SYN, own), update(SYN, own + 2));
  const first = await hand.frame();
  assert.equal(first.id, own);
  const small = session.open();
  small.end('small');
  void session.ping();
  let before = 0;
  let hasSeenPing = false;
  for (;;) {
    const frame = await hand.frame();
    if (frame.type === 2) hasSeenPing = true;
    if (frame.id === small.id && frame.type === 0) break;
    before += frame.payload.length;
  }
  assert.equal(hasSeenPing, true);
  assert.ok(before <= 512 * KIB, `${before} octets were before it`);
});

test('streams take turns, a frame each', async (t) => {
  const { hand, session } = await openSession(t, 'client');
  for (let count = 0; count < 4; count++) session.open().write(new Uint8Array(100 * KIB));
  const sent: number[] = [];
  while (sent.length < 20) {
    const { type, id } = await hand.frame();
    if (type === 0) sent.push(id);
  }
  assert.deepEqual(sent.slice(0, 8), [1, 3, 5, 7, 1, 3, 5, 7]);
});

test('1500 streams that have something to say in one turn all say it', async (t) => {
  const { near, accepted } = await openPair(
    t,
    'client',
    { maxStreams: 1500 },
    { maxStreams: 1500 },
  );
  for (let count = 0; count < 1500; count++) near.open().write(`${count}`);
  for (let count = 0; count < 1500; count++) {
    const stream = await accepted();
    const [chunk] = (await once(stream, 'data')) as [Buffer];
    assert.equal(chunk.toString(), `${count}`);
  }
});

test('5000 streams that are opened and reset disturb nobody', async (t) => {
  const { near, far, open, accepted } = await openPair(t);
  const [here, there] = await open();
  void echo(there);
  let resets = 0;
  for (let count = 0; count < 5000; count++) {
    const stream = near.open();
    stream.write('never read');
    const end = accepted().then((other) => ending(other));
    if (count % 2 === 0) await turn();
    stream.destroy();
    const { hasEnded, code } = await end;
    assert.deepEqual([hasEnded, code], [false, 'ERR_TUNNEL_STREAM_RESET']);
    resets++;
    if (count % 500 === 0) {
      here.write(`${count}`);
      const chunk = await within(
        new Promise<Buffer>((resolve) => here.once('data', resolve)),
        'the echo',
        PATIENCE,
      );
      assert.equal(chunk.toString(), `${count}`);
    }
  }
  assert.equal(resets, 5000);
  assert.deepEqual([near.streams, far.streams], [1, 1]);
});

test('5000 streams that are opened and reset in one turn disturb nobody', async (t) => {
  const { near, far, open } = await openPair(t);
  const [here, there] = await open();
  void echo(there);
  for (let count = 0; count < 5000; count++) near.open().destroy();
  const answer = ending(here);
  here.end('still here');
  assert.equal((await answer).octets.toString(), 'still here');
  while (near.streams + far.streams > 0) await turn();
});

test('who opens streams and does not read the answers is cut off', async (t) => {
  const { session, hand } = await openSession(t, 'server', { onStream: undefined });
  hand.connection.pause();
  const frames = Array.from({ length: 1000 }, (_, index) => index);
  for (let round = 0; round < 40 && hand.connection.readyState === 'open'; round++) {
    hand.send(...frames.map((index) => update(SYN, 2 * (round * 1000 + index) + 1)));
    await turn();
  }
  hand.connection.resume();
  assert.equal(
    (await within(session.closed, 'the end', PATIENCE))?.code,
    'ERR_TUNNEL_FLOW_CONTROL',
  );
});

test('a budget of the process bounds what sessions hold together', async (t) => {
  const whole = new Budget(200 * KIB);
  const [one, other] = [
    await openSession(t, 'server', { budget: new Budget(MIB, whole) }),
    await openSession(t, 'server', { budget: new Budget(MIB, whole) }),
  ];
  for (const { hand } of [one, other]) hand.send(data(SYN, 1, new Uint8Array(WINDOW)));
  await one.accepted();
  const stream = await other.accepted();
  assert.equal(whole.isTight, true);
  stream.resume();
  await other.hand.octets(12);
  const { type, length } = await other.hand.frame();
  assert.equal(type, 1);
  assert.ok(length <= 64 * KIB, `${length}`);
  one.session.close();
  other.session.close();
  assert.equal(whole.held, 0);
});
