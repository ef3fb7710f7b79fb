import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { BorrowedStream } from '#src/client/borrowed-stream.js';
import { OpeningStream } from '#src/connection/opening-stream.js';
import { Transport } from '#src/connection/transport.js';
import { HeadReader } from '#src/handshake/http1-head.js';
import { ManualClock, memoryPair } from 'framewire/testing';
import { RawListener } from '../connection/opening.ts';
import { RawPeer, turns, within } from '../connection/raw-peer.ts';
import { buffered, listenersOf, rejection } from './proxies.ts';

interface Borrowed {
  readonly near: Duplex;
  readonly peer: RawPeer;
  readonly controller: AbortController;
  readonly stream: BorrowedStream;
  readonly listenersBefore: Readonly<Record<string, number>>;
}

type Pairing = (t: TestContext) => Promise<{ readonly near: Duplex; readonly peer: RawPeer }>;

const PAIRINGS: Readonly<Record<string, Pairing>> = {
  'in memory': () => {
    const [near, far] = memoryPair();
    return Promise.resolve({ near, peer: new RawPeer(far, 'server') });
  },
  'over TCP': async (t) => {
    const listener = await RawListener.start(t);
    const near = net.connect(listener.port, '127.0.0.1');
    t.after(() => near.destroy());
    await once(near, 'connect');
    return { near, peer: await listener.next() };
  },
};

async function borrow(t: TestContext, pairing: Pairing): Promise<Borrowed> {
  const { near, peer } = await pairing(t);
  const controller = new AbortController();
  const listenersBefore = listenersOf(near);
  const stream = new BorrowedStream(near, controller.signal);
  return { near, peer, controller, stream, listenersBefore };
}

const HEAD = 'HTTP/1.1 200 OK\r\n\r\n';

function text(octets: Uint8Array | undefined): string | undefined {
  return octets && Buffer.from(octets).toString('latin1');
}

async function readAll(stream: Duplex): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString('latin1');
}

for (const [where, pairing] of Object.entries(PAIRINGS)) {
  test(`${where}: octets are there in order, in whatever portions they are asked for`, async (t) => {
    const { peer, stream } = await borrow(t, pairing);
    peer.send('abcdef');
    assert.equal(text(await within(stream.readExactly(1), 'an octet')), 'a');
    assert.equal(text(await within(stream.readExactly(2), 'two')), 'bc');
    const reading = stream.readExactly(5);
    await turns(5);
    peer.send('g');
    await turns(5);
    peer.send('hi');
    assert.equal(text(await within(reading, 'five')), 'defgh');
    assert.equal(text(await within(stream.next(), 'the rest')), 'i');
    stream.release();
  });

  test(`${where}: what was read too much is there for the next reader, and then the rest`, async (t) => {
    const { near, peer, stream, listenersBefore } = await borrow(t, pairing);
    peer.send(`${HEAD}too much`);
    const head = await within(stream.readHead(new HeadReader()), 'the head');
    assert.equal(text(head), HEAD);
    stream.release();
    assert.deepEqual(listenersOf(near), listenersBefore);
    peer.send(', more').end();
    assert.equal(await within(readAll(near), 'the rest'), 'too much, more');
  });

  for (const order of ['before it is asked for', 'after it is asked for'] as const) {
    test(`${where}: nothing is lost of a stream that ends, all of it ${order}`, async (t) => {
      const { near, peer, stream } = await borrow(t, pairing);
      const early = order.startsWith('after') ? stream.readHead(new HeadReader()) : undefined;
      peer.send(`${HEAD}too much`).end();
      await within(once(peer.stream, 'finish'), 'the FIN');
      await turns(10);
      const reading = early ?? stream.readHead(new HeadReader());
      assert.equal(text(await within(reading, 'the head')), HEAD);
      stream.release();
      assert.equal(await within(readAll(near), 'the rest'), 'too much');
    });
  }

  test(`${where}: an opening handshake goes on with the same stream`, async (t) => {
    const { near, peer, stream } = await borrow(t, pairing);
    peer.send(`${HEAD}HTTP/1.1 101 `);
    await within(stream.readHead(new HeadReader()), 'the head');
    stream.release();
    const opening = new OpeningStream(new Transport(near), {
      clock: new ManualClock(),
      timeout: 1000,
    });
    await turns(5);
    peer.send('Switching Protocols\r\n\r\n');
    const head = await within(opening.readHead(new HeadReader()), 'the next head');
    assert.equal(text(head), 'HTTP/1.1 101 Switching Protocols\r\n\r\n');
    opening.destroy();
  });

  test(`${where}: the end is told after all octets, once and again`, async (t) => {
    const { peer, stream } = await borrow(t, pairing);
    peer.send('last').end();
    assert.equal(text(await within(stream.next(), 'the last')), 'last');
    assert.equal(await within(stream.next(), 'the end'), undefined);
    assert.equal(await within(stream.next(), 'the end'), undefined);
    stream.release();
  });

  test(`${where}: an end in the middle is an error`, async (t) => {
    for (const read of [
      (stream: BorrowedStream) => stream.readExactly(5),
      (stream: BorrowedStream) => stream.readHead(new HeadReader()),
    ]) {
      const { peer, stream } = await borrow(t, pairing);
      const reading = read(stream);
      await turns(3);
      peer.send('HTTP').end();
      assert.match((await rejection(reading)).message, /ended early/u);
      stream.release();
    }
  });

  test(`${where}: an error of the stream is what a wait rejects with`, async (t) => {
    const { near, stream, listenersBefore } = await borrow(t, pairing);
    const error = new Error('read ETIMEDOUT');
    const reading = stream.next();
    near.destroy(error);
    assert.equal(await rejection(reading), error);
    assert.equal(await rejection(stream.next()), error);
    stream.release();
    assert.deepEqual(listenersOf(near), listenersBefore);
  });

  test(`${where}: an abort ends the wait, leaves the stream as it is, and no listener`, async (t) => {
    const { near, peer, stream, controller, listenersBefore } = await borrow(t, pairing);
    const reading = stream.readExactly(5);
    peer.send('abc');
    await turns(5);
    const reason = { not: 'an error' };
    controller.abort(reason);
    assert.equal(await rejection(reading), reason);
    assert.equal(await rejection(stream.next()), reason);
    stream.release();
    assert.equal(near.destroyed, false);
    assert.deepEqual(listenersOf(near), listenersBefore);
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    assert.equal(buffered(near), 'abc');
    near.destroy();
  });

  test(`${where}: of a wait that is forgotten nothing stays`, async (t) => {
    const { near, peer, stream, controller, listenersBefore } = await borrow(t, pairing);
    void stream.next();
    stream.release();
    assert.deepEqual(listenersOf(near), listenersBefore);
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    controller.abort();
    peer.send('abc').end();
    assert.equal(await within(readAll(near), 'the rest'), 'abc');
  });
}

test('a stream that is gone, or has ended, before it is borrowed', async () => {
  const { signal } = new AbortController();
  const [closed, failed, ended, far] = [...memoryPair(), ...memoryPair()];
  const error = new Error('it failed');
  failed.on('error', () => {});
  closed.on('error', () => {}).destroy();
  failed.destroy(error);
  assert.match((await rejection(new BorrowedStream(closed, signal).next())).message, /destroyed/u);
  assert.equal(await rejection(new BorrowedStream(failed, signal).next()), error);
  far.end();
  ended.resume();
  await within(once(ended, 'end'), 'the end');
  const stream = new BorrowedStream(ended, signal);
  assert.equal(await within(stream.next(), 'the end'), undefined);
  stream.release();
});

test('a stream that closes without an end or an error is an error', async () => {
  const [near, far] = memoryPair();
  far.on('error', () => {});
  const stream = new BorrowedStream(near, new AbortController().signal);
  const reading = stream.next();
  near.destroy();
  assert.match((await rejection(reading)).message, /closed early/u);
  stream.release();
});

test('a signal that is aborted already goes before what is there', async () => {
  const [near, far] = memoryPair();
  far.write('abc');
  const reason = new Error('no longer wanted');
  const stream = new BorrowedStream(near, AbortSignal.abort(reason));
  assert.equal(await rejection(stream.next()), reason);
  stream.release();
});
