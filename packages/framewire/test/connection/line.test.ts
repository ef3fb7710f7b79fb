/** What of a connection is dropped while nothing is under way, and that nobody notices. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { Connection } from 'framewire';
import { Line } from '#src/connection/line.js';
import { ProtocolDriver } from '#src/connection/protocol-driver.js';
import type { Transport } from '#src/connection/transport.js';
import { octetsOf } from '../protocol/frames.ts';
import { open, ROLES, type Opened } from './opening.ts';
import { turns, within } from './raw-peer.ts';

// Drivers are dropped by the clock of the process; everything else here waits for events.
mock.timers.enable({ apis: ['setTimeout'] });

/** Time in which a driver that is at rest goes. */
async function pass(): Promise<void> {
  // What was written has left then.
  await turns(3);
  for (let step = 0; step < 16; step++) mock.timers.tick(250);
}

function hasDriver({ transport }: Connection): boolean {
  const key = Object.getOwnPropertySymbols(transport).find(
    ({ description }) => description === 'framewire.transport',
  );
  assert.ok(key !== undefined);
  const { sink } = (transport as unknown as Record<symbol, Transport>)[key]!;
  assert.ok(sink instanceof Line || sink instanceof ProtocolDriver);
  return sink instanceof ProtocolDriver;
}

/** Echoes, and tells of Pongs. */
async function openEcho(role: 'client' | 'server', pongs: string[] = []): Promise<Opened> {
  const opened = await open(role, {
    heartbeat: false,
    handler: {
      message(connection, message) {
        void connection.send(message);
      },
      pong(_, octets) {
        pongs.push(Buffer.from(octets).toString());
      },
    },
  });
  await turns(2);
  return opened;
}

async function* textsOf(connection: Connection): AsyncGenerator<string> {
  for await (const stream of connection.messages()) {
    let text = '';
    for await (const part of stream) text += String(part);
    yield text;
  }
}

for (const role of ROLES) {
  test(`a ${role} has no driver before anything comes or leaves, nor some time after`, async () => {
    const { connection, peer } = await openEcho(role);
    assert.equal(hasDriver(connection), false);
    for (const text of ['one', 'two', 'three']) {
      peer.sendText(text);
      await peer.expectMessage(text);
      assert.equal(hasDriver(connection), true);
      await pass();
      assert.equal(hasDriver(connection), false);
      assert.equal(connection.bufferedAmount, 0);
      assert.equal(connection.readyState, 'open');
    }
    void connection.close(1000, 'done');
    await peer.expectClose(1000);
  });

  test(`a ${role} keeps a driver that is used again and again`, async () => {
    const { connection, peer } = await openEcho(role);
    const transport = connection.transport as unknown as Record<symbol, Transport>;
    const [key] = Object.getOwnPropertySymbols(transport).filter(
      ({ description }) => description === 'framewire.transport',
    );
    peer.sendText('first');
    await peer.expectMessage('first');
    const { sink } = transport[key!]!;
    for (let round = 0; round < 20; round++) {
      mock.timers.tick(250);
      peer.sendText('again');
      await peer.expectMessage('again');
    }
    assert.equal(transport[key!]!.sink, sink);
    connection.terminate();
  });

  test(`a ${role} without a driver sends, pings, pauses, closes and ends as any other`, async () => {
    const pongs: string[] = [];
    const acts: ((opened: Opened) => Promise<void>)[] = [
      async ({ connection, peer }) => {
        void connection.send('text');
        await peer.expectMessage('text');
      },
      async ({ connection, peer }) => {
        const pong = connection.ping({ payload: 'here?' });
        const ping = await peer.readFrame();
        peer.sendFrame(0x8a, ping.payload);
        await within(pong, 'the Pong');
        assert.deepEqual(pongs, ['here?']);
      },
      async ({ connection, peer }) => {
        connection.pause();
        peer.sendText('held');
        await turns(3);
        assert.equal(peer.isDry, true);
        connection.resume();
        await peer.expectMessage('held');
      },
      async ({ connection, peer }) => {
        connection.pong('alive');
        assert.equal((await peer.readFrame()).opcode, 10);
      },
      async ({ peer }) => {
        peer.sendFrame(0x89, 'there?');
        await peer.expectFrame(10, 'there?');
      },
    ];
    const opened = await openEcho(role, pongs);
    for (const act of acts) {
      await pass();
      assert.equal(hasDriver(opened.connection), false);
      await act(opened);
    }
    await pass();
    opened.peer.end();
    const info = await within(opened.connection.closed, 'the end');
    assert.equal(info.code, 1006);
    assert.equal(opened.connection.readyState, 'closed');
  });

  test(`a ${role} keeps its driver while something is begun`, async () => {
    const masked = role === 'server';
    const begun: Readonly<Record<string, (opened: Opened) => void>> = {
      'half a header': ({ peer }) => peer.send(peer.frame(0x81, 'hello').subarray(0, 1)),
      'half a frame': ({ peer }) =>
        peer.send(peer.frame(0x81, 'hello').subarray(0, masked ? 8 : 4)),
      'half a Ping': ({ peer }) => peer.send(peer.frame(0x89, 'hello').subarray(0, masked ? 8 : 4)),
      'a fragment': ({ peer }) => peer.sendFrame(0x01, 'hel'),
      'an empty fragment': ({ peer }) => peer.sendFrame(0x01),
      'a pause': ({ connection }) => connection.pause(),
      'octets that wait': ({ connection, peer }) => {
        peer.stream.pause();
        void connection.send(octetsOf(300_000));
      },
      'a message that is sent part by part': ({ connection }) => {
        void connection.sendStream(new ReadableStream<string>());
      },
      'its Close': ({ connection }) => void connection.close(1000),
    };
    for (const [what, begin] of Object.entries(begun)) {
      const opened = await openEcho(role);
      begin(opened);
      await turns(3);
      await pass();
      await pass();
      assert.equal(hasDriver(opened.connection), true, what);
      opened.connection.terminate();
    }
  });

  test(`a message to a ${role} goes on after a rest of any length in its middle`, async () => {
    const { connection, peer } = await openEcho(role);
    const octets = peer.frame(0x81, 'Καλημέρα');
    for (const octet of octets) {
      peer.send(Uint8Array.of(octet));
      await turns(2);
      await pass();
    }
    await peer.expectMessage('Καλημέρα');
    connection.terminate();
  });

  test(`messages of a ${role} that are read as streams have a driver for good`, async () => {
    const { connection, peer } = await open(role, { heartbeat: false });
    const texts = textsOf(connection);
    for (const text of ['first', 'second']) {
      const next = texts.next();
      peer.sendText(text);
      assert.equal((await within(next, text)).value, text);
      await pass();
    }
    assert.equal(hasDriver(connection), true);
    connection.terminate();
  });
}
