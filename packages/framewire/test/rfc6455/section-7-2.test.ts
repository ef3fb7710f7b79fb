/** RFC 6455 §7.2 — Abnormal Closures. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError } from '#src/errors.js';
import { hex } from 'framewire/testing';
import { assertDeaf, Endpoint, inBothRoles, onTheWireTo } from '../protocol/endpoint.ts';
import { closePayload, utf8 } from '../protocol/frames.ts';

inBothRoles(
  '§7.2.1 an error of the transport tells why, and where the octets broke off',
  (role) => {
    const endpoint = new Endpoint(role);
    const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    endpoint.receive(onTheWireTo(role, hex`82 05 01 02 03 04 05`).subarray(0, -1));
    endpoint.protocol.receiveEnd(cause);
    const { error } = endpoint.protocol;
    assert.ok(error instanceof ProtocolError);
    assert.equal(error.code, 'ERR_WS_TRUNCATED');
    assert.equal(error.cause, cause);
    assert.match(error.message, /within a frame \(RFC 6455 §7\.1\.5\)/u);
    assert.equal(endpoint.closeInfo.error, error);
  },
);

inBothRoles('§7.2.1 a message that was cut is not delivered', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 01 41`);
  endpoint.protocol.receiveEnd();
  assert.deepEqual(endpoint.events, []);
  assert.match(endpoint.protocol.error?.message ?? '', /within a message/u);
  assertDeaf(endpoint);
});

inBothRoles('§7.2.1 messages that were complete stay delivered', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`81 01 41`, hex`01 01 42`);
  endpoint.protocol.receiveEnd();
  assert.deepEqual(endpoint.events, [{ text: 'A' }]);
});

inBothRoles('§7.2.1 the end of the transport writes nothing: nobody would read it', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.receiveEnd(new Error('gone'));
  assert.equal(endpoint.written().length, 0);
});

test('§7.2.2 a server aborts with a Close and then ends the transport', () => {
  const server = new Endpoint('server');
  server.protocol.fail(new Error('out of memory'), 1011);
  assert.deepEqual(server.sent()[0]?.payload, closePayload(1011));
  assert.equal(server.protocol.shouldEndTransport, true);
});

test('§7.2.2 a client that fails ends the transport too, without waiting for the server', () => {
  const client = new Endpoint('client');
  client.protocol.fail(new Error('out of memory'), 1011);
  assert.equal(client.protocol.shouldEndTransport, true);
});

inBothRoles('§7.2.2 what was sent before an abort stays sent, in front of the Close', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.sendText('before');
  endpoint.protocol.fail(new Error('abort'), 1001);
  assert.deepEqual(
    endpoint.sent().map(({ payload }) => payload),
    [utf8('before'), closePayload(1001)],
  );
});
