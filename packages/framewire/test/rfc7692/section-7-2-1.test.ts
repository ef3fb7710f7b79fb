/** RFC 7692 §7.2.1 — Compression: what this side keeps of earlier messages, and what not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prepareMessage, type Connection } from 'framewire';
import { hex } from 'framewire/testing';
import { ROLES } from '../connection/opening.ts';
import type { RawPeer } from '../connection/raw-peer.ts';
import { concat, utf8 } from '../protocol/frames.ts';
import { inflated, noise, openCompressed } from './compressed.ts';

/** Not to be made smaller but by a reference to the same octets before. */
const NOISE = noise(400);

async function send(connection: Connection, peer: RawPeer, compress: boolean): Promise<Uint8Array> {
  void connection.send(NOISE, { compress });
  const { rsv, payload } = await peer.readFrame();
  assert.equal(rsv, compress ? 0b100 : 0);
  return payload;
}

for (const role of ROLES) {
  test(`§7.1.1 the messages of a ${role} refer to those before, whatever comes in between`, async () => {
    const { connection, peer } = await openCompressed(role, { takeover: true });
    const first = await send(connection, peer, true);
    assert.deepEqual(inflated(first), NOISE);
    let dictionary = NOISE;
    for (let count = 0; count < 3; count++) {
      await send(connection, peer, false);
      connection.pong(NOISE.subarray(0, 100));
      assert.equal((await peer.readFrame()).opcode, 0xa);
      const next = await send(connection, peer, true);
      assert.ok(next.length < 20, `${next.length} octets`);
      assert.throws(() => inflated(next), /too far back/u);
      assert.deepEqual(inflated(next, { dictionary }), NOISE);
      dictionary = concat(dictionary, NOISE);
    }
    connection.terminate();
  });

  test(`§7.1.1 each message of a ${role} that gave that up stands for itself`, async () => {
    const { connection, peer } = await openCompressed(role);
    for (let count = 0; count < 3; count++) {
      assert.deepEqual(inflated(await send(connection, peer, true)), NOISE);
    }
    connection.terminate();
  });

  test(`§7.1.1 a message of a ${role} that was sent as it is is nothing to refer to`, async () => {
    const { connection, peer } = await openCompressed(role, { takeover: true });
    // It was tried, and did not get smaller.
    void connection.send(NOISE);
    assert.deepEqual([(await peer.readFrame()).rsv], [0]);
    const next = await send(connection, peer, true);
    assert.deepEqual(inflated(next), NOISE);
    connection.terminate();
  });

  test(`§7.1.1 large messages of a ${role} refer to those before as small ones do`, async () => {
    const { connection, peer } = await openCompressed(role, { takeover: true });
    const large = concat(...Array.from({ length: 300 }, () => NOISE));
    const read = async (): Promise<Uint8Array> => {
      const parts: Uint8Array[] = [];
      for (let fin = false; !fin;) {
        const frame = await peer.readFrame();
        parts.push(frame.payload);
        ({ fin } = frame);
      }
      return concat(...parts);
    };
    void connection.send(large);
    const first = await read();
    assert.deepEqual(inflated(first), large);
    void connection.send(large);
    const second = await read();
    assert.deepEqual(inflated(second, { dictionary: large.subarray(-32_768) }), large);
    assert.ok(second.length < first.length - 380);
    connection.terminate();
  });

  test(`§7.2.1 messages of a ${role} of all kinds, at once and mixed, arrive as they were sent`, async () => {
    for (const takeover of [true, false]) {
      const { connection, peer } = await openCompressed(role, { takeover });
      const small = 'one and the same, '.repeat(30);
      const large = 'over and over again; '.repeat(8000);
      const prepared = prepareMessage(small);
      const sent: string[] = [];
      for (let count = 0; count < 4; count++) {
        void connection.send(small);
        void connection.send(prepared);
        void connection.send(large);
        void connection.send(small, { compress: false });
        void connection.sendStream([large, small]);
        void connection.send(prepared);
        void connection.send('');
        void connection.send(small);
        sent.push(small, small, large, small, large + small, small, '', small);
      }
      let window: Uint8Array = hex``;
      for (const expected of sent) {
        const parts: Uint8Array[] = [];
        let compressed = false;
        for (let fin = false; !fin;) {
          const frame = await peer.readFrame();
          compressed ||= frame.rsv === 0b100;
          parts.push(frame.payload);
          ({ fin } = frame);
        }
        const payload = concat(...parts);
        const dictionary = takeover && window.length > 0 ? { dictionary: window } : {};
        const octets = compressed ? inflated(payload, dictionary) : payload;
        assert.deepEqual(octets, utf8(expected));
        if (compressed) window = concat(window, octets).slice(-32_768);
      }
      connection.terminate();
    }
  });
}
