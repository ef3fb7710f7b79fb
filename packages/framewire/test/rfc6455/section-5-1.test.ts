/** RFC 6455 §5.1 — Overview: who masks, and what happens to whoever does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PreparedMessage } from 'framewire/protocol';
import { hex } from 'framewire/testing';
import { assertFailed, Endpoint, ROLES } from '../protocol/endpoint.ts';
import { closePayload, octetsOf, readFrames, utf8 } from '../protocol/frames.ts';

for (const [name, frame] of Object.entries({
  text: hex`81 05 48 65 6c 6c 6f`,
  binary: hex`82 01 00`,
  'a fragment': hex`01 01 41`,
  Close: hex`88 02 03 e8`,
  Ping: hex`89 00`,
  Pong: hex`8a 00`,
})) {
  test(`§5.1 a server closes the connection when ${name} is not masked: 1002`, () => {
    const server = new Endpoint('server');
    server.receive(frame);
    assertFailed(server, 'ERR_WS_MASK_REQUIRED', 1002);
  });
}

for (const [name, frame] of Object.entries({
  text: hex`81 85  37 fa 21 3d  7f 9f 4d 51 58`,
  'an empty message': hex`82 80  37 fa 21 3d`,
  'a fragment': hex`01 81  00 00 00 00  41`,
  Close: hex`88 80  37 fa 21 3d`,
  Ping: hex`89 80  37 fa 21 3d`,
  Pong: hex`8a 80  37 fa 21 3d`,
})) {
  test(`§5.1 a client closes the connection when ${name} is masked: 1002`, () => {
    const client = new Endpoint('client');
    client.receive(frame);
    assertFailed(client, 'ERR_WS_MASK_FORBIDDEN', 1002);
  });
}

test('§5.1 a continuation is judged like the first fragment', () => {
  const server = new Endpoint('server');
  server.receiveFrames(hex`01 01 41`);
  server.receive(hex`80 01 42`);
  assertFailed(server, 'ERR_WS_MASK_REQUIRED', 1002);
  const client = new Endpoint('client');
  client.receiveFrames(hex`01 01 41`);
  client.receive(hex`80 81  00 00 00 00  42`);
  assertFailed(client, 'ERR_WS_MASK_FORBIDDEN', 1002);
});

for (const role of ROLES) {
  const masks = role === 'client';

  test(`§5.1 a ${role} masks ${masks ? 'every frame it sends' : 'no frame it sends'}`, () => {
    const endpoint = new Endpoint(role);
    const { protocol } = endpoint;
    protocol.sendText('Hello');
    protocol.sendText('€'.repeat(30_000));
    for (const size of [0, 5, 126, 65_536]) protocol.sendOctets('binary', octetsOf(size));
    protocol.sendPrepared(new PreparedMessage('text', utf8('Hello')));
    protocol.sendFragment('text', utf8('Hel'), false);
    protocol.sendFragment('text', utf8('lo'), true);
    protocol.sendPing(hex``);
    protocol.sendPong(utf8('unasked'));
    endpoint.receiveFrames(hex`89 01 21`);
    protocol.sendClose(1000, 'bye');
    const frames = readFrames(endpoint.written());
    assert.equal(frames.length, 13);
    for (const { key } of frames) assert.equal(key !== undefined, masks);
  });

  test(`§5.1 the Close of a ${role} that fails ${masks ? 'is' : 'is not'} masked`, () => {
    const endpoint = new Endpoint(role);
    endpoint.receive(hex`ff`);
    const [close] = readFrames(endpoint.written());
    assert.equal(close?.key !== undefined, masks);
    assert.deepEqual(close?.payload.subarray(0, 2), closePayload(1002));
  });
}
