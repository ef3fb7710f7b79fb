import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import type { Message } from 'framewire';
import { hex } from 'framewire/testing';
import { octetsOf } from '../protocol/frames.ts';
import { open, openOnTcp, openPair, ROLES } from './opening.ts';
import { turns, within } from './raw-peer.ts';

for (const role of ROLES) {
  test(`toDuplex of a ${role}: each write is a binary message, all that arrives is octets`, async () => {
    const { connection, peer } = await open(role);
    const duplex = connection.toDuplex();
    duplex.write('text');
    duplex.write(hex`01 02`);
    await peer.expectMessage(Buffer.from('text'));
    await peer.expectMessage(hex`01 02`);
    const received: Buffer[] = [];
    duplex.on('data', (chunk: Buffer) => received.push(chunk));
    peer
      .sendFrame(0x82, hex`61`)
      .sendText('')
      .sendText('grüße')
      .sendClose(1000)
      .end();
    await within(new Promise((resolve) => duplex.on('end', resolve)), 'the end');
    assert.equal(Buffer.concat(received).toString(), 'agrüße');
  });

  test(`toDuplex of a ${role}: ending it closes with 1000, and finishes when that is done`, async () => {
    const { connection, peer } = await open(role);
    const duplex = connection.toDuplex();
    duplex.resume();
    duplex.end('last');
    let finished = false;
    duplex.on('finish', () => (finished = true));
    await peer.expectMessage(Buffer.from('last'));
    await peer.expectClose(1000);
    await turns(3);
    assert.equal(finished, false);
    peer.sendClose(1000).end();
    await within(new Promise((resolve) => duplex.on('close', resolve)), 'the close');
    assert.equal(finished, true);
    assert.equal((await connection.closed).wasClean, true);
  });

  test(`toDuplex of a ${role}: destroying it terminates, with the error that is told`, async () => {
    const { connection, peer } = await open(role);
    const error = new Error('the other side of the pipe broke');
    const duplex = connection.toDuplex();
    duplex.on('error', () => {});
    duplex.destroy(error);
    const info = await within(connection.closed, 'the end');
    assert.equal(info.error, error);
    await peer.closed();
    const quiet = await open(role);
    quiet.connection.toDuplex().destroy();
    const { error: reason } = await within(quiet.connection.closed, 'the end');
    assert.equal((reason as { code?: string }).code, 'ERR_WS_TERMINATED');
  });

  test(`toDuplex of a ${role}: an end without a Close is an error`, async () => {
    const { connection, peer } = await open(role);
    const duplex = connection.toDuplex();
    duplex.resume();
    const failed = new Promise<Error>((resolve) => duplex.on('error', resolve));
    peer.sendFrame(0x82, hex`01`).end();
    const error = await within(failed, 'the error');
    assert.equal(error.name, 'ConnectionClosedError');
    assert.equal(duplex.destroyed, true);
  });

  test(`toDuplex of a ${role}: what nobody reads holds the peer back`, async (t) => {
    const { connection, peer } = await openOnTcp(t, role, { highWaterMark: 10_000 });
    const duplex = connection.toDuplex();
    const chunk = peer.frame(0x82, octetsOf(50_000));
    for (let count = 0; count < 400; count++) peer.send(chunk);
    duplex.read(0);
    await turns(100);
    assert.ok(peer.stream.writableLength > 5_000_000, `${peer.stream.writableLength} wait`);
    let received = 0;
    duplex.on('data', (data: Buffer) => (received += data.length));
    peer.sendClose(1000).end();
    await within(new Promise((resolve) => duplex.on('end', resolve)), 'the end');
    assert.equal(received, 20_000_000);
  });

  test(`toDuplex of a ${role}: a peer that reads slowly holds the writer back`, async () => {
    const { connection, peer } = await open(role);
    await turns(2);
    peer.stream.pause();
    let produced = 0;
    const source = new Readable({
      highWaterMark: 1,
      read() {
        this.push(produced++ < 300 ? octetsOf(10_000) : null);
      },
    });
    source.pipe(connection.toDuplex(), { end: false });
    await turns(50);
    assert.ok(produced < 50, `${produced} chunks were produced`);
    peer.stream.resume();
    for (let count = 0; count < 300; count++) await peer.expectMessage(octetsOf(10_000));
    connection.terminate();
  });

  test(`toWebStreams of a ${role}: messages both ways`, async () => {
    const { connection, peer } = await open(role);
    const { readable, writable } = connection.toWebStreams();
    const writer = writable.getWriter();
    await writer.write('text');
    await writer.write(hex`01`);
    await peer.expectMessage('text');
    await peer.expectMessage(hex`01`);
    peer
      .sendText('')
      .sendFrame(0x82, hex`02`)
      .sendClose(1000)
      .end();
    const received: Message[] = [];
    for await (const message of readable) received.push(message);
    assert.deepEqual(received, ['', hex`02`]);
    await within(connection.closed, 'the end');
    await assert.rejects(writer.write('late'), { code: 'ERR_WS_CLOSED' });
    await assert.rejects(writer.closed, { code: 'ERR_WS_CLOSED' });
  });

  test(`toWebStreams of a ${role}: closing the writable closes with 1000`, async () => {
    const { connection, peer } = await open(role);
    const { readable, writable } = connection.toWebStreams();
    const closed = writable.close();
    await peer.expectClose(1000);
    peer.sendClose(1000).end();
    await within(closed, 'the close');
    assert.equal((await readable.getReader().read()).done, true);
    assert.equal((await connection.closed).wasClean, true);
  });

  test(`toWebStreams of a ${role}: cancelling closes, aborting terminates`, async () => {
    const one = await open(role);
    const cancelled = one.connection.toWebStreams().readable.cancel();
    await one.peer.expectClose(1000);
    one.peer.sendClose(1000).end();
    await within(cancelled, 'the cancel');
    const two = await open(role);
    const reason = new Error('no use');
    await two.connection.toWebStreams().writable.abort(reason);
    assert.equal((await within(two.connection.closed, 'the end')).error, reason);
    const three = await open(role);
    await three.connection.toWebStreams().writable.abort('not an error');
    const { error } = await within(three.connection.closed, 'the end');
    assert.equal((error as { code?: string }).code, 'ERR_WS_TERMINATED');
  });

  test(`toWebStreams of a ${role}: an end without a Close errors both`, async () => {
    const { connection, peer } = await open(role);
    const { readable, writable } = connection.toWebStreams();
    const reader = readable.getReader();
    const writer = writable.getWriter();
    const reading = reader.read();
    peer.end();
    await assert.rejects(within(reading, 'the end'), { code: 'ERR_WS_CLOSED' });
    await assert.rejects(within(writer.closed, 'the end'), { code: 'ERR_WS_CLOSED' });
  });

  test(`toWebStreams of a ${role}: backpressure, both ways`, async () => {
    const { connection, peer } = await open(role, { highWaterMark: 10_000 });
    const { readable, writable } = connection.toWebStreams();
    const message = peer.frame(0x82, octetsOf(5_000));
    for (let count = 0; count < 100; count++) peer.send(message);
    await turns(20);
    assert.ok(peer.stream.writableLength > 300_000, `${peer.stream.writableLength} wait`);
    const reader = readable.getReader();
    for (let count = 0; count < 100; count++) await within(reader.read(), 'a message');
    peer.stream.pause();
    const writer = writable.getWriter();
    let written = 0;
    void (async () => {
      for (; written < 100; written++) await writer.write(octetsOf(5_000));
    })().catch(() => {});
    await turns(50);
    assert.ok(written < 30, `${written} messages were written`);
    connection.terminate();
    await assert.rejects(writer.closed);
  });
}

test('a few megabytes go through two tunnels and back, whole and in order', async (t) => {
  const { near, far } = await openPair(t);
  const back = far.toDuplex();
  back.pipe(back, { end: false });
  const total = 8_000_000;
  const sentHash = createHash('sha256');
  const receivedHash = createHash('sha256');
  let sent = 0;
  const source = new Readable({
    read() {
      const chunk = octetsOf(Math.min(70_000, total - sent));
      sent += chunk.length;
      sentHash.update(chunk);
      this.push(chunk.length === 0 ? null : chunk);
    },
  });
  const duplex = near.toDuplex();
  let received = 0;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, callback) {
      receivedHash.update(chunk);
      received += chunk.length;
      if (received === total) duplex.end();
      callback();
    },
  });
  source.pipe(duplex, { end: false });
  await within(pipeline(duplex, sink), 'the pipeline', 20_000);
  assert.equal(received, total);
  assert.equal(receivedHash.digest('hex'), sentHash.digest('hex'));
  assert.equal((await far.closed).wasClean, true);
});
