/** Messages that are received part by part, as `Protocol.streaming` asks for. */
import assert from 'node:assert/strict';
import { hex } from 'framewire/testing';
import { assertFailed, Endpoint, inBothRoles, onTheWireTo } from './endpoint.ts';
import { frame, octetsOf, utf8 } from './frames.ts';

inBothRoles('§6.2 a message that streams is handed on as it arrives', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  assert.equal(endpoint.protocol.streaming, true);
  const octets = onTheWireTo(role, hex`01 03 48 65 6c`);
  endpoint.receive(octets.subarray(0, octets.length - 1), octets.subarray(-1));
  endpoint.receiveFrames(hex`80 02 6c 6f`);
  assert.deepEqual(endpoint.events, [
    { fragment: utf8('He'), type: 'text', final: false },
    { fragment: utf8('l'), type: 'text', final: false },
    { fragment: utf8('lo'), type: 'text', final: true },
  ]);
});

inBothRoles('§6.2 a message that streams may end with nothing', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`02 01 07`, hex`80 00`);
  assert.deepEqual(endpoint.events, [
    { fragment: hex`07`, type: 'binary', final: false },
    { fragment: hex``, type: 'binary', final: true },
  ]);
});

inBothRoles('§6.2 an empty message that streams is its last part', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`82 00`);
  assert.deepEqual(endpoint.events, [{ fragment: hex``, type: 'binary', final: true }]);
});

inBothRoles('§5.4 empty fragments in the middle of a stream are no parts', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`02 00`, hex`00 00`, hex`80 01 07`);
  assert.deepEqual(endpoint.events, [{ fragment: hex`07`, type: 'binary', final: true }]);
});

inBothRoles('§10.4 maxMessageSize does not bind a message that streams', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: 10 });
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(frame(0x02, octetsOf(100)), frame(0x80, octetsOf(100)));
  assert.deepEqual(endpoint.events, [
    { fragment: octetsOf(100), type: 'binary', final: false },
    { fragment: octetsOf(100), type: 'binary', final: true },
  ]);
});

inBothRoles('§10.4 maxSmallFragments binds a message that streams', (role) => {
  const endpoint = new Endpoint(role, { maxSmallFragments: 2 });
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`02 00`, hex`00 00`, hex`00 00`);
  assertFailed(endpoint, 'ERR_WS_TOO_MANY_FRAGMENTS', 1008);
});

inBothRoles('§8.1 text that streams is judged as it arrives', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  const octets = onTheWireTo(role, hex`81 05 e2 82 ac ff 41`);
  endpoint.receive(octets.subarray(0, octets.length - 4));
  assert.deepEqual(endpoint.events, [{ fragment: hex`e2`, type: 'text', final: false }]);
  endpoint.receive(octets.subarray(octets.length - 4, octets.length - 2));
  assert.equal(endpoint.events.length, 2);
  endpoint.receive(octets.subarray(octets.length - 2, octets.length - 1));
  assertFailed(endpoint, 'ERR_WS_INVALID_UTF8', 1007);
});

inBothRoles('§6.2 streaming switched on within a message begins with what is there', (role) => {
  const endpoint = new Endpoint(role);
  const octets = onTheWireTo(role, hex`02 04 01 02 03 04`);
  endpoint.receive(octets.subarray(0, octets.length - 2));
  assert.deepEqual(endpoint.events, []);
  endpoint.protocol.streaming = true;
  endpoint.receive(octets.subarray(-2));
  endpoint.receiveFrames(hex`80 01 05`);
  assert.deepEqual(endpoint.events, [
    { fragment: hex`01 02`, type: 'binary', final: false },
    { fragment: hex`03 04`, type: 'binary', final: false },
    { fragment: hex`05`, type: 'binary', final: true },
  ]);
});

inBothRoles('§6.2 streaming switched on between fragments, before the last is empty', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 02 48 65`);
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`80 00`);
  assert.deepEqual(endpoint.events, [
    { fragment: utf8('He'), type: 'text', final: false },
    { fragment: hex``, type: 'text', final: true },
  ]);
});

inBothRoles('§6.2 streaming switched off within a message goes on to its end', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: 4 });
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`01 02 48 65`);
  endpoint.protocol.streaming = false;
  endpoint.receiveFrames(hex`80 03 6c 6c 6f`, hex`81 02 48 69`);
  assert.deepEqual(endpoint.events, [
    { fragment: utf8('He'), type: 'text', final: false },
    { fragment: utf8('llo'), type: 'text', final: true },
    { text: 'Hi' },
  ]);
});

inBothRoles(
  '§10.4 a frame let pass while streaming is never assembled beyond the limit',
  (role) => {
    const endpoint = new Endpoint(role, { maxMessageSize: 10 });
    endpoint.receiveFrames(hex`02 01 00`);
    endpoint.protocol.streaming = true;
    const octets = onTheWireTo(role, frame(0x80, octetsOf(256)));
    endpoint.receive(octets.subarray(0, octets.length - 256));
    endpoint.protocol.streaming = false;
    endpoint.receive(octets.subarray(-256));
    assert.deepEqual(endpoint.events, [
      { fragment: hex`00`, type: 'binary', final: false },
      { fragment: octetsOf(256), type: 'binary', final: true },
    ]);
  },
);

inBothRoles('§10.4 a length that was judged while streaming is judged again', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: 10 });
  endpoint.protocol.streaming = true;
  const octets = onTheWireTo(role, frame(0x82, octetsOf(100)));
  endpoint.receive(octets.subarray(0, 1));
  endpoint.protocol.streaming = false;
  endpoint.receive(octets.subarray(1, 2));
  assertFailed(endpoint, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
});

inBothRoles('§5.5 control frames between the parts of a stream', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`02 01 01`, hex`89 01 70`, hex`80 01 02`);
  assert.deepEqual(endpoint.events, [
    { fragment: hex`01`, type: 'binary', final: false },
    { ping: hex`70` },
    { fragment: hex`02`, type: 'binary', final: true },
  ]);
});

inBothRoles('§7.1.2 a stream stops where this side says Close', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`02 01 01`);
  endpoint.protocol.sendClose(1000);
  endpoint.receiveFrames(hex`80 01 02`, hex`88 02 03 e8`);
  assert.deepEqual(endpoint.events, [
    { fragment: hex`01`, type: 'binary', final: false },
    { close: { code: 1000, reason: '' } },
  ]);
});

inBothRoles('§6.2 streaming switched on and off within a frame goes on to its end', (role) => {
  const endpoint = new Endpoint(role);
  const octets = onTheWireTo(role, hex`82 03 01 02 03`);
  endpoint.receive(octets.subarray(0, octets.length - 2));
  endpoint.protocol.streaming = true;
  endpoint.receive(octets.subarray(-2, -1));
  endpoint.protocol.streaming = false;
  endpoint.receive(octets.subarray(-1));
  assert.deepEqual(endpoint.events, [
    { fragment: hex`01`, type: 'binary', final: false },
    { fragment: hex`02`, type: 'binary', final: false },
    { fragment: hex`03`, type: 'binary', final: true },
  ]);
});

inBothRoles('§10.4 the message after a stream is bound by the limit again', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: 4 });
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`02 01 01`);
  endpoint.protocol.streaming = false;
  endpoint.receiveFrames(hex`80 01 02`, hex`82 05`);
  assertFailed(endpoint, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
});
