import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocketServer, type ConnectionHandler } from 'framewire';
import { ManualClock, memoryPair } from 'framewire/testing';
import { open, openOnTcp, ROLES } from './opening.ts';
import { RawPeer, requestHead, turns, within } from './raw-peer.ts';

for (const role of ROLES) {
  test(`a ${role}'s handler that pauses gets the next message after resume, in order`, async () => {
    const seen: unknown[] = [];
    const handler: ConnectionHandler<undefined, unknown> = {
      message(connection, message) {
        seen.push(message);
        connection.pause();
      },
    };
    const { connection, peer } = await open(role, { handler });
    peer.send(...['one', 'two', 'three'].map((text) => peer.frame(0x81, text)));
    for (const count of [1, 2, 3]) {
      await turns(10);
      assert.equal(seen.length, count);
      connection.resume();
    }
    assert.deepEqual(seen, ['one', 'two', 'three']);
    connection.terminate();
  });

  test(`80 what a paused ${role} has not handled when its transport is lost, no handler gets`, async () => {
    const seen: unknown[] = [];
    const handler: ConnectionHandler<undefined, unknown> = {
      message(connection, message) {
        seen.push(message);
        connection.pause();
      },
    };
    const { connection, peer } = await open(role, { handler });
    peer.send(...['one', 'two'].map((text) => peer.frame(0x81, text)));
    await turns(10);
    peer.stream.destroy();
    await within(connection.closed, 'the end');
    assert.deepEqual(seen, ['one']);
  });

  test(`a peer of a ${role} that leaves while it is held back is noticed by the heartbeat`, async (t) => {
    const clock = new ManualClock();
    const heartbeat = { interval: 1000, timeout: 1000 };
    const { connection, peer } = await openOnTcp(t, role, { clock, heartbeat });
    connection.pause();
    peer.stream.destroy();
    let isClosed = false;
    void connection.closed.then(() => (isClosed = true));
    // Each Ping is a write; the first finds out that nobody is there, and the next one says so.
    while (!isClosed) {
      clock.advance(100);
      await turns(1);
    }
    assert.equal((await connection.closed).code, 1006);
  });
}

test('open may pause: frames that came with the handshake wait for resume', async () => {
  const seen: unknown[] = [];
  const [near, far] = memoryPair();
  const server = new WebSocketServer({
    handler: {
      open: (connection) => connection.pause(),
      message: (_connection, message) => void seen.push(message),
    },
  });
  const serving = server.serve(near);
  const peer = new RawPeer(far, 'client');
  peer.send(requestHead(), peer.frame(0x81, 'early'));
  const connection = await serving;
  await turns(10);
  assert.deepEqual(seen, []);
  connection.resume();
  await turns(10);
  assert.deepEqual(seen, ['early']);
  connection.terminate();
});
