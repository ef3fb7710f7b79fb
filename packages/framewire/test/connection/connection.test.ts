import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Connection, type Message } from 'framewire';
import { hex, ManualClock } from 'framewire/testing';
import { octetsOf } from '../protocol/frames.ts';
import { open, openOnTcp, openPair, ROLES } from './opening.ts';
import { turns, within } from './raw-peer.ts';

for (const role of ROLES) {
  test(`a ${role} receives messages in order, and undefined after a clean close`, async () => {
    const { connection, peer } = await open(role);
    peer
      .sendText('one')
      .sendFrame(0x82, hex`02`)
      .sendText('')
      .sendClose(1000)
      .end();
    assert.equal(await within(connection.receive(), 'a message'), 'one');
    assert.deepEqual(await within(connection.receive(), 'a message'), hex`02`);
    assert.equal(await within(connection.receive(), 'a message'), '');
    assert.equal(await within(connection.receive(), 'the end'), undefined);
    assert.equal(await within(connection.receive(), 'the end'), undefined);
  });

  test(`a ${role} hands out what had arrived before an end that was not clean`, async () => {
    const { connection, peer } = await open(role);
    peer.sendText('last words').end();
    await within(connection.closed, 'the end');
    assert.equal(await connection.receive(), 'last words');
    await assert.rejects(connection.receive(), {
      name: 'ConnectionClosedError',
      code: 'ERR_WS_CLOSED',
    });
  });

  test(`binary messages of a ${role} are octets of their own, and no Buffer`, async () => {
    const { connection, peer } = await open(role);
    peer.send(peer.frame(0x82, octetsOf(10)), peer.frame(0x82, octetsOf(20)));
    const messages = [await connection.receive(), await connection.receive()] as Uint8Array[];
    for (const message of messages) {
      assert.ok(!Buffer.isBuffer(message));
      assert.equal(message.buffer.byteLength, message.length);
    }
    connection.terminate();
  });

  test(`a ${role}'s receive can be aborted, and no message is lost with it`, async () => {
    const { connection, peer } = await open(role);
    const controller = new AbortController();
    const reason = new Error('enough waiting');
    const received = connection.receive({ signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(received, reason);
    peer.sendText('still here');
    const { signal } = new AbortController();
    assert.equal(await within(connection.receive({ signal }), 'a message'), 'still here');
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    assert.equal(connection.readyState, 'open');
    connection.terminate();
  });

  test(`a ${role} is read by one reader at a time: another is refused, and harms nothing`, async () => {
    const { connection, peer } = await open(role);
    const first = connection.receive();
    const refused = { code: 'ERR_WS_CONCURRENT_READ' };
    await assert.rejects(connection.receive(), refused);
    await assert.rejects(connection[Symbol.asyncIterator]().next(), refused);
    assert.throws(() => connection.messages(), refused);
    peer.sendText('for the first');
    assert.equal(await within(first, 'a message'), 'for the first');
    connection.terminate();
  });

  test(`a ${role} that a handler reads is read in no other way`, async () => {
    const { connection } = await open(role, { handler: { message() {} } });
    const refused = { code: 'ERR_WS_CONCURRENT_READ' };
    await assert.rejects(connection.receive(), refused);
    assert.throws(() => connection[Symbol.asyncIterator](), refused);
    assert.throws(() => connection.messages(), refused);
    connection.terminate();
  });

  test(`leaving a loop over a ${role} does not close, and another may go on`, async () => {
    const { connection, peer } = await open(role);
    peer.sendText('a').sendText('b').sendText('c').sendClose(1000).end();
    const seen: Message[] = [];
    for await (const message of connection) {
      seen.push(message);
      break;
    }
    for await (const message of connection) seen.push(message);
    assert.deepEqual(seen, ['a', 'b', 'c']);
  });

  test(`a loop over a ${role} throws at an end that was not clean`, async () => {
    const { connection, peer } = await open(role);
    peer.sendText('a').end();
    const seen: Message[] = [];
    const loop = async (): Promise<void> => {
      for await (const message of connection) seen.push(message);
    };
    await assert.rejects(within(loop(), 'the end'), { code: 'ERR_WS_CLOSED' });
    assert.deepEqual(seen, ['a']);
  });

  test(`a slow loop over a ${role} holds the peer back, in bounded memory`, async (t) => {
    const { connection, peer } = await openOnTcp(t, role);
    const message = peer.frame(0x82, octetsOf(20_000));
    const total = 1500;
    for (let count = 0; count < total; count++) peer.send(message);
    let received = 0;
    let mostWaiting = 0;
    for await (const part of connection) {
      received++;
      assert.equal(part.length, 20_000);
      if (received > 20) {
        if (received === total) break;
        continue;
      }
      // A reader that needs longer than the peer: most of 30 MB stay where they are.
      await turns(20);
      assert.equal(connection.transport.isPaused(), true);
      mostWaiting = Math.max(mostWaiting, connection.transport.readableLength);
      assert.ok(peer.stream.writableLength > 10_000_000, `${peer.stream.writableLength} wait`);
    }
    assert.equal(received, total);
    assert.ok(mostWaiting <= 256 * 1024, `${mostWaiting} in the transport`);
  });

  test(`§5.5.2 a ${role}'s ping resolves with the milliseconds to its Pong`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await open(role, { clock, heartbeat: false });
    const first = connection.ping();
    const second = connection.ping({ payload: 'hello' });
    const frames = [await peer.readFrame(), await peer.readFrame()];
    assert.deepEqual(
      frames.map(({ opcode, fin }) => [opcode, fin]),
      [
        [9, true],
        [9, true],
      ],
    );
    assert.equal(Buffer.from(frames[1]!.payload).toString(), 'hello');
    clock.advance(7);
    peer.sendFrame(0x8a, frames[0]!.payload);
    assert.equal(await within(first, 'a pong'), 7);
    clock.advance(3);
    peer.sendFrame(0x8a, 'hello');
    assert.equal(await within(second, 'a pong'), 10);
    connection.terminate();
  });

  test(`§5.5 a ${role}'s ping: its bound, its signal, its end`, async () => {
    const { connection, peer } = await open(role);
    await assert.rejects(connection.ping({ payload: octetsOf(126) }), { name: 'RangeError' });
    void connection.ping({ payload: octetsOf(125) });
    assert.equal((await peer.readFrame()).payload.length, 125);
    const controller = new AbortController();
    const aborted = connection.ping({ signal: controller.signal });
    const reason = new Error('enough');
    controller.abort(reason);
    await assert.rejects(aborted, reason);
    await assert.rejects(connection.ping({ signal: controller.signal }), reason);
    const waiting = connection.ping();
    connection.terminate();
    await assert.rejects(within(waiting, 'the end'), { code: 'ERR_WS_CLOSED' });
  });

  test(`§5.5.3 a ${role} can send a Pong that nobody asked for`, async () => {
    const { connection, peer } = await open(role);
    connection.pong();
    connection.pong('alive');
    connection.pong(hex`00 ff`);
    const payloads = [];
    for (let count = 0; count < 3; count++) {
      const { opcode, payload } = await peer.readFrame();
      assert.equal(opcode, 0xa);
      payloads.push(Buffer.from(payload).toString('latin1'));
    }
    assert.deepEqual(payloads, ['', 'alive', '\u0000\u00ff']);
    assert.throws(() => connection.pong(octetsOf(126)), { name: 'RangeError' });
    connection.terminate();
  });

  test(`§5.5.2 a ${role} answers Pings, also while nobody reads its messages`, async () => {
    const { connection, peer } = await open(role);
    peer.sendText('unread').sendFrame(0x89, 'p');
    const { opcode, payload } = await peer.readFrame();
    assert.deepEqual([opcode, Buffer.from(payload).toString()], [0xa, 'p']);
    connection.terminate();
  });

  test(`a text that no string can hold fails the ${role}'s connection, not the process`, async () => {
    const { connection, peer } = await open(role, { maxMessageSize: Infinity });
    const tooLong = Buffer.alloc(2 ** 29 + 1024);
    const inner = connection as unknown as {
      onMessage(type: string, octets: Uint8Array, start: number, end: number, lent: boolean): void;
    };
    inner.onMessage('text', tooLong, 0, tooLong.length, true);
    await peer.expectClose(1011);
    peer.end();
    const { error } = await within(connection.closed, 'the end');
    assert.equal((error as { code?: string }).code, 'ERR_STRING_TOO_LONG');
  });
}

test('a connection tells what it is', async (t) => {
  const { near, far, url } = await openPair(t);
  assert.ok(near instanceof Connection);
  assert.equal(near.role, 'client');
  assert.equal(far.role, 'server');
  assert.equal(near.url, url);
  assert.equal(far.url, '/');
  assert.equal(near.protocol, '');
  assert.equal(near.responseHeaders?.get('upgrade'), 'websocket');
  assert.equal(far.responseHeaders, undefined);
  assert.equal(near.context, undefined);
  assert.equal(near.remoteAddress, '127.0.0.1');
  assert.equal(near.remotePort, Number(new URL(url).port));
  assert.equal(near.localPort, far.remotePort);
  assert.equal(near.localAddress, '127.0.0.1');
  assert.equal(near.readyState, 'open');
  assert.equal(inspect(near), `Connection { client open ${url}, 0 octets queued }`);
  assert.equal(inspect(far), 'Connection { server open /, 0 octets queued }');
  assert.equal(inspect({ deep: { near } }).includes('#driver'), false);
  void near.send(octetsOf(1000));
  assert.equal(near.bufferedAmount, 1008);
  assert.match(inspect(near), /1008 octets queued/u);
  await near.close(1000);
  assert.match(inspect(near), /client closed/u);
});

test('a connection over something that is no socket has no addresses', async () => {
  const { connection } = await open('client');
  assert.equal(connection.remoteAddress, undefined);
  assert.equal(connection.remotePort, undefined);
  assert.equal(connection.localAddress, undefined);
  assert.equal(connection.localPort, undefined);
  connection.ref();
  connection.unref();
  connection.terminate();
});
