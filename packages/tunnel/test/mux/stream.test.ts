import assert from 'node:assert/strict';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { turn, within } from '@framewire/test-support/waiting';
import {
  ACK,
  data,
  ending,
  event,
  FIN,
  gone,
  KIB,
  openPair,
  openSession,
  ROLES,
  RST,
  SYN,
  update,
  WINDOW,
  unexpected,
} from './sessions.ts';

for (const role of ROLES) {
  test(`a stream that a ${role} opens carries octets both ways, and ends both ways`, async (t) => {
    const { near, far, open } = await openPair(t, role);
    const [here, there] = await open();
    const [said, answered] = [ending(there), ending(here)];
    here.end('ping');
    assert.deepEqual(await said, { octets: Buffer.from('ping'), hasEnded: true, code: undefined });
    there.end('pong');
    assert.deepEqual(await answered, {
      octets: Buffer.from('pong'),
      hasEnded: true,
      code: undefined,
    });
    await Promise.all([gone(here), gone(there)]);
    assert.deepEqual([near.streams, far.streams], [0, 0]);
  });
}

test('octets arrive as they were written, in any portions, read in any way', async (t) => {
  const { open } = await openPair(t);
  const portions = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 30 });
  const reading = fc.constantFrom('data', 'readable', 'iterate', 'read(n)');
  await fc.assert(
    fc.asyncProperty(portions, reading, fc.boolean(), async (pieces, way, corked) => {
      const [here, there] = await open();
      const received = within(readAll(there, way), 'all octets');
      if (corked) here.cork();
      for (const piece of pieces) here.write(piece);
      here.end();
      assert.deepEqual(await received, Buffer.concat(pieces));
      there.end();
      here.resume();
      await gone(here);
    }),
    { numRuns: 60 },
  );
});

async function readAll(stream: Readable, way: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  if (way === 'iterate') {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }
  if (way === 'data') stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  else {
    stream.on('readable', () => {
      for (;;) {
        const chunk = stream.read(way === 'read(n)' ? 7 : undefined) as Buffer | null;
        if (chunk === null) break;
        chunks.push(chunk);
      }
    });
  }
  await new Promise((resolve) => stream.on('end', resolve));
  return Buffer.concat(chunks);
}

test('Closing a stream: the end goes with the last octets, in a frame of its own', async (t) => {
  const { session, hand } = await openSession(t, 'client');
  const stream = session.open();
  stream.write('one');
  stream.end('two');
  await hand.expect(update(SYN, 1), data(0, 1, 'one'), data(0, 1, 'two'), update(FIN, 1));
  await hand.expectNothing();
});

test('Closing a stream: an end without octets is a window update', async (t) => {
  const { session, hand } = await openSession(t, 'client');
  session.open().end();
  await hand.expect(update(SYN, 1), update(FIN, 1));
});

for (const [name, fin] of [
  ['data', data(FIN, 1, 'last')],
  ['empty data', Buffer.concat([data(0, 1, 'last'), data(FIN, 1)])],
  ['a window update', Buffer.concat([data(0, 1, 'last'), update(FIN, 1)])],
] as const) {
  test(`Closing a stream: FIN on ${name} ends what can be read, and nothing else`, async (t) => {
    const { hand, accepted } = await openSession(t, 'server');
    hand.send(update(SYN, 1), fin);
    const stream = await accepted();
    await hand.expect(update(ACK, 1));
    const { octets, hasEnded } = await ending(stream);
    assert.deepEqual([octets.toString(), hasEnded], ['last', true]);
    stream.write('more');
    await hand.expect(data(0, 1, 'more'));
    await turn();
    assert.equal(stream.destroyed, false);
    stream.end('done');
    await hand.expect(data(0, 1, 'done'), update(FIN, 1));
    await gone(stream);
    await hand.expectNothing();
  });
}

test('Closing a stream: FIN on SYN is a stream that says nothing', async (t) => {
  const { hand, accepted } = await openSession(t, 'server');
  hand.send(update(SYN | FIN, 1));
  const { octets, hasEnded } = await ending(await accepted());
  assert.deepEqual([octets.length, hasEnded], [0, true]);
});

for (const [name, frame] of [
  ['octets', data(0, 1, 'x')],
  ['a second FIN', update(FIN, 1)],
  ['a second FIN with octets', data(FIN, 1, 'x')],
] as const) {
  test(`Closing a stream: ${name} after FIN is a protocol error`, async (t) => {
    const { hand, session } = await openSession(t, 'server');
    hand.send(update(SYN, 1), update(FIN, 1), frame);
    assert.equal((await within(session.closed, 'the end'))?.code, 'ERR_TUNNEL_FRAME');
  });
}

test('Closing a stream: credit may still come after FIN', async (t) => {
  const { hand, accepted } = await openSession(t, 'server');
  hand.send(update(SYN | FIN, 1), update(0, 1, 1000));
  const stream = await accepted();
  stream.end(new Uint8Array(WINDOW + 1000));
  await hand.expect(update(ACK, 1));
  let octets = 0;
  for (let flags = 0; flags !== FIN;) {
    const frame = await hand.frame();
    octets += frame.length;
    ({ flags } = frame);
  }
  assert.equal(octets, WINDOW + 1000);
});

for (const flags of [RST, RST | ACK, RST | FIN]) {
  test(`RST with flags ${flags}: an abort, without the octets that nobody read`, async (t) => {
    const { hand, session } = await openSession(t, 'client');
    const stream = session.open();
    let code: string | undefined;
    stream.on('error', (error: NodeJS.ErrnoException) => (code = error.code));
    stream.on('end', unexpected);
    hand.send(data(ACK, 1, 'unread'), update(flags, 1));
    await gone(stream);
    assert.deepEqual([stream.read(), code], [null, 'ERR_TUNNEL_STREAM_RESET']);
    await hand.expect(update(SYN, 1));
    await hand.expectNothing();
    assert.equal(session.streams, 0);
  });
}

test('RST on data: an abort, whose octets are skipped', async (t) => {
  const { hand, session } = await openSession(t, 'client');
  const end = ending(session.open());
  hand.send(data(RST, 1, 'skipped'), update(0, 1, 5));
  assert.deepEqual([(await end).hasEnded, (await end).octets.length], [false, 0]);
  await hand.expect(update(SYN, 1));
  await hand.expectNothing();
});

test('RST after FIN: what was not read to its end has none', async (t) => {
  const { hand, accepted } = await openSession(t, 'server');
  hand.send(update(SYN, 1), data(FIN, 1, 'whole'), update(RST, 1));
  const stream = await accepted();
  stream.on('end', unexpected);
  await gone(stream);
  assert.equal((stream.errored as NodeJS.ErrnoException).code, 'ERR_TUNNEL_STREAM_RESET');
});

test('RST after this side’s FIN: the stream is gone, and is not answered', async (t) => {
  const { hand, session } = await openSession(t, 'client');
  const stream = session.open();
  stream.end();
  await hand.expect(update(SYN, 1), update(FIN, 1));
  hand.send(update(RST, 1));
  assert.equal((await ending(stream)).code, 'ERR_TUNNEL_STREAM_RESET');
  await hand.expectNothing();
});

test('RST of a stream that was ours to open says whether it was taken', async (t) => {
  const { hand, session } = await openSession(t, 'client');
  const [refused, taken] = [session.open(), session.open()];
  const ends = [ending(refused), ending(taken)];
  hand.send(update(RST, 1), update(ACK, 3), update(RST, 3));
  await Promise.all(ends);
  assert.deepEqual([refused.isAccepted, taken.isAccepted], [false, true]);
});

test('frames for a stream that was reset are skipped, whatever they say', async (t) => {
  const { hand, accepted } = await openSession(t, 'server');
  hand.send(update(SYN, 1));
  (await accepted()).destroy();
  await hand.expect(update(ACK, 1), update(RST, 1));
  hand.send(data(0, 1, new Uint8Array(2 * WINDOW)), update(0, 1, 2 ** 32 - 1), update(FIN, 1));
  hand.send(update(FIN, 1), update(RST, 1), data(ACK, 1, 'x'));
  await hand.expectNothing();
});

const DESTROYERS: readonly [string, Error | undefined][] = [
  ['without an error', undefined],
  ['with an error', new Error('a mistake')],
];

for (const [name, error] of DESTROYERS) {
  for (const state of ['open', 'written', 'ended here', 'ended there', 'not begun'] as const) {
    test(`destroy ${name}, ${state}: RST, and never an end at the other side`, async (t) => {
      const { near, accepted } = await openPair(t);
      const here = near.open();
      here.on('error', () => {});
      if (state === 'not begun') {
        here.write('never');
        here.end('seen');
        here.destroy(error);
        const { hasEnded, code, octets } = await ending(await accepted());
        assert.deepEqual([hasEnded, code], [false, 'ERR_TUNNEL_STREAM_RESET']);
        assert.equal(octets.length, 0);
        return;
      }
      const there = await accepted();
      const end = ending(there);
      if (state === 'ended there') {
        there.end();
        here.resume();
        await event(here, 'end');
      }
      if (state === 'written') {
        here.write('half');
        await event(there, 'data');
        here.end('never seen');
      }
      if (state === 'ended here') {
        here.end();
        assert.equal((await end).hasEnded, true);
        there.write('too late');
      }
      here.destroy(error);
      if (state === 'ended here') {
        await gone(there);
        assert.equal((there.errored as NodeJS.ErrnoException).code, 'ERR_TUNNEL_STREAM_RESET');
        return;
      }
      const { hasEnded, code } = await end;
      assert.deepEqual([hasEnded, code], [false, 'ERR_TUNNEL_STREAM_RESET']);
    });
  }
}

test('destroy after both ends says nothing', async (t) => {
  const { hand, accepted } = await openSession(t, 'server');
  hand.send(data(SYN | FIN, 1, 'unread'));
  const stream = await accepted();
  stream.end();
  await hand.expect(update(ACK, 1), update(FIN, 1));
  stream.destroy();
  await hand.expectNothing();
});

test('destroy calls back who writes, with an error', async (t) => {
  const { session } = await openSession(t, 'client');
  const stream = session.open();
  const written = new Promise<Error | null | undefined>((resolve) => {
    stream.write(new Uint8Array(2 * WINDOW), resolve);
  });
  await turn();
  stream.destroy();
  assert.ok((await within(written, 'the callback')) instanceof Error);
});

test('a source that fails in the middle is an abort at the far end', async (t) => {
  const { open } = await openPair(t);
  const [here, there] = await open();
  const end = ending(there);
  const source = Readable.from(
    (async function* () {
      yield Buffer.from('half');
      await event(there, 'data');
      throw new Error('the disk');
    })(),
  );
  await assert.rejects(pipeline(source, here), /the disk/u);
  assert.deepEqual([(await end).hasEnded, (await end).octets.toString()], [false, 'half']);
});

test('Flow Control: 256 KiB are sent, and more only for credit', async (t) => {
  const { session, hand } = await openSession(t, 'client');
  const stream = session.open();
  stream.end(new Uint8Array(WINDOW + 10));
  await hand.expect(update(SYN, 1));
  let octets = 0;
  while (octets < WINDOW) {
    const { type, length, flags, id } = await hand.frame();
    assert.deepEqual([type, flags, id], [0, 0, 1]);
    assert.ok(length <= 16 * KIB);
    octets += length;
  }
  assert.equal(octets, WINDOW);
  await hand.expectNothing();
  hand.send(update(ACK, 1, 4));
  await hand.expect(data(0, 1, new Uint8Array(4)));
  await hand.expectNothing();
  hand.send(update(0, 1, 100));
  await hand.expect(data(0, 1, new Uint8Array(6)), update(FIN, 1));
});

test('Flow Control: a paused reader gives no credit back, a reader who goes on does', async (t) => {
  const { hand, accepted } = await openSession(t, 'server');
  hand.send(update(SYN, 1), data(0, 1, new Uint8Array(WINDOW)));
  const stream = await accepted();
  await hand.expect(update(ACK, 1));
  await hand.expectNothing();
  stream.resume();
  const { type, id, flags, length } = await hand.frame();
  assert.deepEqual([type, id, flags], [1, 1, 0]);
  assert.ok(length >= WINDOW / 2);
});

test('Flow Control: what was asked for and not read gives no credit back', async (t) => {
  const { hand, accepted } = await openSession(t, 'server');
  hand.send(update(SYN, 1));
  const stream = await accepted();
  await hand.expect(update(ACK, 1));
  stream.on('readable', () => {});
  await turn();
  hand.send(data(0, 1, new Uint8Array(WINDOW)));
  await hand.expectNothing();
  assert.ok(stream.readableLength >= WINDOW / 2);
  while (stream.read() !== null);
  assert.deepEqual((await nextUpdate(hand)).length, WINDOW);
});

for (const way of ['data', 'readable', 'iterate'] as const) {
  test(`Flow Control: the last octets of a window are credit again, read by ${way}`, async (t) => {
    const { hand, accepted } = await openSession(t, 'server');
    hand.send(update(SYN, 1));
    const stream = await accepted();
    await hand.expect(update(ACK, 1));
    void readAll(stream, way).catch(() => {});
    for (let round = 0; round < 5; round++) {
      hand.send(...Array.from({ length: 4 }, () => data(0, 1, new Uint8Array(WINDOW / 4))));
      let credit = 0;
      // Of half a window less an octet nothing need be heard.
      while (credit < WINDOW / 2) {
        const frame = await hand.frame();
        if (frame.type === 2) hand.send(Buffer.from([0, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]));
        else credit += frame.length;
      }
      if (credit < WINDOW) credit += (await nextUpdate(hand)).length;
      assert.equal(credit, WINDOW);
    }
  });
}

async function nextUpdate(hand: {
  frame: () => Promise<{ type: number; length: number }>;
}): Promise<{ type: number; length: number }> {
  for (;;) {
    const frame = await hand.frame();
    if (frame.type === 1) return frame;
  }
}

test('Flow Control: no credit is given to who has ended', async (t) => {
  const { hand, accepted } = await openSession(t, 'server');
  hand.send(update(SYN, 1), data(FIN, 1, new Uint8Array(WINDOW)));
  const stream = await accepted();
  await hand.expect(update(ACK, 1));
  assert.equal((await ending(stream)).octets.length, WINDOW);
  await hand.expectNothing();
});

test('write is held back by the reader at the far end', async (t) => {
  const { open } = await openPair(t);
  const [here, there] = await open();
  let written = 0;
  while (here.write(new Uint8Array(16 * KIB))) {
    written += 16 * KIB;
    await turn();
  }
  await turn();
  assert.ok(written >= WINDOW && written < WINDOW + 128 * KIB, `${written}`);
  there.resume();
  await event(here, 'drain');
});

test('small octets that nobody reads cost no chunk each', async (t) => {
  const { hand, accepted } = await openSession(t, 'server');
  hand.send(update(SYN, 1));
  const stream = await accepted();
  stream.once('data', () => stream.pause());
  await hand.expect(update(ACK, 1));
  for (let count = 0; count < 100; count++) {
    hand.send(...Array.from({ length: 100 }, () => data(0, 1, 'x')));
    await hand.expectNothing();
  }
  const chunks: number[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk.length));
  stream.resume();
  while (chunks.reduce((sum, length) => sum + length, 0) < 9_999) await turn();
  assert.ok(chunks.length < 20, `${chunks.length} chunks`);
});

test('setTimeout: a stream without octets times out, one with octets later', async (t) => {
  const { clock, open } = await openPair(t, 'client', {}, { pingInterval: 1e6 });
  const [here, there] = await open();
  let timeouts = 0;
  assert.equal(
    here.setTimeout(100, () => timeouts++),
    here,
  );
  clock.advance(99);
  there.write('sign of life');
  here.resume();
  await event(here, 'data');
  clock.advance(99);
  assert.equal(timeouts, 0);
  here.write('of this side');
  await event(there, 'readable');
  clock.advance(99);
  assert.equal(timeouts, 0);
  clock.advance(1);
  assert.equal(timeouts, 1);
  here.setTimeout(100).setTimeout(0);
  clock.advance(1000);
  assert.equal(timeouts, 1);
});

test('setTimeout: a callback is taken back with 0, and its timer with the stream', async (t) => {
  const { session, clock } = await openSession(t, 'client');
  const stream = session.open();
  const onTimeout = unexpected;
  stream.setTimeout(100, onTimeout).setTimeout(0, onTimeout);
  assert.equal(stream.listenerCount('timeout'), 0);
  stream.setTimeout(100);
  stream.destroy();
  stream.setTimeout(100);
  clock.advance(100);
  await gone(stream);
  assert.equal(stream.listenerCount('timeout'), 0);
});

test('what a socket has, a stream has', async (t) => {
  const { session } = await openSession(t, 'client');
  const stream = session.open();
  assert.equal(stream.setNoDelay().setKeepAlive().ref().unref(), stream);
  assert.deepEqual(
    [stream.readableHighWaterMark, stream.writableHighWaterMark],
    [64 * KIB, 64 * KIB],
  );
});

test('a reset that nobody listens to ends nothing but its stream', async (t) => {
  const { hand, session } = await openSession(t, 'client');
  const stream = session.open();
  hand.send(update(RST, 1));
  await gone(stream);
  await hand.expect(update(SYN, 1));
  await hand.expectNothing();
});
