/** RFC 6455 §5.3 — Client-to-Server Masking, and §10.3, which says why. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from 'framewire/testing';
import { assertOpen, Endpoint } from '../protocol/endpoint.ts';
import { concat, frame, masked, octetsOf, readFrames, singleOctets } from '../protocol/frames.ts';

test('§5.3 a server unmasks "Hello"', () => {
  const server = new Endpoint('server');
  server.receive(hex`81 85  37 fa 21 3d  7f 9f 4d 51 58`);
  assert.deepEqual(server.events, [{ text: 'Hello' }]);
});

test('§5.3 a client masks "Hello"', () => {
  const client = new Endpoint('client');
  client.protocol.sendText('Hello');
  assert.deepEqual(client.written(), hex`81 85  37 fa 21 3d  7f 9f 4d 51 58`);
});

test('§5.3 masking does not change the length of the payload', () => {
  for (const length of [0, 1, 3, 4, 5, 125, 126, 1000, 65_536]) {
    const client = new Endpoint('client');
    client.protocol.sendOctets('binary', octetsOf(length));
    assert.deepEqual(readFrames(client.written())[0]?.payload, octetsOf(length));
  }
});

test('§5.3 each frame begins its key anew, whatever the length of the one before', () => {
  for (let length = 0; length < 9; length++) {
    const server = new Endpoint('server');
    const frames = [masked(frame(0x82, octetsOf(length))), masked(frame(0x82, octetsOf(5)))];
    server.receive(concat(...frames));
    assert.deepEqual(server.events, [{ binary: octetsOf(length) }, { binary: octetsOf(5) }]);
  }
});

test('§5.3 the fragments of a message have keys of their own', () => {
  const server = new Endpoint('server');
  server.receive(masked(hex`01 03 48 65 6c`, hex`11 22 33 44`));
  server.receive(masked(hex`80 02 6c 6f`, hex`aa bb cc dd`));
  assert.deepEqual(server.events, [{ text: 'Hello' }]);
});

test('§5.3 the payload of control frames is masked too', () => {
  const server = new Endpoint('server');
  server.receive(masked(hex`89 04 70 69 6e 67`, hex`f1 e2 d3 c4`));
  server.receive(masked(hex`88 04 03 e8 6f 6b`, hex`01 02 03 04`));
  assert.deepEqual(server.events, [
    { ping: hex`70 69 6e 67` },
    { close: { code: 1000, reason: 'ok' } },
  ]);
});

test('§5.3 keys of any octets are good keys', () => {
  for (const key of [hex`00 00 00 00`, hex`ff ff ff ff`, hex`41 41 41 41`, hex`80 00 00 01`]) {
    const server = new Endpoint('server');
    server.receive(masked(frame(0x82, octetsOf(300)), key));
    assert.deepEqual(server.events, [{ binary: octetsOf(300) }]);
    assertOpen(server);
  }
});

test('§5.3 a key that arrives octet by octet, and a payload after it', () => {
  const server = new Endpoint('server');
  server.receive(...singleOctets(masked(frame(0x82, octetsOf(300)), hex`01 80 7f fe`)));
  assert.deepEqual(server.events, [{ binary: octetsOf(300) }]);
});

test('§5.3 the key of each frame is fresh: no two octets of the source are used twice', () => {
  let next = 0;
  const client = new Endpoint('client', {
    fillRandom: (pool) => {
      for (let at = 0; at + 4 <= pool.length; at += 4) {
        new DataView(pool.buffer, pool.byteOffset).setUint32(at, next++);
      }
    },
  });
  const count = 5_000;
  for (let index = 0; index < count; index++) client.protocol.sendText('same');
  const keys = readFrames(client.written()).map(({ key }) =>
    Buffer.from(key ?? hex``).readUInt32BE(),
  );
  assert.deepEqual(
    keys,
    Array.from({ length: count }, (_, index) => index),
  );
});
