/** Peers that would have all of the memory, or all of the time. The numbers are those of the list. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionHandler } from 'framewire';
import { ManualClock } from 'framewire/testing';
import { run } from '../connection/child.ts';
import { open, openOnTcp, ROLES } from '../connection/opening.ts';
import { turn, turns, within } from '../connection/raw-peer.ts';
import { concat, octetsOf, readFrames } from '../protocol/frames.ts';

const echo: ConnectionHandler<undefined, unknown> = {
  message: (connection, message) => void connection.send(message),
};

/** Octets of memory outside the heap, where all buffers are. */
function buffers(): number {
  return process.memoryUsage().arrayBuffers;
}

for (const role of ROLES) {
  test(`48 a large chunk full of small frames does not hold the event loop of a ${role}`, async () => {
    const count = role === 'server' ? 100_000 : 30_000;
    const { peer } = await open(role, { handler: echo });
    const frames = Array.from({ length: count }, (_, index) =>
      peer.frame(0x82, Uint8Array.of(index >>> 16, index >>> 8, index)),
    );
    let turnsTaken = 0;
    let isDone = false;
    const counting = (async () => {
      for (; !isDone; turnsTaken++) await turn();
    })();
    peer.send(concat(...frames));
    const answers = await peer.read(count * (frames[0]!.length + (role === 'client' ? 4 : -4)));
    isDone = true;
    await counting;
    readFrames(answers).forEach(({ payload }, index) => {
      assert.equal((payload[0]! << 16) | (payload[1]! << 8) | payload[2]!, index);
    });
    // Handled in slices of 64 KiB.
    const slices = Math.floor((count * frames[0]!.length) / 65_536);
    assert.ok(turnsTaken >= slices, `${turnsTaken} turns for ${slices} slices`);
  });

  for (const size of [0, 1]) {
    test(`71 §10.4 fragments of ${size} octets without end cost a ${role} no memory, and end in 1008`, async () => {
      const limit = 131_072;
      const { connection, peer } = await open(role);
      const fragment = peer.frame(0x00, octetsOf(size));
      const many = concat(...Array.from({ length: 4096 }, () => fragment));
      peer.sendFrame(0x02);
      const before = buffers();
      for (let count = 0; connection.readyState === 'open'; count += 4096) {
        assert.ok(count < 2 * limit);
        peer.send(many);
        await turn();
        assert.ok(buffers() - before < 8_000_000);
      }
      await peer.expectClose(1008);
      peer.end();
      const { error } = await within(connection.closed, 'the end');
      assert.equal(Reflect.get(error ?? {}, 'code'), 'ERR_WS_TOO_MANY_FRAGMENTS');
      assert.equal(Reflect.get(error ?? {}, 'limit'), limit);
    });
  }

  test(`71 a ${role} takes 4000 fragments of 4 KiB, which is 16 MB, as one message`, async (t) => {
    const { connection, peer } = await openOnTcp(t, role);
    const part = octetsOf(4096);
    peer.sendFrame(0x02, part);
    const fragment = peer.frame(0x00, part);
    for (let count = 2; count < 4000; count++) peer.send(fragment);
    peer.sendFrame(0x80, part);
    const message = await within(connection.receive(), 'the message');
    assert.equal(message?.length, 4000 * 4096);
  });

  test(`46 a ${role} believes no header: memory follows what has arrived`, async () => {
    const { connection, peer } = await open(role, { maxMessageSize: Infinity });
    const before = buffers();
    const header = peer.frame(0x82, octetsOf(70_000)).slice(0, role === 'client' ? 10 : 14);
    // A gibibyte is announced, and ten octets come.
    header.set([0, 0, 0, 0, 0x40, 0, 0, 0], 2);
    peer.send(header, octetsOf(10));
    await turns(5);
    assert.ok(buffers() - before < 1_000_000);
    assert.equal(connection.readyState, 'open');
    connection.terminate();
  });

  test(`73 §5.5.3 a flood of Pings whose Pongs nobody takes costs a ${role} nothing`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await open(role, { clock, heartbeat: false });
    await turns(2);
    peer.stream.pause();
    let last = -1;
    for (let count = 0; count < 400; count++) {
      const pings = Array.from({ length: 100 }, () => {
        last++;
        return peer.frame(0x89, concat(Uint8Array.of(last >>> 8, last), octetsOf(120)));
      });
      peer.send(...pings);
      await turns(1);
      assert.ok(connection.bufferedAmount < 100_000, `${connection.bufferedAmount} octets`);
    }
    assert.equal(connection.readyState, 'open');
    peer.stream.resume();
    let pongs = 0;
    for (let answered = -1; answered !== last; pongs++) {
      const { opcode, payload } = await peer.readFrame();
      assert.equal(opcode, 0xa);
      const which = (payload[0]! << 8) | payload[1]!;
      assert.ok(which > answered, 'in order');
      answered = which;
    }
    assert.ok(pongs < 2000, `${pongs} Pongs for 40000 Pings`);
    // The same without anybody who takes them at last.
    peer.stream.pause();
    for (let count = 0; count < 20; count++) {
      peer.send(...Array.from({ length: 100 }, () => peer.frame(0x89, octetsOf(125))));
      await turns(2);
    }
    clock.advance(120_000);
    const { error } = await within(connection.closed, 'the end');
    assert.equal(Reflect.get(error ?? {}, 'code'), 'ERR_WS_SEND_TIMEOUT');
  });

  test(`73 a hundred Pings in a row are all answered by a ${role}, when they are taken`, async () => {
    const { connection, peer } = await open(role);
    for (let count = 0; count < 100; count++) {
      peer.sendFrame(0x89, Uint8Array.of(count));
      const { opcode, payload } = await peer.readFrame();
      assert.deepEqual([opcode, payload[0]], [0xa, count]);
    }
    connection.terminate();
  });
}

test('72 a million messages on one connection trip no counter', async () => {
  let received = 0;
  const { connection, peer } = await open('server', {
    handler: { message: () => void received++ },
    maxSmallFragments: 100,
  });
  const chunk = concat(...Array.from({ length: 10_000 }, () => peer.frame(0x81)));
  for (let count = 0; count < 100; count++) {
    // Unmasked in place, so each time a copy.
    peer.send(chunk.slice());
    await turn();
  }
  while (received < 1_000_000) {
    assert.equal(connection.readyState, 'open');
    await turn();
  }
  peer.sendText('x');
  while (received < 1_000_001) await turn();
  connection.terminate();
});

test('75 idle connections pin none of the memory of what they have received', async () => {
  const { code, stdout, stderr } = await run(`
    import v8 from 'node:v8';
    import vm from 'node:vm';
    v8.setFlagsFromString('--expose-gc');
    const gc = vm.runInNewContext('gc');
    const settle = async () => {
      for (let count = 0; count < 6; count++) { gc(); await turns(20); }
      return process.memoryUsage().external;
    };
    let received = 0;
    const server = new WebSocketServer({
      heartbeat: false,
      handler: { message: (_connection, message) => void (received += message.length) },
    });
    const { url } = await server.listen({ port: 0, host: '127.0.0.1', backlog: 2000 });
    const clients = [];
    // What a connection itself costs is there before the burst.
    for (let count = 0; count < 2000; count += 50) {
      const opening = Array.from({ length: 50 }, () => connect(url, { heartbeat: false }));
      clients.push(...(await Promise.all(opening)));
    }
    await until(() => server.connections.size === 2000);
    const before = await settle();
    const burst = new Uint8Array(64 * 1024 - 100);
    for (let index = 0; index < clients.length; index++) {
      await clients[index].send(burst);
      if (index % 50 === 49) await until(() => received === (index + 1) * burst.length);
    }
    for (const connection of server.connections) connection.send(burst.subarray(0, 30_000));
    let answered = 0;
    for (const client of clients) answered += (await client.receive()).length;
    const pinned = (await settle()) - before;
    console.log(JSON.stringify({ received: received / burst.length, answered: answered / 30_000, pinned }));
    for (const client of clients) client.terminate();
    for (const connection of server.connections) connection.terminate();
    await server.close();
  `);
  assert.equal(code, 0, stderr);
  const { received, answered, pinned } = JSON.parse(stdout) as Record<string, number>;
  assert.equal(received, 2000);
  assert.equal(answered, 2000);
  // 128 MB were received, and as much was sent: next to nothing of it may be left.
  assert.ok(pinned! < 8_000_000, `${pinned} octets are pinned`);
});
