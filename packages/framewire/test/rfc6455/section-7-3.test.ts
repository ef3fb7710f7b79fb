/** RFC 6455 §7.3 — Normal Closure of Connections. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Endpoint, otherRole, ROLES } from '../protocol/endpoint.ts';

for (const role of ROLES) {
  test(`§7.3 a ${role} closes normally: octet for octet, to the end of TCP`, () => {
    const closer = new Endpoint(role);
    const peer = new Endpoint(otherRole(role));
    closer.protocol.sendText('last words');
    closer.protocol.sendClose(1000, 'done');
    peer.receive(closer.written());
    assert.deepEqual(peer.events, [
      { text: 'last words' },
      { close: { code: 1000, reason: 'done' } },
    ]);
    closer.receive(peer.written());
    assert.deepEqual(closer.events, [{ close: { code: 1000, reason: '' } }]);
    const server = role === 'server' ? closer : peer;
    const client = role === 'client' ? closer : peer;
    assert.equal(server.protocol.shouldEndTransport, true);
    assert.equal(client.protocol.shouldEndTransport, false);
    client.protocol.receiveEnd();
    server.protocol.receiveEnd();
    for (const { closeInfo } of [closer, peer]) {
      assert.equal(closeInfo.code, 1000);
      assert.equal(closeInfo.wasClean, true);
      assert.equal(closeInfo.initiator, role);
      assert.equal(closeInfo.error, undefined);
    }
  });

  test(`§7.3 a ${role} that closed still hears the messages of its peer end`, () => {
    const closer = new Endpoint(role);
    const peer = new Endpoint(otherRole(role));
    closer.protocol.sendClose(1000);
    peer.protocol.sendFragment('text', new Uint8Array(10), false);
    closer.receive(peer.written());
    assert.equal(closer.protocol.state, 'closeSent');
    peer.receive(closer.written());
    closer.receive(peer.written());
    assert.equal(closer.protocol.state, 'closed');
    assert.equal(closer.closeInfo.wasClean, true);
  });
}
