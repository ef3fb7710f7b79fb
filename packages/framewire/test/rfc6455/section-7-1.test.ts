/** RFC 6455 §7.1 — Definitions: the closing handshake, and failing the connection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from 'framewire/testing';
import {
  assertDeaf,
  assertFailed,
  Endpoint,
  inBothRoles,
  otherRole,
  ROLES,
} from '../protocol/endpoint.ts';
import { closeFrame, closePayload } from '../protocol/frames.ts';

for (const role of ROLES) {
  const endsFirst = role === 'server';

  test(`§7.1.1 after both Closes a ${role} ${endsFirst ? 'ends' : 'does not end'} TCP`, () => {
    const answering = new Endpoint(role);
    answering.receiveFrames(closeFrame(1000));
    assert.equal(answering.protocol.shouldEndTransport, endsFirst);
    const asking = new Endpoint(role);
    asking.protocol.sendClose(1000);
    assert.equal(asking.protocol.shouldEndTransport, false);
    asking.receiveFrames(closeFrame(1000));
    assert.equal(asking.protocol.shouldEndTransport, endsFirst);
  });

  test(`§7.1.2 a ${role} starts the closing handshake and waits for the peer’s Close`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendClose(1000, 'done');
    assert.deepEqual(endpoint.sent()[0]?.payload, closePayload(1000, 'done'));
    assert.equal(endpoint.protocol.state, 'closeSent');
    endpoint.receiveFrames(closeFrame(1000));
    assert.equal(endpoint.protocol.state, 'closed');
    assert.deepEqual(endpoint.closeInfo, {
      code: 1000,
      reason: '',
      wasClean: true,
      initiator: role,
      received: { code: 1000, reason: '' },
      sent: { code: 1000, reason: 'done' },
    });
  });

  test(`§7.1.3 a ${role} whose peer starts the closing handshake has finished it`, () => {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(closeFrame(3000, 'done'));
    assert.equal(endpoint.protocol.state, 'closed');
    assert.equal(endpoint.protocol.isOpen, false);
    assert.deepEqual(endpoint.closeInfo, {
      code: 3000,
      reason: 'done',
      wasClean: true,
      initiator: otherRole(role),
      received: { code: 3000, reason: 'done' },
      sent: { code: 3000, reason: '' },
    });
  });

  test(`§7.1.3 the handshake may be started from within a message (a ${role})`, () => {
    const endpoint = new Endpoint(role);
    endpoint.onEvent = (event) => {
      if ('text' in event) endpoint.protocol.sendClose(1000);
    };
    endpoint.receiveFrames(hex`81 01 41`, hex`81 01 42`, closeFrame(1000));
    assert.deepEqual(endpoint.events, [{ text: 'A' }, { close: { code: 1000, reason: '' } }]);
    assert.equal(endpoint.sent().length, 1);
  });
}

test('§7.1.2 both sides may start at once: each sends one Close, both are clean', () => {
  const client = new Endpoint('client');
  const server = new Endpoint('server');
  client.protocol.sendClose(1000, 'client');
  server.protocol.sendClose(1001, 'server');
  const fromClient = client.written();
  const fromServer = server.written();
  client.receive(fromServer);
  server.receive(fromClient);
  assert.equal(client.written().length + server.written().length, 0);
  assert.deepEqual(
    [client.closeInfo.code, client.closeInfo.reason, client.closeInfo.wasClean],
    [1001, 'server', true],
  );
  assert.deepEqual(
    [server.closeInfo.code, server.closeInfo.reason, server.closeInfo.wasClean],
    [1000, 'client', true],
  );
  assert.equal(client.closeInfo.initiator, 'client');
  assert.equal(server.closeInfo.initiator, 'server');
});

inBothRoles('§7.1.4 nothing is received after the Close, in the same chunk or later', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(closeFrame(1000), hex`81 01 41`, hex`ff ff ff`);
  assert.deepEqual(endpoint.events, [{ close: { code: 1000, reason: '' } }]);
  endpoint.written();
  assertDeaf(endpoint);
  assert.equal(endpoint.protocol.error, undefined);
});

inBothRoles('§7.1.5 a Close without a code is 1005', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`88 00`);
  assert.equal(endpoint.closeInfo.code, 1005);
  assert.equal(endpoint.closeInfo.wasClean, true);
});

inBothRoles('§7.1.5 no Close at all is 1006', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`81 01 41`);
  endpoint.protocol.receiveEnd();
  assert.equal(endpoint.closeInfo.code, 1006);
  assert.equal(endpoint.closeInfo.wasClean, false);
});

inBothRoles('§7.1.6 the reason is the peer’s, and empty without one', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.sendClose(1000, 'ours');
  endpoint.receiveFrames(closeFrame(1001, 'theirs'));
  assert.equal(endpoint.closeInfo.reason, 'theirs');
  const silent = new Endpoint(role);
  silent.protocol.sendClose(1000, 'ours');
  silent.protocol.receiveEnd();
  assert.equal(silent.closeInfo.reason, '');
});

inBothRoles('§7.1.7 failing sends a Close, stops reading, and ends the transport', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`83 00`);
  assertFailed(endpoint, 'ERR_WS_RESERVED_OPCODE', 1002);
  assert.equal(endpoint.closeInfo.code, 1006);
  assert.equal(endpoint.closeInfo.initiator, role);
});

inBothRoles('§7.1.7 a Close that answers a failure is not listened to', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`83 00`);
  endpoint.receiveFrames(closeFrame(1002));
  assert.equal(endpoint.events.length, 1);
  assert.equal(endpoint.closeInfo.wasClean, false);
  assert.equal(endpoint.closeInfo.received, undefined);
});

inBothRoles('§7.1.7 what violates the protocol after our Close fails, without a second', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.sendClose(1000, 'bye');
  endpoint.receiveFrames(hex`83 00`);
  assert.deepEqual(endpoint.events, [{ failure: 'ERR_WS_RESERVED_OPCODE' }]);
  assert.deepEqual(
    endpoint.sent().map(({ payload }) => payload),
    [closePayload(1000, 'bye')],
  );
  assert.equal(endpoint.closeInfo.wasClean, false);
  assert.equal(endpoint.protocol.shouldEndTransport, true);
});

inBothRoles('§7.1.7 a bad Close in answer to ours fails the connection', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.sendClose(1000);
  endpoint.receiveFrames(hex`88 01 00`);
  assert.deepEqual(endpoint.events, [{ failure: 'ERR_WS_CLOSE_PAYLOAD' }]);
  assert.equal(endpoint.closeInfo.wasClean, false);
});
