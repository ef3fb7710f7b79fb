import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prepareMessage, type Connection } from 'framewire';
import { hex, ManualClock } from 'framewire/testing';
import { octetsOf } from '../protocol/frames.ts';
import { open, openOnTcp, ROLES } from './opening.ts';
import { turns, within } from './raw-peer.ts';

function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return Promise.race([promise, turns(5).then(() => pending)]).then(
    (value) => value !== pending,
    () => true,
  );
}

for (const role of ROLES) {
  test(`a ${role}'s send resolves at once while there is room, and else when all has left`, async () => {
    const { connection, peer } = await open(role);
    await turns(2);
    peer.stream.pause();
    assert.equal(await isSettled(connection.send('small')), true);
    const large = connection.send(octetsOf(300_000));
    assert.equal(await isSettled(large), false);
    const behind = connection.send('x');
    assert.equal(await isSettled(behind), false);
    assert.ok(connection.bufferedAmount > 300_000);
    peer.stream.resume();
    await within(Promise.all([large, behind]), 'room');
    assert.equal(connection.bufferedAmount, 0);
    await peer.expectMessage('small');
    await peer.expectMessage(octetsOf(300_000));
    await peer.expectMessage('x');
    connection.terminate();
  });

  test(`what may wait before a ${role}'s send waits too is the high-water mark`, async () => {
    const { connection, peer } = await open(role, { highWaterMark: 200_000 });
    await turns(2);
    peer.stream.pause();
    const sends = [1, 2, 3, 4].map(() => connection.send(octetsOf(60_000)));
    assert.deepEqual(await Promise.all(sends.map(isSettled)), [true, true, true, false]);
    connection.terminate();
    await assert.rejects(sends[3]!, { code: 'ERR_WS_CLOSED' });
  });

  test(`octets up to 64 KiB are free to be changed as soon as a ${role} has sent them`, async () => {
    const { connection, peer } = await open(role);
    const octets = octetsOf(65_536);
    void connection.send(octets);
    octets.fill(0);
    await peer.expectMessage(octetsOf(65_536));
    connection.terminate();
  });

  test(`larger octets of a ${role} are free when its send has resolved`, async (t) => {
    const { connection, peer } = await openOnTcp(t, role);
    peer.stream.pause();
    const octets = octetsOf(6_000_000);
    const sent = connection.send(octets);
    assert.equal(await isSettled(sent), false);
    peer.stream.resume();
    await within(sent, 'room');
    octets.fill(0);
    await peer.expectMessage(octetsOf(6_000_000));
  });

  test(`… also where the transport of a ${role} would take more without asking to wait`, async () => {
    const { connection, peer } = await open(role);
    Object.defineProperty(connection.transport, 'writableHighWaterMark', { value: 1_000_000 });
    const state = Reflect.get(connection.transport, '_writableState') as { highWaterMark: number };
    state.highWaterMark = 1_000_000;
    await turns(2);
    peer.stream.pause();
    const octets = octetsOf(100_000);
    await within(connection.send(octetsOf(100_000)), 'room');
    await within(connection.send(octets), 'room');
    octets.fill(0);
    peer.stream.resume();
    await peer.expectMessage(octetsOf(100_000));
    await peer.expectMessage(octetsOf(100_000));
    connection.terminate();
  });

  test(`§5.4 what a ${role} sends during a stream follows it, in order`, async () => {
    const { connection, peer } = await open(role);
    let go: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    async function* source(): AsyncGenerator<string> {
      yield 'one ';
      await gate;
      yield 'message';
    }
    const streamed = connection.sendStream(source());
    const octets = hex`01 02 03`;
    const sent = [
      connection.send('after'),
      connection.send(octets),
      connection.send(prepareMessage('prepared')),
      connection.sendStream([hex`04`, hex`05`]),
      connection.send('last'),
    ];
    // It was not said that they are not copied, so they are.
    octets.fill(0);
    assert.ok(connection.bufferedAmount >= 5 + 3 + 8 + 4);
    const first = await peer.readFrame();
    assert.deepEqual([first.fin, first.opcode], [false, 1]);
    void connection.ping({ payload: 'between' });
    assert.equal((await peer.readFrame()).opcode, 9);
    assert.equal(await isSettled(sent[0]!), false);
    go?.();
    const rest = [await peer.readFrame(), await peer.readFrame()];
    assert.deepEqual(
      rest.map(({ fin, opcode, payload }) => [fin, opcode, String(Buffer.from(payload))]),
      [
        [false, 0, 'message'],
        [true, 0, ''],
      ],
    );
    await peer.expectMessage('after');
    await peer.expectMessage(hex`01 02 03`);
    await peer.expectMessage('prepared');
    const parts = [await peer.readFrame(), await peer.readFrame(), await peer.readFrame()];
    assert.deepEqual(
      parts.map(({ fin, opcode }) => [fin, opcode]),
      [
        [false, 2],
        [false, 0],
        [true, 0],
      ],
    );
    await peer.expectMessage('last');
    await within(Promise.all([streamed, ...sent]), 'all');
    assert.equal(connection.bufferedAmount, 0);
    connection.terminate();
  });

  test(`a slow peer holds the source of a ${role}'s stream back`, async () => {
    const { connection, peer } = await open(role);
    await turns(2);
    peer.stream.pause();
    let yielded = 0;
    function* source(): Generator<Uint8Array> {
      for (; yielded < 1000; yielded++) yield octetsOf(10_000);
    }
    const streamed = connection.sendStream(source());
    await turns(50);
    assert.ok(yielded < 20, `${yielded} parts were taken from the source`);
    peer.stream.resume();
    await within(streamed, 'the stream');
    assert.equal(yielded, 1000);
    connection.terminate();
  });

  test(`§7.1.2 a ${role} that closes during a stream sends its Close after it`, async () => {
    const { connection, peer } = await open(role);
    let go: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    async function* source(): AsyncGenerator<string> {
      yield 'begun, ';
      await gate;
      yield 'ended';
    }
    const streamed = connection.sendStream(source());
    const queued = connection.send('queued');
    const closed = connection.close(1000);
    assert.equal(connection.readyState, 'closing');
    await assert.rejects(connection.send('late'), { code: 'ERR_WS_CLOSED' });
    await assert.rejects(connection.sendStream(['late']), { code: 'ERR_WS_CLOSED' });
    peer.sendText('nobody reads this any more');
    await turns(3);
    go?.();
    const text: string[] = [];
    for (let fin = false; !fin;) {
      const frame = await peer.readFrame();
      text.push(String(Buffer.from(frame.payload)));
      fin = frame.fin;
    }
    assert.equal(text.join(''), 'begun, ended');
    await peer.expectMessage('queued');
    await peer.expectClose(1000);
    await within(Promise.all([streamed, queued]), 'all');
    peer.sendClose(1000).end();
    assert.equal((await within(closed, 'the end')).wasClean, true);
    assert.equal(await connection.receive(), undefined);
  });

  test(`a stream that does not end holds a ${role}'s Close no longer than closeTimeout`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await open(role, { clock, heartbeat: false, closeTimeout: 500 });
    let resume: ((result: IteratorResult<string>) => void) | undefined;
    let returned = false;
    const source: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => {
        let first = true;
        return {
          next: () => {
            if (!first) return new Promise((resolve) => (resume = resolve));
            first = false;
            return Promise.resolve({ value: 'begun', done: false });
          },
          return: () => {
            returned = true;
            return Promise.resolve({ value: undefined, done: true });
          },
        };
      },
    };
    const streamed = connection.sendStream(source);
    assert.equal((await peer.readFrame()).fin, false);
    const closed = connection.close(4321);
    await turns(2);
    assert.ok(peer.isDry);
    clock.advance(500);
    await peer.expectClose(4321);
    // What the source still has to give fails the stream, and not the closing handshake.
    resume?.({ value: 'late', done: false });
    await assert.rejects(within(streamed, 'the stream'), { code: 'ERR_WS_CLOSED' });
    assert.equal(returned, true);
    peer.sendClose(4321).end();
    const info = await within(closed, 'the end');
    assert.equal(info.wasClean, true);
    assert.equal(info.error, undefined);
    assert.equal(clock.pending, 0);
  });

  test(`§7.1.7 a source that throws fails the ${role}'s connection with 1011, and only that`, async () => {
    const { connection, peer } = await open(role);
    const other = await open(role);
    const error = new Error('the source is gone');
    async function* source(): AsyncGenerator<Uint8Array> {
      yield hex`01`;
      await turns(1);
      throw error;
    }
    const streamed = connection.sendStream(source());
    const queued = connection.send('queued');
    await assert.rejects(within(streamed, 'the stream'), error);
    await assert.rejects(within(queued, 'the queue'), { code: 'ERR_WS_CLOSED' });
    assert.equal((await peer.readFrame()).opcode, 2);
    assert.equal(await peer.expectClose(1011), '');
    peer.end();
    const info = await within(connection.closed, 'the end');
    assert.equal(info.error, error);
    assert.equal(info.sent?.code, 1011);
    assert.equal(info.initiator, role);
    void other.connection.send('fine');
    await other.peer.expectMessage('fine');
    other.connection.terminate();
  });

  test(`a ${role}'s stream ends with its connection, also when its source gives nothing more`, async () => {
    const { connection, peer } = await open(role);
    async function* endless(): AsyncGenerator<string> {
      yield 'begun';
      await new Promise(() => {});
    }
    const streamed = connection.sendStream(endless());
    const queued = [connection.send('queued'), connection.sendStream(endless())];
    await peer.readFrame();
    peer.reset();
    await assert.rejects(within(streamed, 'the end'), { code: 'ERR_WS_CLOSED' });
    for (const each of queued) {
      await assert.rejects(within(each, 'the end'), { code: 'ERR_WS_CLOSED' });
    }
    const late = connection.sendStream(endless());
    await assert.rejects(within(late, 'the end'), { code: 'ERR_WS_CLOSED' });
    assert.equal(connection.bufferedAmount, 0);
  });

  test(`a source that throws before its first part harms no ${role}'s connection`, async () => {
    const { connection, peer } = await open(role);
    const error = new Error('no source');
    // eslint-disable-next-line require-yield
    function* source(): Generator<string> {
      throw error;
    }
    await assert.rejects(connection.sendStream(source()), error);
    void connection.send('fine');
    await peer.expectMessage('fine');
    connection.terminate();
  });

  test(`§7.1.4 a ${role} cannot send after the end: promises reject, nothing is buffered`, async () => {
    const { connection, peer } = await open(role);
    peer.sendClose(1000);
    await peer.expectClose(1000);
    peer.end();
    await within(connection.closed, 'the end');
    const attempts = [
      connection.send('text'),
      connection.send(octetsOf(100_000)),
      connection.send(prepareMessage('p')),
      connection.sendStream(['s']),
      connection.ping(),
    ];
    for (const attempt of attempts) {
      await assert.rejects(attempt, (error: Error & { info?: { code: number } }) => {
        assert.equal(error.name, 'ConnectionClosedError');
        assert.equal(error.info?.code, 1000);
        return true;
      });
    }
    // A sign of life needs no answer, and nobody who gives it by a timer wants an error.
    connection.pong();
    assert.equal(connection.bufferedAmount, 0);
  });

  test(`what a ${role} is given to send must be a message: TypeErrors are thrown`, async () => {
    const { connection } = await open(role);
    for (const value of [undefined, null, 1, {}, ['a'], Symbol('s')]) {
      assert.throws(() => void connection.send(value as never), {
        name: 'TypeError',
        code: 'ERR_WS_INVALID_ARGUMENT',
      });
    }
    assert.throws(() => void connection.send(hex`c0 80`, { type: 'text' }), { name: 'TypeError' });
    connection.terminate();
  });

  test(`§5.6 a ${role} sends octets as text and text as octets when told so`, async () => {
    const { connection, peer } = await open(role);
    void connection.send(Buffer.from('grüße'), { type: 'text' });
    void connection.send('grüße', { type: 'binary' });
    await peer.expectMessage('grüße');
    await peer.expectMessage(Buffer.from('grüße'));
    connection.terminate();
  });

  test(`§10.4 a ${role} ends a connection that takes too little, by default`, async () => {
    const { connection, peer } = await open(role, { maxBufferedAmount: 100_000 });
    await turns(2);
    peer.stream.pause();
    const fits = [connection.send(octetsOf(80_000)), connection.send(octetsOf(80_000))];
    const error = { name: 'LimitError', code: 'ERR_WS_SEND_BUFFER_FULL' } as const;
    await assert.rejects(connection.send('one more'), { ...error, option: 'maxBufferedAmount' });
    const info = await within(connection.closed, 'the end');
    assert.equal(info.code, 1006);
    assert.equal((info.error as { code?: string }).code, error.code);
    for (const each of fits)
      await assert.rejects(each, { code: 'ERR_WS_CLOSED', cause: info.error });
  });

  test(`§10.4 … or drops what does not fit, and goes on when there is room`, async () => {
    const options = { maxBufferedAmount: 100_000, slowConsumer: 'drop' } as const;
    const { connection, peer } = await open(role, options);
    await turns(2);
    peer.stream.pause();
    const fits = [octetsOf(80_000), octetsOf(80_000)].map((octets) => connection.send(octets));
    await assert.rejects(connection.send('dropped'), {
      code: 'ERR_WS_SEND_BUFFER_FULL',
      limit: 100_000,
    });
    assert.equal(connection.readyState, 'open');
    peer.stream.resume();
    await within(Promise.all(fits), 'room');
    await connection.send('fits');
    for (let count = 0; count < 2; count++) await peer.expectMessage(octetsOf(80_000));
    await peer.expectMessage('fits');
    connection.terminate();
  });
}

test('§10.4 what waits behind a stream counts too, prepared messages as well', async () => {
  const options = { maxBufferedAmount: 100_000, slowConsumer: 'drop' } as const;
  const { connection } = await open('server', options);
  async function* endless(): AsyncGenerator<string> {
    yield 'begun';
    await new Promise(() => {});
  }
  void connection.sendStream(endless());
  const prepared = prepareMessage(octetsOf(60_000));
  const waits: Promise<void>[] = [connection.send(prepared), connection.send(prepared)];
  assert.ok(connection.bufferedAmount >= 120_000);
  await assert.rejects(connection.send(prepared), { code: 'ERR_WS_SEND_BUFFER_FULL' });
  connection.terminate();
  assert.equal(waits.length, 2);
  const unused: Connection<undefined> = connection;
  await within(unused.closed, 'the end');
});
