import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection, ConnectionHandler, Message } from 'framewire';
import { hex, ManualClock } from 'framewire/testing';
import { deferred } from '#src/connection/deferred.js';
import { ProtocolDriver } from '#src/connection/protocol-driver.js';
import { concat, octetsOf } from '../protocol/frames.ts';
import { open, openOnTcp, ROLES } from './opening.ts';
import { turn, turns, within, type RawPeer } from './raw-peer.ts';

const echo: ConnectionHandler<undefined, unknown> = {
  message: (connection, message) => void connection.send(message),
};

/** Until the kernel has taken all that it can. */
async function sendAll(peer: RawPeer, count: number, payload: Uint8Array): Promise<void> {
  for (let index = 0; index < count; index++) peer.sendFrame(0x82, payload);
  await turns(5);
}

for (const role of ROLES) {
  test(`what a handler of a ${role} sends while one chunk is handled leaves in one write`, async (t) => {
    const { connection, peer } = await openOnTcp(t, role, { handler: echo });
    const write = t.mock.method(connection.transport, 'write');
    peer.send(peer.frame(0x81, 'one'), peer.frame(0x89, 'ping'), peer.frame(0x82, hex`00 01`));
    await peer.expectMessage('one');
    assert.equal((await peer.readFrame()).opcode, 0xa);
    await peer.expectMessage(hex`00 01`);
    assert.equal(write.mock.callCount(), 1);
  });

  test(`what a loop of a ${role} sends for one chunk leaves in one write`, async (t) => {
    const { connection, peer } = await openOnTcp(t, role);
    const write = t.mock.method(connection.transport, 'write');
    const looping = (async () => {
      for await (const message of connection) await connection.send(message);
    })();
    peer.send(...['a', 'b', 'c', 'd'].map((text) => peer.frame(0x81, text)));
    for (const text of ['a', 'b', 'c', 'd']) await peer.expectMessage(text);
    assert.equal(write.mock.callCount(), 1);
    peer.sendClose(1000);
    await peer.expectClose(1000);
    peer.end();
    await within(looping, 'the end of the loop');
  });

  const documentedOnly = process.env['FRAMEWIRE_DOCUMENTED_API'] === '1';
  test(
    `a ${role} reads much at once where much is waiting, but not ahead of a slow application`,
    {
      skip: documentedOnly && 'Node reads 64 KiB',
    },
    async (t) => {
      const onData = t.mock.method(ProtocolDriver.prototype, 'onData');
      const chunks = (): number[] =>
        onData.mock.calls.map(({ arguments: [chunk] }) => chunk.length);
      const count = 600;
      const payload = octetsOf(10_000);
      let arrived = 0;
      const all = deferred<void>();
      const fast = await openOnTcp(t, role, {
        handler: {
          message(_, message) {
            assert.deepEqual(message, payload);
            if (++arrived === count) all.resolve();
          },
        },
      });
      // All of it is there before the first of it is read.
      fast.connection.pause();
      await sendAll(fast.peer, count, payload);
      fast.connection.resume();
      await within(all.promise, 'all messages');
      assert.ok(Math.max(...chunks()) > 64 * 1024);
      assert.ok(Math.max(...chunks()) <= 192 * 1024);

      onData.mock.resetCalls();
      const slow = await openOnTcp(t, role);
      await sendAll(slow.peer, count, payload);
      for (let index = 0; index < count; index++) {
        assert.deepEqual(await within(slow.connection.receive(), 'a message'), payload);
        await turn();
      }
      assert.ok(Math.max(...chunks()) <= 64 * 1024);
    },
  );

  test(`a ${role} loses nothing when paused and resumed before it has begun to read`, async () => {
    const { connection, peer } = await open(role);
    connection.pause();
    connection.resume();
    peer.sendText('early');
    assert.equal(await within(connection.receive(), 'the message'), 'early');
  });

  test(`a paused ${role} gets no message until it is resumed, also from the first turn on`, async () => {
    const { connection, peer } = await open(role);
    connection.pause();
    peer.sendText('waits');
    const received = connection.receive();
    let isHere = false;
    void received.then(() => (isHere = true));
    await turns(5);
    assert.equal(isHere, false);
    connection.resume();
    assert.equal(await within(received, 'the message'), 'waits');
  });

  for (const when of ['at once', 'later'] as const) {
    test(`§7.1.2 a paused ${role} that closes ${when} still hears the answer`, async () => {
      const { connection, peer } = await open(role);
      if (when === 'later') await turns(3);
      connection.pause();
      const closed = connection.close(1000);
      await peer.expectClose(1000);
      peer.sendText('nobody reads this').sendClose(1000);
      if (role === 'client') await turns(2);
      peer.end();
      assert.equal((await within(closed, 'the end')).wasClean, true);
    });
  }

  test(`§7.1.2 pause() after close() does not hold the closing handshake of a ${role}`, async () => {
    const { connection, peer } = await open(role);
    const closed = connection.close(1000);
    connection.pause();
    await peer.expectClose(1000);
    peer.sendClose(1000).end();
    assert.equal((await within(closed, 'the end')).wasClean, true);
  });

  test(`§7.1.2 a ${role} whose large chunk nobody reads can close`, async () => {
    const { connection, peer } = await open(role);
    const message = peer.frame(0x82, octetsOf(1000));
    peer.send(concat(...Array.from({ length: 300 }, () => message)));
    await turns(5);
    assert.notEqual(await connection.receive(), undefined);
    const closed = connection.close(4000);
    await peer.expectClose(4000);
    peer.sendClose(4000).end();
    assert.equal((await within(closed, 'the end')).wasClean, true);
  });

  test(`§10.4 sendTimeout ends a ${role} whose peer takes nothing, also after its last send`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await open(role, { clock, sendTimeout: 1000, heartbeat: false });
    peer.stream.pause();
    await turns(2);
    // Less than what is written at once, and in all more than any Node buffers by default.
    for (let count = 0; count < 4; count++) {
      void connection.send(octetsOf(40_000));
      await turns(3);
    }
    assert.equal(connection.transport.writableNeedDrain, true);
    clock.advance(999);
    assert.equal(connection.readyState, 'open');
    clock.advance(1);
    const info = await within(connection.closed, 'the end');
    assert.equal((info.error as { code?: string }).code, 'ERR_WS_SEND_TIMEOUT');
    assert.equal(info.code, 1006);
    assert.equal(clock.pending, 0);
  });

  test(`§10.4 sendTimeout spares a ${role} whose peer reads slowly`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await open(role, { clock, sendTimeout: 1000, heartbeat: false });
    peer.stream.pause();
    await turns(2);
    const parts = 12;
    for (let part = 0; part < parts; part++) void connection.send(octetsOf(50_000));
    await turns(3);
    for (let part = 0; connection.bufferedAmount > 0; part++) {
      assert.ok(part < 2 * parts);
      peer.stream.read();
      await turns(3);
      clock.advance(999);
      assert.equal(connection.readyState, 'open', `part ${part}`);
    }
    assert.equal(clock.pending, 0);
    connection.terminate();
  });

  test(`an unlimited sendTimeout of a ${role} sets no timer`, async () => {
    const clock = new ManualClock();
    const options = { clock, sendTimeout: Infinity, heartbeat: false } as const;
    const { connection, peer } = await open(role, options);
    peer.stream.pause();
    await turns(2);
    void connection.send(octetsOf(100_000));
    await turns(3);
    assert.equal(clock.pending, 0);
    connection.terminate();
  });

  test(`§7.1.1 a ${role} ends the transport when the peer does not answer its Close in time`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await open(role, { clock, closeTimeout: 700, heartbeat: false });
    const closed = connection.close(1000, 'bye');
    assert.equal(await peer.expectClose(1000), 'bye');
    clock.advance(699);
    assert.equal(connection.readyState, 'closing');
    clock.advance(1);
    const info = await within(closed, 'the end');
    assert.equal(info.code, 1006);
    assert.equal(info.wasClean, false);
    assert.deepEqual(info.sent, { code: 1000, reason: 'bye' });
    assert.equal((info.error as { code?: string }).code, 'ERR_WS_CLOSING_TIMEOUT');
    await peer.closed();
    assert.equal(clock.pending, 0);
  });

  test(`§7.1.1 a ${role} destroys a transport that the peer keeps after both Closes`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await open(role, { clock, heartbeat: false });
    const closed = connection.close(1000);
    await peer.expectClose(1000);
    peer.sendClose(1000);
    await turns(3);
    assert.equal(connection.readyState, 'closing');
    clock.advance(5000);
    const info = await within(closed, 'the end');
    assert.equal(info.wasClean, true, 'both sides have said Close');
    assert.equal(clock.pending, 0);
  });

  test(`a large chunk is handed on to the end, also when a ${role} loses its transport`, async () => {
    const messages: Message[] = [];
    const handler: ConnectionHandler<undefined, unknown> = {
      message: (_connection: Connection<undefined>, message) => void messages.push(message),
    };
    const { connection, peer } = await open(role, { handler });
    const text = 'x'.repeat(1000);
    peer.send(concat(...Array.from({ length: 200 }, () => peer.frame(0x81, text))));
    await turn();
    peer.reset();
    await within(connection.closed, 'the end');
    assert.equal(messages.length, 200);
  });
}
