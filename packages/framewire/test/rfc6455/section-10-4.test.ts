/** RFC 6455 §10.4 — Implementation-Specific Limits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LimitError } from '#src/errors.js';
import { hex } from 'framewire/testing';
import {
  assertFailed,
  assertOpen,
  Endpoint,
  inBothRoles,
  onTheWireTo,
} from '../protocol/endpoint.ts';
import { concat, frame, header, octetsOf } from '../protocol/frames.ts';
import { allocationsOf, retainedBy } from '../protocol/memory.ts';

const MIB = 1024 * 1024;

function assertTooBig(endpoint: Endpoint, limit: number, actual: number): void {
  const { error } = endpoint.protocol;
  assert.ok(error instanceof LimitError);
  assert.equal(error.option, 'maxMessageSize');
  assert.equal(error.limit, limit);
  assert.equal(error.actual, actual);
  assertFailed(endpoint, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
}

inBothRoles('§10.4 a message of exactly the limit is received', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: 1000 });
  endpoint.receiveFrames(frame(0x82, octetsOf(1000)));
  endpoint.receiveFrames(frame(0x02, octetsOf(999)), frame(0x80, octetsOf(1)));
  assert.equal(endpoint.events.length, 2);
  assertOpen(endpoint);
});

inBothRoles('§10.4 a header that announces one octet more fails before the payload', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: 1000 });
  endpoint.receiveFrames(header(0x82, 1001));
  assertTooBig(endpoint, 1000, 1001);
});

inBothRoles('§10.4 fragments fail by their sum, with the header that exceeds it', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: 1000 });
  endpoint.receiveFrames(frame(0x02, octetsOf(600)), frame(0x00, octetsOf(400)));
  assertOpen(endpoint);
  endpoint.receiveFrames(header(0x80, 1));
  assertTooBig(endpoint, 1000, 1001);
});

inBothRoles('§10.4 control frames between fragments do not count', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: 10 });
  endpoint.receiveFrames(frame(0x02, octetsOf(5)), frame(0x89, octetsOf(125)));
  endpoint.receiveFrames(frame(0x80, octetsOf(5)));
  assert.equal(endpoint.events.length, 2);
  assertOpen(endpoint);
});

inBothRoles('§10.4 each message has the whole limit to itself', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: 10 });
  for (let count = 0; count < 5; count++) {
    endpoint.receiveFrames(frame(0x02, octetsOf(5)), frame(0x80, octetsOf(5)));
    endpoint.receiveFrames(frame(0x82, octetsOf(10)));
  }
  assert.equal(endpoint.events.length, 10);
  assertOpen(endpoint);
});

inBothRoles('§10.4 the default limit is 16 MiB', (role) => {
  const fits = new Endpoint(role);
  fits.receiveFrames(header(0x82, 16 * MIB));
  assertOpen(fits);
  const exceeds = new Endpoint(role);
  exceeds.receiveFrames(header(0x82, 16 * MIB + 1));
  assertTooBig(exceeds, 16 * MIB, 16 * MIB + 1);
});

inBothRoles('§10.4 without a limit, what no array holds everywhere is still too big', (role) => {
  const fits = new Endpoint(role, { maxMessageSize: Infinity });
  fits.receiveFrames(header(0x82, 2n ** 31n));
  assertOpen(fits);
  for (const length of [2n ** 31n + 1n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 1n]) {
    const endpoint = new Endpoint(role, { maxMessageSize: Infinity });
    endpoint.receiveFrames(header(0x82, length));
    assertFailed(endpoint, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
  }
});

inBothRoles('§10.4 as a stream, what no number counts exactly is still too big', (role) => {
  const fits = new Endpoint(role);
  fits.protocol.streaming = true;
  fits.receiveFrames(header(0x82, 2n ** 53n - 1n));
  assertOpen(fits);
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(header(0x82, 2n ** 53n));
  assertFailed(endpoint, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
});

inBothRoles('§10.4 without a limit, a sum that no number counts exactly is too big', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: Infinity });
  endpoint.receiveFrames(frame(0x02, octetsOf(1)), header(0x00, 2n ** 53n - 1n));
  assertFailed(endpoint, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
});

inBothRoles('§10.4 after this side’s Close no size matters: data is not kept', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: 10 });
  endpoint.receiveFrames(frame(0x02, octetsOf(5)));
  endpoint.protocol.sendClose(1000);
  const chunk = onTheWireTo(role, frame(0x00, octetsOf(100_000)));
  const allocations = allocationsOf(() => endpoint.protocol.receive(chunk));
  assert.deepEqual(allocations, []);
  endpoint.receiveFrames(hex`88 02 03 e8`);
  assert.equal(endpoint.closeInfo.wasClean, true);
});

inBothRoles('§10.4 memory follows what arrives, not what a header announces', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: Infinity });
  const start = onTheWireTo(role, concat(header(0x82, 1024 * MIB), octetsOf(10)));
  const allocations = allocationsOf(() => endpoint.protocol.receive(start));
  assert.ok(Math.max(0, ...allocations) <= 1024, `${allocations.join()} octets`);
});

inBothRoles('§10.4 a message in small chunks is copied a few times at most', (role) => {
  const endpoint = new Endpoint(role);
  const wire = onTheWireTo(role, frame(0x82, octetsOf(2 * MIB)));
  const allocations = allocationsOf(() => {
    for (let at = 0; at < wire.length; at += 1460) {
      endpoint.protocol.receive(wire.subarray(at, at + 1460));
    }
  });
  const sum = allocations.reduce((sum, length) => sum + length, 0);
  assert.ok(sum <= 8 * MIB, `${sum} octets`);
  assert.equal(endpoint.events.length, 1);
});

inBothRoles('§10.4 many fragments, each cut in two, are copied a few times at most', (role) => {
  const endpoint = new Endpoint(role);
  const fragment = onTheWireTo(role, frame(0x00, octetsOf(64)));
  endpoint.receiveFrames(hex`02 00`);
  const allocations = allocationsOf(() => {
    for (let size = 0; size < 512 * 1024; size += 64) {
      const chunk = fragment.slice();
      endpoint.protocol.receive(chunk.subarray(0, 40));
      endpoint.protocol.receive(chunk.subarray(40));
    }
  });
  const sum = allocations.reduce((sum, length) => sum + length, 0);
  assert.ok(sum <= 4 * MIB, `${sum} octets`);
  assertOpen(endpoint);
});

inBothRoles('§10.4 a failure lets go of the message that was begun', (role) => {
  const endpoint = new Endpoint(role);
  const retained = retainedBy(() => {
    endpoint.receiveFrames(frame(0x02, new Uint8Array(4 * MIB)));
    endpoint.receiveFrames(hex`ff`);
    endpoint.written();
  });
  assert.equal(endpoint.protocol.state, 'closed');
  assert.ok(retained < MIB, `${retained} octets are retained`);
});

test('§10.4 a limit of less than a frame fails that frame, and no other', () => {
  const endpoint = new Endpoint('client', { maxMessageSize: 1 });
  endpoint.receiveFrames(hex`82 01 00`, hex`82 00`, hex`89 02 00 00`);
  assertOpen(endpoint);
  endpoint.receiveFrames(hex`82 02`);
  assertTooBig(endpoint, 1, 2);
});
