import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { MuxSession, TunnelError } from '@framewire/tunnel';
import fc from 'fast-check';
import type { Connection } from 'framewire';
import { turn, within } from '@framewire/test-support/waiting';
import {
  ACK,
  data,
  ending,
  event,
  FIN,
  goAway,
  header,
  KIB,
  openPair,
  openSession,
  ping,
  ROLES,
  RST,
  SYN,
  update,
  WINDOW,
  type Handled,
  type Options,
} from './sessions.ts';

for (const role of ROLES) {
  test(`Opening a stream: a ${role} says SYN with an id of its own, then data at once`, async (t) => {
    const { session, hand, own } = await openSession(t, role);
    const stream = session.open();
    stream.write('Hello');
    session.open();
    await hand.expect(update(SYN, own), update(SYN, own + 2), data(0, own, 'Hello'));
    assert.equal(stream.id, own);
    assert.equal(session.streams, 2);
  });

  test(`Opening a stream: a ${role} answers SYN with ACK, whatever it came with`, async (t) => {
    const { session, hand, accepted, other } = await openSession(t, role);
    hand.send(update(SYN, other), data(SYN, other + 2, 'Hi'), data(SYN | FIN, other + 4, 'Bye'));
    const ids = [await accepted(), await accepted(), await accepted()].map(({ id }) => id);
    assert.deepEqual(ids, [other, other + 2, other + 4]);
    await hand.expect(update(ACK, other), update(ACK, other + 2), update(ACK, other + 4));
    assert.equal(session.streams, 3);
  });

  test(`Flow Control: a ${role} tells of a larger window with SYN and with ACK`, async (t) => {
    const { session, hand, own, other } = await openSession(t, role, { window: 1024 * KIB });
    session.open();
    await hand.expect(update(SYN, own, 768 * KIB));
    hand.send(update(SYN, other));
    await hand.expect(update(ACK, other, 768 * KIB));
  });

  test(`Ping: a ${role} echoes the value, and measures its own`, async (t) => {
    const { session, hand, clock } = await openSession(t, role);
    hand.send(ping(SYN, 0xdeadbeef));
    await hand.expect(ping(ACK, 0xdeadbeef));
    const took = session.ping();
    await hand.expect(ping(SYN, 0));
    clock.advance(30);
    hand.send(ping(ACK, 0));
    assert.equal(await within(took, 'the answer'), 30);
  });
}

function countMessages(connection: Connection): () => number {
  let messages = 0;
  const { send } = connection;
  connection.send = (...args) => {
    messages++;
    return send.apply(connection, args);
  };
  return () => messages;
}

test('Opening a stream: several frames of a turn leave in one message', async (t) => {
  const { near, accepted, connections } = await openPair(t);
  const messages = countMessages(connections[0]);
  for (let count = 0; count < 3; count++) near.open().end('Hello');
  for (let count = 0; count < 3; count++) await ending(await accepted());
  assert.equal(messages(), 1);
});

test('Opening a stream: a turn is over when its ticks are, as after each socket that is read', async (t) => {
  const { near, accepted, connections } = await openPair(t);
  const messages = countMessages(connections[0]);
  for (let count = 0; count < 3; count++) {
    near.open().end('Hello');
    await new Promise<void>((resolve) => process.nextTick(resolve));
  }
  for (let count = 0; count < 3; count++) await ending(await accepted());
  assert.equal(messages(), 1);
});

test('Ping: an answer that nobody asked for is nothing', async (t) => {
  const { hand } = await openSession(t, 'server');
  hand.send(ping(ACK, 99));
  await hand.expectNothing();
});

test('Ping: many that are taken are answered, and in order', async (t) => {
  const { hand } = await openSession(t, 'server');
  for (let value = 0; value < 10_000; value += 100) {
    const values = Array.from({ length: 100 }, (_, index) => value + index);
    hand.send(...values.map((each) => ping(SYN, each)));
    await hand.expect(...values.map((each) => ping(ACK, each)));
  }
});

test('Ping: a flood that makes answers wait without end ends the session', async (t) => {
  const { session, hand } = await openSession(t, 'server');
  hand.send(...Array.from({ length: 20_000 }, (_, value) => ping(SYN, value)));
  const error = await within(session.closed, 'the end');
  assert.equal(error?.code, 'ERR_TUNNEL_FLOW_CONTROL');
});

async function expectFailure(
  { session, hand, connection }: Handled,
  code: string,
  ...said: readonly Uint8Array[]
): Promise<void> {
  hand.connection.pause();
  const error = session.closed;
  hand.connection.resume();
  await hand.expect(...said, goAway(1));
  assert.equal((await within(error, 'the end'))?.code, code);
  assert.equal((await connection.closed).code, 1002);
  assert.equal((await hand.connection.closed).code, 1002);
  assert.throws(() => session.open(), { code: 'ERR_TUNNEL_SESSION_CLOSED' });
}

const BROKEN: readonly [string, Uint8Array, RegExp][] = [
  [
    'Version: another version',
    Buffer.concat([Buffer.of(1), update(SYN, 1).subarray(1)]),
    /version/u,
  ],
  ['Type: an unknown type', header(4, 0, 1, 0), /type 4/u],
  ['Flag: an unknown flag', header(0, 16, 1, 0), /flags/u],
  ['StreamID: a stream of the session’s own side', update(SYN, 2), /not of that side/u],
  ['StreamID: data for a stream nobody opened', data(0, 1, 'x'), /never opened/u],
  ['StreamID: data for a stream of this side that is not open', data(0, 2, 'x'), /never opened/u],
  ['StreamID: a stream that begins twice', update(SYN, 1), /begins twice/u],
  ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /version/u],
];

for (const [name, octets, reason] of BROKEN) {
  test(`${name}: GOAWAY 1, Close 1002, and streams that break off`, async (t) => {
    const handled = await openSession(t, 'server');
    const { session, hand, accepted } = handled;
    const isReuse = /twice/u.test(reason.source);
    const id = isReuse ? 1 : 5;
    hand.send(update(SYN, id));
    const stream = await accepted();
    const end = ending(stream);
    hand.send(octets);
    await expectFailure(handled, 'ERR_TUNNEL_FRAME', update(ACK, id), update(RST, id));
    assert.match((await session.closed)?.message ?? '', reason);
    const { code, hasEnded } = await end;
    assert.deepEqual([code, hasEnded], ['ERR_TUNNEL_SESSION_CLOSED', false]);
    assert.equal(session.streams, 0);
  });
}

test('a text message is no yamux: GOAWAY 1 and Close 1002', async (t) => {
  const handled = await openSession(t, 'client');
  void handled.hand.connection.send('text');
  await expectFailure(handled, 'ERR_TUNNEL_FRAME');
});

test('StreamID: a stream that is closed may not begin again', async (t) => {
  const handled = await openSession(t, 'server', {
    onStream: (stream) => stream.destroy(),
  });
  handled.hand.send(update(SYN, 1));
  await handled.hand.expect(update(ACK, 1), update(RST, 1));
  handled.hand.send(update(SYN, 1));
  await expectFailure(handled, 'ERR_TUNNEL_FRAME');
});

test('StreamID: streams may begin out of order, as those of several threads do', async (t) => {
  const { hand } = await openSession(t, 'server');
  hand.send(update(SYN, 5), update(SYN, 1), update(SYN, 3));
  await hand.expect(update(ACK, 5), update(ACK, 1), update(ACK, 3));
});

test('Flow Control: an octet beyond the window ends the session', async (t) => {
  const handled = await openSession(t, 'server');
  handled.hand.send(update(SYN, 1), data(0, 1, new Uint8Array(WINDOW)));
  await handled.hand.expect(update(ACK, 1));
  handled.hand.send(data(0, 1, 'x'));
  await expectFailure(handled, 'ERR_TUNNEL_FLOW_CONTROL', update(RST, 1));
});

test('Flow Control: a frame that announces more than the window ends the session', async (t) => {
  const handled = await openSession(t, 'server');
  handled.hand.send(update(SYN, 1), header(0, 0, 1, WINDOW + 1));
  await expectFailure(handled, 'ERR_TUNNEL_FLOW_CONTROL', update(ACK, 1), update(RST, 1));
});

test('Flow Control: a window of more than 32 bits ends the session', async (t) => {
  const handled = await openSession(t, 'server');
  handled.hand.send(update(SYN, 1, 2 ** 32 - 1 - WINDOW));
  await handled.hand.expect(update(ACK, 1));
  handled.hand.send(update(0, 1, 1));
  await expectFailure(handled, 'ERR_TUNNEL_FLOW_CONTROL', update(RST, 1));
});

test('any octets after a good beginning end the session or not, and nothing throws', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }),
      async (pieces) => {
        const { session, hand, accepted, connection } = await openSession(t, 'server');
        hand.send(update(SYN, 1), ...pieces);
        const stream = await accepted();
        assert.equal(stream.id, 1);
        await turn();
        connection.terminate();
        await within(session.closed, 'the end');
        assert.equal(session.streams, 0);
      },
    ),
    { numRuns: 30 },
  );
});

const REFUSING: readonly [string, Options, (handled: Handled) => void, readonly Uint8Array[]][] = [
  ['without a taker', { onStream: undefined }, () => {}, []],
  [
    'once GOAWAY was heard',
    {},
    ({ session, hand }) => {
      session.goAway();
      hand.send(ping(ACK, 0));
    },
    [goAway(0), ping(SYN, 0)],
  ],
];

for (const [name, options, prepare, said] of REFUSING) {
  test(`Opening a stream: ${name} a stream is refused with RST, and its data skipped`, async (t) => {
    const handled = await openSession(t, 'client', options);
    const { hand, session } = handled;
    prepare(handled);
    await hand.expect(...said);
    hand.send(data(SYN, 2, 'Hello'), data(FIN, 2, 'World'));
    await hand.expect(update(RST, 2));
    await hand.expectNothing();
    assert.equal(session.streams, 0);
  });
}

test('maxStreams: more than that are refused, until one is gone', async (t) => {
  const { hand, accepted, session } = await openSession(t, 'server', { maxStreams: 2 });
  hand.send(update(SYN, 1), update(SYN, 3), update(SYN, 5));
  await hand.expect(update(ACK, 1), update(ACK, 3), update(RST, 5));
  (await accepted()).destroy();
  await hand.expect(update(RST, 1));
  hand.send(update(SYN, 7), update(SYN, 9));
  await hand.expect(update(ACK, 7), update(RST, 9));
  assert.equal(session.streams, 2);
});

test('maxStreams: a stream that ended both ways counts until it was read', async (t) => {
  const { hand, accepted, session } = await openSession(t, 'server', { maxStreams: 1 });
  hand.send(data(SYN | FIN, 1, 'Hello'));
  const stream = await accepted();
  stream.end();
  await hand.expect(update(ACK, 1), update(FIN, 1));
  assert.equal(session.streams, 1);
  hand.send(update(SYN, 3));
  await hand.expect(update(RST, 3));
  await ending(stream);
  await turn();
  hand.send(update(SYN, 5));
  await hand.expect(update(ACK, 5));
});

test('maxStreams: this side opens no more than that either', async (t) => {
  const { session } = await openSession(t, 'client', { maxStreams: 2 });
  const stream = session.open();
  session.open();
  assert.throws(() => session.open(), { code: 'ERR_TUNNEL_TOO_MANY_STREAMS' });
  stream.destroy();
  session.open();
});

/** The warning that a mistake of the application becomes. */
async function warned(): Promise<string> {
  const [warning] = (await within(once(process, 'warning'), 'a warning')) as [Error];
  return warning.message;
}

test('an onStream that throws breaks off its stream and nothing else', async (t) => {
  const warning = warned();
  const { hand, session } = await openSession(t, 'server', {
    onStream(stream) {
      if (stream.id === 1) throw new Error('a mistake');
    },
  });
  hand.send(update(SYN, 1), data(0, 1, 'Hello'), update(SYN, 3));
  await hand.expect(update(ACK, 1), update(RST, 1), update(ACK, 3));
  assert.equal(session.streams, 1);
  assert.equal(await warning, 'a mistake');
});

test('a reader that throws breaks off its stream and nothing else', async (t) => {
  const warning = warned();
  const { hand, accepted } = await openSession(t, 'server');
  hand.send(update(SYN, 1), update(SYN, 3));
  const [wrong, right] = [await accepted(), await accepted()];
  wrong.on('data', () => {
    throw new Error('another mistake');
  });
  const heard = once(right, 'data');
  await turn();
  hand.send(data(FIN, 1, 'Hello'), data(0, 3, 'Hello'));
  await hand.expect(update(ACK, 1), update(ACK, 3), update(RST, 1));
  const [octets] = (await within(heard, 'the other stream')) as [Buffer];
  assert.equal(octets.toString(), 'Hello');
  assert.equal(await warning, 'another mistake');
});

test('Session termination: after GOAWAY 0 from there nothing is opened, and what is open goes on', async (t) => {
  const { session, hand, own } = await openSession(t, 'client');
  const stream = session.open();
  hand.send(goAway(0), data(ACK, own, 'still here'));
  await event(stream, 'readable');
  assert.equal(session.isDraining, true);
  assert.throws(() => session.open(), { code: 'ERR_TUNNEL_DRAINING' });
  hand.send(data(FIN, own, ''));
  stream.end('and here');
  await hand.expect(update(SYN, own), data(0, own, 'and here'), update(FIN, own));
  assert.equal((await ending(stream)).octets.toString(), 'still here');
  assert.equal(session.streams, 0);
});

test('Session termination: who has heard GOAWAY may still be opened streams', async (t) => {
  const { hand, other } = await openSession(t, 'client');
  hand.send(goAway(0), update(SYN, other));
  await hand.expect(update(ACK, other));
});

test('Session termination: what was opened before GOAWAY was heard is taken', async (t) => {
  const { session, hand, other } = await openSession(t, 'client');
  session.goAway();
  hand.send(update(SYN, other), ping(ACK, 0));
  await turn();
  hand.send(update(SYN, other + 2));
  await hand.expect(goAway(0), ping(SYN, 0), update(ACK, other), update(RST, other + 2));
  assert.equal(session.streams, 1);
});

test('Session termination: GOAWAY of this side is said once, and this side may go on opening', async (t) => {
  const { session, hand } = await openSession(t, 'client');
  session.goAway();
  session.goAway();
  const stream = session.open();
  await hand.expect(goAway(0), ping(SYN, 0), update(SYN, 1));
  hand.send(ping(ACK, 0));
  await hand.expectNothing();
  assert.equal(session.isDraining, false);
  let isDrained = false;
  void session.drained.then(() => (isDrained = true));
  await turn();
  assert.equal(isDrained, false);
  stream.destroy();
  await within(session.drained, 'drained');
});

test('Session termination: without streams a session is drained at once', async (t) => {
  const { session, hand } = await openSession(t, 'client');
  session.goAway();
  hand.send(ping(ACK, 0));
  await within(session.drained, 'drained');
});

for (const code of [1, 2]) {
  test(`Session termination: GOAWAY ${code} from there ends the session`, async (t) => {
    const { session, hand } = await openSession(t, 'client');
    const end = ending(session.open());
    hand.send(goAway(code));
    const error = await within(session.closed, 'the end');
    assert.equal(error?.code, 'ERR_TUNNEL_SESSION_CLOSED');
    assert.match(error.message, new RegExp(`GOAWAY ${code}`, 'u'));
    assert.equal((await end).hasEnded, false);
  });
}

test('Session termination: close resets what is open, says GOAWAY 0 and Close 1000', async (t) => {
  const { session, hand, connection } = await openSession(t, 'server');
  const stream = session.open();
  const end = ending(stream);
  stream.write('cut');
  await hand.expect(update(SYN, 2), data(0, 2, 'cut'));
  session.close();
  session.close();
  await hand.expect(update(RST, 2), goAway(0));
  assert.equal(await within(session.closed, 'the end'), undefined);
  assert.equal((await connection.closed).code, 1000);
  const { hasEnded, code } = await end;
  assert.deepEqual([hasEnded, code], [false, 'ERR_TUNNEL_SESSION_CLOSED']);
});

test('Session termination: close with an error says GOAWAY 2, and `closed` tells it', async (t) => {
  const { session, hand, connection } = await openSession(t, 'server');
  const error = new TunnelError('ERR_TUNNEL_ABORTED');
  session.close(error);
  await hand.expect(goAway(2));
  assert.equal(await within(session.closed, 'the end'), error);
  assert.equal((await connection.closed).code, 1011);
});

const ENDINGS: readonly [string, (handled: Handled) => void, string | undefined][] = [
  ['a Close 1000', ({ hand }) => void hand.connection.close(1000), undefined],
  ['a Close 1001', ({ hand }) => void hand.connection.close(1001), undefined],
  ['a Close 1008', ({ hand }) => void hand.connection.close(1008), 'ERR_TUNNEL_SESSION_CLOSED'],
  ['a loss', ({ hand }) => hand.connection.terminate(), 'ERR_TUNNEL_SESSION_CLOSED'],
];

for (const [name, end, code] of ENDINGS) {
  test(`the end of the WebSocket by ${name} is an abort of every stream`, async (t) => {
    const handled = await openSession(t, 'client');
    const { session, hand } = handled;
    const [one, other] = [session.open(), session.open()];
    hand.send(data(ACK, one.id, 'half'));
    const halves = ending(one);
    const nothing = ending(other);
    await event(one, 'data');
    end(handled);
    assert.equal((await within(session.closed, 'the end'))?.code, code);
    for (const outcome of [await halves, await nothing]) {
      assert.deepEqual([outcome.hasEnded, outcome.code], [false, 'ERR_TUNNEL_SESSION_CLOSED']);
    }
    await within(session.drained, 'drained');
    await assert.rejects(session.ping(), { code: 'ERR_TUNNEL_SESSION_CLOSED' });
    assert.throws(() => session.open(), { code: 'ERR_TUNNEL_SESSION_CLOSED' });
  });
}

test('a ping that is under way when the session ends rejects, and may be ignored', async (t) => {
  const { session } = await openSession(t, 'client');
  const answered = session.ping();
  void session.ping();
  session.close();
  await assert.rejects(answered, { code: 'ERR_TUNNEL_SESSION_CLOSED' });
});

test('pingInterval: silence after a ping ends the session and its connection', async (t) => {
  const { session, hand, clock, connection } = await openSession(t, 'client', {
    pingInterval: 100,
    pingTimeout: 50,
  });
  const end = ending(session.open());
  clock.advance(100);
  await hand.expect(update(SYN, 1), ping(SYN, 0));
  clock.advance(49);
  assert.equal(connection.readyState, 'open');
  clock.advance(1);
  assert.equal((await within(session.closed, 'the end'))?.code, 'ERR_TUNNEL_PING_TIMEOUT');
  assert.equal((await end).hasEnded, false);
});

test('pingInterval: whatever comes is a sign of life', async (t) => {
  const { session, hand, clock, accepted } = await openSession(t, 'server', {
    pingInterval: 100,
    pingTimeout: 50,
  });
  for (let value = 0; value < 3; value++) {
    // The silence began 40 ms ago.
    clock.advance(value === 0 ? 100 : 60);
    await hand.expect(ping(SYN, 0));
    clock.advance(10);
    hand.send(data(SYN, 2 * value + 1));
    await accepted();
    await hand.expect(update(ACK, 2 * value + 1));
    clock.advance(40);
  }
  assert.equal(session.streams, 3);
});

test('pingInterval: who is heard is not asked', async (t) => {
  const { hand, clock, accepted } = await openSession(t, 'server', { pingInterval: 100 });
  for (let id = 1; id < 7; id += 2) {
    clock.advance(60);
    hand.send(update(SYN, id));
    await accepted();
    await hand.expect(update(ACK, id));
  }
  clock.advance(99);
  await hand.expectNothing();
});

test('pingInterval: who lives and never answers is asked the same again', async (t) => {
  const { hand, clock } = await openSession(t, 'server', { pingInterval: 100, pingTimeout: 50 });
  clock.advance(100);
  for (let round = 0; round < 3; round++) {
    await hand.expect(ping(SYN, 0));
    clock.advance(1);
    await hand.expectNothing();
    clock.advance(49 + 51);
  }
});

test('clock: without one it is that of the system, and keeps no process alive', async (t) => {
  const { near, far } = await openPair(t, 'client', { clock: undefined }, { clock: undefined });
  assert.ok((await within(near.ping(), 'the answer')) >= 0);
  near.close();
  assert.equal(await within(far.closed, 'the end'), undefined);
});

test('after the end there is no timer and no stream', async (t) => {
  const { session, clock, hand } = await openSession(t, 'client');
  void session.ping();
  session.open().setTimeout(1000);
  session.open();
  await hand.expect(ping(SYN, 0), update(SYN, 1), update(SYN, 3));
  assert.equal(clock.pending, 2);
  session.close();
  await within(session.closed, 'the end');
  assert.equal(clock.pending, 0);
  assert.equal(session.streams, 0);
});

test('options that make no sense are refused', async (t) => {
  const { connection } = await openSession(t, 'client');
  const wrong: readonly Options[] = [
    { window: WINDOW - 1 },
    { window: 2 ** 32, maxWindow: 2 ** 32 },
    { window: 512 * KIB, maxWindow: 511 * KIB },
    { maxStreams: 0 },
    { pingInterval: Number.NaN },
    { pingTimeout: -1 },
  ];
  for (const options of wrong) {
    const make = (): MuxSession => new MuxSession(connection, { role: 'client', ...options });
    assert.throws(make, { code: 'ERR_TUNNEL_INVALID_ARGUMENT' }, JSON.stringify(options));
  }
});
