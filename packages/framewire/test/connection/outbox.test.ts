import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { WebSocketServer, type Connection } from 'framewire';
import { concat, octetsOf, readFrames } from '../protocol/frames.ts';
import { open, openOnTcp, type Opened } from './opening.ts';
import { RawPeer, requestHead, turns } from './raw-peer.ts';

/** Octets that tell whose they are and which. */
function sample(connection: number, index: number, size: number): Uint8Array {
  const octets = octetsOf(size);
  for (let at = 0; at < size; at += 7) octets[at] = connection * 16 + index;
  return octets;
}

test('connections share the memory they send from, and never mix what they send', async (t) => {
  const opened: Opened[] = [];
  for (let count = 0; count < 3; count++) {
    opened.push(await openOnTcp(t, count === 0 ? 'client' : 'server'));
    opened.push(await open(count === 1 ? 'client' : 'server'));
  }
  const step = fc.record({
    who: fc.nat(opened.length - 1),
    size: fc.oneof(
      { weight: 3, arbitrary: fc.nat(300) },
      fc.constantFrom(0, 65_535, 65_536, 65_537, 140_000),
    ),
    rest: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      for (const { peer } of opened) peer.stream.pause();
      const expected = opened.map((): Uint8Array[] => []);
      for (const [index, { who, size, rest }] of steps.entries()) {
        const octets = sample(who, index % 16, size);
        expected[who]!.push(octets);
        void opened[who]!.connection.send(octets);
        if (rest) await turns(1);
      }
      for (const [who, { peer }] of opened.entries()) {
        peer.stream.resume();
        for (const octets of expected[who]!) await peer.expectMessage(octets);
        assert.ok(peer.isDry);
      }
    }),
    { numRuns: 12 },
  );
  for (const { connection } of opened) connection.terminate();
});

test('what a peer has not taken stays as it is, however much others send meanwhile', async () => {
  const slow = await open('server');
  const other = await open('server');
  await turns(2);
  slow.peer.stream.pause();
  const messages = Array.from({ length: 20 }, (_, index) => sample(1, index % 16, 3000));
  for (const message of messages) {
    void slow.connection.send(message);
    for (let count = 0; count < 50; count++) void other.connection.send(octetsOf(2900));
    await turns(1);
  }
  slow.peer.stream.resume();
  for (const message of messages) await slow.peer.expectMessage(message);
  slow.connection.terminate();
  other.connection.terminate();
});

test('a transport that throws costs its own connection and no other', async () => {
  const good = await open('server');
  const server = new WebSocketServer();
  const bad = new Duplex({
    read() {},
    write(_chunk: Buffer, _encoding, done) {
      if (isOpen) throw new Error('a bug in the transport');
      done();
    },
  });
  let isOpen = false;
  const serving = server.serve(bad);
  bad.push(requestHead());
  const connection: Connection<undefined> = await serving;
  isOpen = true;
  void connection.send('first in the queue');
  void good.connection.send('second in the queue');
  await good.peer.expectMessage('second in the queue');
  const info = await connection.closed;
  assert.match(String(info.error?.cause), /a bug in the transport/u);
  void good.connection.send('once more');
  await good.peer.expectMessage('once more');
  good.connection.terminate();
});

test('a turn of the event loop that sends a lot leaves in pieces of bounded size', async (t) => {
  const { connection, peer } = await openOnTcp(t, 'server');
  const write = t.mock.method(connection.transport, 'write');
  for (let count = 0; count < 100; count++) void connection.send(octetsOf(10_000));
  assert.ok(write.mock.callCount() >= 10);
  assert.ok(write.mock.callCount() <= 20);
  const frames = readFrames(await peer.read(100 * 10_004));
  assert.deepEqual(concat(...frames.map(({ payload }) => payload)).length, 1_000_000);
  assert.ok(peer instanceof RawPeer);
});
