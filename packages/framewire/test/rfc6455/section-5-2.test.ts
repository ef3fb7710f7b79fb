/** RFC 6455 §5.2 — Base Framing Protocol. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from 'framewire/testing';
import { assertFailed, assertOpen, Endpoint, inBothRoles, ROLES } from '../protocol/endpoint.ts';
import { frame, header, octetsOf } from '../protocol/frames.ts';

const RESERVED_OPCODES = [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf];

for (const [name, bits] of Object.entries({ RSV1: 0x40, RSV2: 0x20, RSV3: 0x10, all: 0x70 })) {
  for (const opcode of [0x0, 0x1, 0x2, 0x8, 0x9, 0xa]) {
    inBothRoles(`§5.2 ${name} on opcode ${opcode} fails the connection`, (role) => {
      const endpoint = new Endpoint(role);
      // A continuation has something to continue: only the reserved bit is wrong.
      if (opcode === 0) endpoint.receiveFrames(hex`01 00`);
      endpoint.receive(Uint8Array.of(0x80 | bits | opcode));
      assertFailed(endpoint, 'ERR_WS_RESERVED_BITS', 1002);
    });
  }
}

for (const opcode of RESERVED_OPCODES) {
  inBothRoles(`§5.2 opcode 0x${opcode.toString(16)} fails the connection`, (role) => {
    for (const fin of [0x80, 0x00]) {
      const endpoint = new Endpoint(role);
      endpoint.receive(Uint8Array.of(fin | opcode));
      assertFailed(endpoint, 'ERR_WS_RESERVED_OPCODE', 1002);
    }
  });
}

for (const length of [0, 1, 124, 125, 126, 127, 128, 65_535, 65_536, 65_537]) {
  inBothRoles(`§5.2 a payload of ${length} octets is received`, (role) => {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(frame(0x82, octetsOf(length)));
    assert.deepEqual(endpoint.events, [{ binary: octetsOf(length) }]);
    assertOpen(endpoint);
  });

  for (const role of ROLES) {
    test(`§5.2 a payload of ${length} octets is sent with the shortest header (a ${role})`, () => {
      const endpoint = new Endpoint(role);
      endpoint.protocol.sendOctets('binary', octetsOf(length));
      const octets = endpoint.written();
      const keyLength = role === 'client' ? 4 : 0;
      assert.equal(octets.length, header(0x82, length).length + keyLength + length);
      assert.equal(octets[1]! & 0x7f, length < 126 ? length : length < 65_536 ? 126 : 127);
    });
  }
}

for (const [form, octets] of Object.entries({
  '0 in 16 bits': hex`82 7e 00 00`,
  '125 in 16 bits': hex`82 7e 00 7d`,
  '0 in 64 bits': hex`82 7f 00 00 00 00 00 00 00 00`,
  '125 in 64 bits': hex`82 7f 00 00 00 00 00 00 00 7d`,
  '126 in 64 bits': hex`82 7f 00 00 00 00 00 00 00 7e`,
  '65535 in 64 bits': hex`82 7f 00 00 00 00 00 00 ff ff`,
})) {
  inBothRoles(`§5.2 a length of ${form} is not minimal`, (role) => {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(octets);
    assertFailed(endpoint, 'ERR_WS_LENGTH_NOT_MINIMAL', 1002);
  });
}

inBothRoles('§5.2 a length that is not minimal is known without the masking key', (role) => {
  for (const octets of [hex`82 7e 00 05`, hex`82 7f 00 00 00 00 00 00 00 05`]) {
    const endpoint = new Endpoint(role);
    octets[1]! |= role === 'server' ? 0x80 : 0;
    endpoint.receive(octets.subarray(0, -1));
    assertOpen(endpoint);
    endpoint.receive(octets.subarray(-1));
    assertFailed(endpoint, 'ERR_WS_LENGTH_NOT_MINIMAL', 1002);
  }
});

inBothRoles('§5.2 the most significant bit of a 64-bit length must be 0', (role) => {
  for (const octets of [
    hex`82 7f 80 00 00 00 00 00 00 00`,
    hex`82 7f 80 00 00 00 00 01 00 00`,
    hex`82 7f ff ff ff ff ff ff ff ff`,
  ]) {
    const endpoint = new Endpoint(role, { maxMessageSize: Infinity });
    endpoint.receiveFrames(octets);
    assertFailed(endpoint, 'ERR_WS_LENGTH_OUT_OF_RANGE', 1002);
  }
});

inBothRoles('§5.2 the payload data may be empty', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`81 00`, hex`82 00`);
  assert.deepEqual(endpoint.events, [{ text: '' }, { binary: hex`` }]);
});

inBothRoles('§5.2 frames that follow each other in one chunk', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`81 01 41`, hex`82 01 42`, hex`89 01 43`, hex`8a 01 44`);
  assert.deepEqual(endpoint.events, [
    { text: 'A' },
    { binary: hex`42` },
    { ping: hex`43` },
    { pong: hex`44` },
  ]);
});

for (const role of ROLES) {
  test(`§5.2 a ${role} never sets a reserved bit`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendText('Hello');
    endpoint.protocol.sendFragment('binary', octetsOf(70_000), false);
    endpoint.protocol.sendPing(hex``);
    endpoint.protocol.sendFragment('binary', hex``, true);
    endpoint.protocol.sendClose(1000);
    assert.deepEqual(
      endpoint.sent().map(({ rsv }) => rsv),
      [0, 0, 0, 0, 0],
    );
  });
}
