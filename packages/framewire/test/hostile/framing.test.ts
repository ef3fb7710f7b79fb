/** Frames of peers that mean harm, or know no better: what each must lead to, and what it may cost. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import { hex } from 'framewire/testing';
import {
  assertDeaf,
  assertFailed,
  assertOpen,
  Endpoint,
  inBothRoles,
  isOutOfRange,
  onTheWireTo,
  outcomeOf,
  otherRole,
  ROLES,
} from '../protocol/endpoint.ts';
import {
  closeFrame,
  closePayload,
  concat,
  frame,
  header,
  masked,
  octetsOf,
  singleOctets,
  utf8,
} from '../protocol/frames.ts';

const MIB = 1024 * 1024;
for (const [bit, name] of [
  [0x20, 'RSV2'],
  [0x10, 'RSV3'],
  [0x40, 'RSV1 without an extension'],
] as const) {
  inBothRoles(`§5.2 case 37: ${name}`, (role) => {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(Uint8Array.of(0x81 | bit, 0));
    assertFailed(endpoint, 'ERR_WS_RESERVED_BITS', 1002);
  });
}

inBothRoles('§5.2 case 38: RSV1 on a continuation and on control frames', (role) => {
  for (const octet0 of [0xc0, 0xc8, 0xc9, 0xca]) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(hex`01 00`, Uint8Array.of(octet0, 0));
    assertFailed(endpoint, 'ERR_WS_RESERVED_BITS', 1002);
  }
});

inBothRoles('§5.2 case 39: opcodes 3 to 7 and 0xB to 0xF', (role) => {
  for (const opcode of [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf]) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(Uint8Array.of(0x80 | opcode, 0));
    assertFailed(endpoint, 'ERR_WS_RESERVED_OPCODE', 1002);
  }
});

test('§5.1 case 40: a frame of a client without a mask', () => {
  const server = new Endpoint('server');
  server.receive(hex`81 05 48 65 6c 6c 6f`);
  assertFailed(server, 'ERR_WS_MASK_REQUIRED', 1002);
});

test('§5.1 case 40: a frame of a server with a mask', () => {
  const client = new Endpoint('client');
  client.receive(hex`81 85  37 fa 21 3d  7f 9f 4d 51 58`);
  assertFailed(client, 'ERR_WS_MASK_FORBIDDEN', 1002);
});

inBothRoles('§5.4 case 41: a continuation with nothing to continue', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`80 01 41`);
  assertFailed(endpoint, 'ERR_WS_UNEXPECTED_CONTINUATION', 1002);
});

inBothRoles('§5.4 case 41: text while a message is incomplete', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 01 41`, hex`81 01 42`);
  assertFailed(endpoint, 'ERR_WS_EXPECTED_CONTINUATION', 1002);
});

inBothRoles('§5.5 case 42: control frames without FIN', (role) => {
  for (const octet0 of [0x08, 0x09, 0x0a]) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(Uint8Array.of(octet0, 0));
    assertFailed(endpoint, 'ERR_WS_CONTROL_FRAGMENTED', 1002);
  }
});

inBothRoles('§5.5 case 42: control frames of 126 octets and more, before the payload', (role) => {
  for (const octet0 of [0x88, 0x89, 0x8a]) {
    for (const length of [126, 65_536]) {
      const endpoint = new Endpoint(role);
      endpoint.receive(onTheWireTo(role, header(octet0, length)).subarray(0, 2));
      assertFailed(endpoint, 'ERR_WS_CONTROL_TOO_LONG', 1002);
    }
  }
});

inBothRoles('§5.2 case 43: lengths that are not minimal', (role) => {
  for (const octets of [
    hex`82 7e 00 00`,
    hex`82 7e 00 7d`,
    hex`82 7f 00 00 00 00 00 00 00 00`,
    hex`82 7f 00 00 00 00 00 00 ff ff`,
  ]) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(octets);
    assertFailed(endpoint, 'ERR_WS_LENGTH_NOT_MINIMAL', 1002);
  }
});

inBothRoles('§5.2 case 44: a 64-bit length with its first bit set', (role) => {
  for (const octets of [hex`82 7f 80 00 00 00 00 00 00 00`, hex`82 7f ff ff ff ff ff ff ff ff`]) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(octets);
    assertFailed(endpoint, 'ERR_WS_LENGTH_OUT_OF_RANGE', 1002);
  }
});

inBothRoles('§7.4.1 case 44: a 64-bit length of more than 2^53 - 1', (role) => {
  for (const octets of [
    hex`82 7f 00 20 00 00 00 00 00 00`,
    hex`82 7f 00 20 00 00 00 00 00 01`,
    hex`82 7f 7f ff ff ff ff ff fc 00`,
    hex`82 7f 7f ff ff ff ff ff ff ff`,
  ]) {
    for (const maxMessageSize of [1000, Infinity]) {
      const endpoint = new Endpoint(role, { maxMessageSize });
      endpoint.receiveFrames(octets);
      assertFailed(endpoint, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
    }
  }
});

inBothRoles('§10.4 case 45: fragments whose sum would wrap round a number', (role) => {
  for (const second of [0xffff_ffffn, 2n ** 53n - 1n, 2n ** 63n - 10n, 2n ** 63n - 1n]) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(frame(0x02, octetsOf(10)), header(0x80, second));
    assertFailed(endpoint, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
  }
});

inBothRoles('§5.2 case 47: frames cut at each place, and octet by octet', (role) => {
  const wire = onTheWireTo(
    role,
    hex`01 03 48 65 6c`,
    hex`89 02 01 02`,
    frame(0x00, utf8('l'.repeat(126))),
    hex`80 01 6f`,
    hex`82 00`,
    closeFrame(1000, 'bye'),
    hex`ff ff`,
  );
  const whole = new Endpoint(role);
  whole.receive(wire);
  const outcome = outcomeOf(whole);
  for (let cut = 1; cut < wire.length; cut++) {
    const endpoint = new Endpoint(role);
    endpoint.receive(wire.subarray(0, cut), wire.subarray(cut));
    assert.deepEqual(outcomeOf(endpoint), outcome, `cut at ${cut}`);
  }
  const endpoint = new Endpoint(role);
  endpoint.receive(...singleOctets(wire));
  assert.deepEqual(outcomeOf(endpoint), outcome);
});

inBothRoles('§5.5.1 case 49: data after Close', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receive(onTheWireTo(role, closeFrame(1000), hex`81 01 41`, hex`89 00`, hex`ff`));
  assert.deepEqual(endpoint.events, [{ close: { code: 1000, reason: '' } }]);
  assert.equal(endpoint.sent().length, 1);
  assertDeaf(endpoint);
});

inBothRoles('§5.4 case 50: a Ping at each place between fragments', (role) => {
  const fragments = [hex`01 02 48 65`, hex`00 00`, hex`00 02 6c 6c`, hex`80 01 6f`];
  for (let place = 0; place <= fragments.length; place++) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(...fragments.slice(0, place), hex`89 01 21`, ...fragments.slice(place));
    const text = { text: 'Hello' };
    const ping = { ping: hex`21` };
    assert.deepEqual(endpoint.events, place === fragments.length ? [text, ping] : [ping, text]);
    assert.deepEqual(endpoint.sent()[0]?.payload, hex`21`);
  }
});

test('§5.3 case 51: keys of zeros and of one octet, and an empty payload with a key', () => {
  for (const key of [hex`00 00 00 00`, hex`77 77 77 77`]) {
    const server = new Endpoint('server');
    server.receive(masked(hex`81 05 48 65 6c 6c 6f`, key), masked(hex`82 00`, key));
    assert.deepEqual(server.events, [{ text: 'Hello' }, { binary: hex`` }]);
    assertOpen(server);
  }
});

inBothRoles('§8.1 case 52: a mebibyte of text whose first octet is bad', (role) => {
  const endpoint = new Endpoint(role, { isUtf8 });
  endpoint.receiveFrames(concat(header(0x81, MIB), hex`ff`));
  assertFailed(endpoint, 'ERR_WS_INVALID_UTF8', 1007);
});

inBothRoles('§8.1 case 52: a mebibyte of text that goes bad on its way', (role) => {
  for (const options of [{}, { isUtf8 }]) {
    const endpoint = new Endpoint(role, options);
    const start = concat(header(0x81, MIB), utf8('€'.repeat(1000)));
    const wire = onTheWireTo(role, concat(start, hex`e2 82 41`));
    endpoint.receive(wire.subarray(0, -1));
    assertOpen(endpoint);
    endpoint.receive(wire.subarray(-1));
    assertFailed(endpoint, 'ERR_WS_INVALID_UTF8', 1007);
  }
});

for (const [name, octets] of Object.entries({
  'a surrogate': hex`ed a0 80`,
  'C0 80': hex`c0 80`,
  'E0 80 80': hex`e0 80 80`,
  'F0 80 80 80': hex`f0 80 80 80`,
  'more than F4 8F': hex`f4 90 80 80`,
  'five octets': hex`f8 88 80 80 80`,
  'a lone continuation': hex`80`,
  'truncated at FIN': hex`f0 9f 99`,
})) {
  inBothRoles(`§8.1 case 53: ${name}`, (role) => {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(frame(0x81, octets));
    assertFailed(endpoint, 'ERR_WS_INVALID_UTF8', 1007);
  });
}

inBothRoles('§8.1 case 54: a code point cut by frames and by chunks', (role) => {
  const octets = utf8('🙂');
  for (let cut = 1; cut < octets.length; cut++) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(frame(0x01, octets.subarray(0, cut)), frame(0x80, octets.subarray(cut)));
    const wire = onTheWireTo(role, frame(0x81, octets));
    const at = wire.length - octets.length + cut;
    endpoint.receive(wire.subarray(0, at), wire.subarray(at));
    assert.deepEqual(endpoint.events, [{ text: '🙂' }, { text: '🙂' }]);
  }
});

inBothRoles('§5.5.1 case 55: a Close of one octet', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`88 01 03`);
  assertFailed(endpoint, 'ERR_WS_CLOSE_PAYLOAD', 1002);
});

inBothRoles('§7.4 case 56: codes that cannot be in a Close', (role) => {
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(closeFrame(code));
    assertFailed(endpoint, 'ERR_WS_CLOSE_CODE', 1002);
  }
});

inBothRoles('§7.4 case 56: codes that can, and are echoed', (role) => {
  const codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
  for (const code of [...codes, 3000, 3999, 4000, 4999]) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(closeFrame(code));
    assert.deepEqual(endpoint.sent()[0]?.payload, closePayload(code));
    assert.equal(endpoint.closeInfo.wasClean, true);
  }
});

inBothRoles('§8.1 case 57: a reason that is not UTF-8', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`88 03 03 e8 80`);
  assertFailed(endpoint, 'ERR_WS_INVALID_UTF8', 1007);
});

for (const role of ROLES) {
  test(`§5.5.1 case 57: a ${role} sends no reason of 124 octets, and cuts no emoji`, () => {
    for (const reason of ['x'.repeat(124), `${'x'.repeat(121)}🙂`]) {
      const endpoint = new Endpoint(role);
      assert.throws(() => endpoint.protocol.sendClose(1000, reason), isOutOfRange);
      assert.equal(endpoint.written().length, 0);
      assertOpen(endpoint);
    }
  });

  test(`§5.5.1 case 58: a ${role} sends nothing of the memory beside what it was given`, () => {
    const endpoint = new Endpoint(role);
    const memory = utf8('secret PAYLOAD secret');
    endpoint.protocol.sendPing(memory.subarray(7, 14));
    endpoint.protocol.sendOctets('binary', memory.subarray(7, 14));
    const reason = new Float64Array(2) as unknown as string;
    assert.throws(() => endpoint.protocol.sendClose(1000, reason), TypeError);
    assert.deepEqual(
      endpoint.sent().map(({ payload }) => payload),
      [utf8('PAYLOAD'), utf8('PAYLOAD')],
    );
  });
}

inBothRoles('§7.1.2 case 60: both sides close at once', (role) => {
  const endpoint = new Endpoint(role);
  const peer = new Endpoint(otherRole(role));
  endpoint.protocol.sendClose(1000);
  peer.protocol.sendClose(1000);
  const octets = [endpoint.written(), peer.written()] as const;
  peer.receive(octets[0]);
  endpoint.receive(octets[1]);
  for (const side of [endpoint, peer]) {
    assert.equal(side.closeInfo.wasClean, true);
    assert.equal(side.written().length, 0);
    assert.equal(side.events.length, 1);
  }
});

inBothRoles('§7.1.5 case 61: the end of TCP without a Close', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.receiveEnd();
  endpoint.protocol.receiveEnd();
  assert.equal(endpoint.closeInfo.code, 1006);
  assert.equal(endpoint.closeInfo.initiator, 'network');
  assert.equal(Reflect.get(endpoint.closeInfo.error ?? {}, 'code'), 'ERR_WS_TRUNCATED');
  assert.deepEqual(endpoint.events, []);
});

inBothRoles('§7.1.5 case 61: a reset within a frame', (role) => {
  const endpoint = new Endpoint(role);
  const cause = new Error('read ECONNRESET');
  endpoint.receive(onTheWireTo(role, hex`82 05 01 02`));
  endpoint.protocol.receiveEnd(cause);
  assert.equal(endpoint.closeInfo.code, 1006);
  assert.equal(endpoint.closeInfo.error?.cause, cause);
  assert.deepEqual(endpoint.events, []);
});
