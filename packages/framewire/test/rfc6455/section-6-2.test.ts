/** RFC 6455 §6.2 — Receiving Data. */
import assert from 'node:assert/strict';
import { hex } from 'framewire/testing';
import { assertOpen, Endpoint, inBothRoles, onTheWireTo } from '../protocol/endpoint.ts';
import { frame, octetsOf, singleOctets, slicesOf, utf8 } from '../protocol/frames.ts';

inBothRoles('§6.2 a message is received with its type and data', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`81 02 48 69`, hex`82 02 48 69`);
  assert.deepEqual(endpoint.events, [{ text: 'Hi' }, { binary: utf8('Hi') }]);
});

inBothRoles('§6.2 fragments are one message, of the type of the first', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 01 48`, hex`80 01 69`, hex`02 01 48`, hex`80 01 69`);
  assert.deepEqual(endpoint.events, [{ text: 'Hi' }, { binary: utf8('Hi') }]);
});

inBothRoles('§6.2 fragments that follow belong to the next message', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`81 01 41`, hex`02 01 42`, hex`80 01 43`, hex`81 01 44`);
  assert.deepEqual(endpoint.events, [{ text: 'A' }, { binary: hex`42 43` }, { text: 'D' }]);
});

inBothRoles('§6.2 nothing is delivered before the message is complete', (role) => {
  const endpoint = new Endpoint(role);
  const octets = onTheWireTo(role, frame(0x82, octetsOf(200)));
  for (const octet of singleOctets(octets.subarray(0, -1))) {
    endpoint.receive(octet);
    assert.deepEqual(endpoint.events, []);
  }
  endpoint.receive(octets.subarray(-1));
  assert.deepEqual(endpoint.events, [{ binary: octetsOf(200) }]);
});

inBothRoles('§6.2 chunks have nothing to do with frames', (role) => {
  const messages = Array.from({ length: 20 }, (_, index) => octetsOf(index * 13));
  const octets = onTheWireTo(role, ...messages.map((message) => frame(0x82, message)));
  for (let size = 1; size < 40; size++) {
    const endpoint = new Endpoint(role);
    const cuts = Array.from({ length: octets.length / size }, (_, index) => index * size);
    endpoint.receive(...slicesOf(octets, cuts));
    assert.deepEqual(
      endpoint.events,
      messages.map((binary) => ({ binary })),
    );
    assertOpen(endpoint);
  }
});

inBothRoles('§6.2 a message and half of the next in one chunk', (role) => {
  const endpoint = new Endpoint(role);
  const octets = onTheWireTo(role, hex`81 02 48 69`, hex`81 02 48 6f`);
  endpoint.receive(octets.subarray(0, -1));
  assert.deepEqual(endpoint.events, [{ text: 'Hi' }]);
  endpoint.receive(octets.subarray(-1));
  assert.deepEqual(endpoint.events, [{ text: 'Hi' }, { text: 'Ho' }]);
});

inBothRoles('§6.2 an empty chunk is nothing', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receive(hex``);
  endpoint.receiveFrames(hex`81 00`);
  endpoint.receive(hex``);
  assert.deepEqual(endpoint.events, [{ text: '' }]);
});
