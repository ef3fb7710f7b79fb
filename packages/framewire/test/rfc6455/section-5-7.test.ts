/** RFC 6455 §5.7 — Examples: each of them, received and sent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from 'framewire/testing';
import { Endpoint } from '../protocol/endpoint.ts';
import { concat, octetsOf, utf8 } from '../protocol/frames.ts';

const HELLO = utf8('Hello');

test('§5.7 a single-frame unmasked text message, received by a client', () => {
  const client = new Endpoint('client');
  client.receive(hex`81 05  48 65 6c 6c 6f`);
  assert.deepEqual(client.events, [{ text: 'Hello' }]);
});

test('§5.7 a single-frame unmasked text message, sent by a server', () => {
  const server = new Endpoint('server');
  server.protocol.sendText('Hello');
  assert.deepEqual(server.written(), hex`81 05  48 65 6c 6c 6f`);
});

test('§5.7 a single-frame masked text message, received by a server', () => {
  const server = new Endpoint('server');
  server.receive(hex`81 85  37 fa 21 3d  7f 9f 4d 51 58`);
  assert.deepEqual(server.events, [{ text: 'Hello' }]);
});

test('§5.7 a single-frame masked text message, sent by a client', () => {
  const client = new Endpoint('client');
  client.protocol.sendText('Hello');
  assert.deepEqual(client.written(), hex`81 85  37 fa 21 3d  7f 9f 4d 51 58`);
});

test('§5.7 a fragmented unmasked text message, received by a client', () => {
  const client = new Endpoint('client');
  client.receive(hex`01 03  48 65 6c`);
  assert.deepEqual(client.events, []);
  client.receive(hex`80 02  6c 6f`);
  assert.deepEqual(client.events, [{ text: 'Hello' }]);
});

test('§5.7 a fragmented unmasked text message, sent by a server', () => {
  const server = new Endpoint('server');
  server.protocol.sendFragment('text', utf8('Hel'), false);
  server.protocol.sendFragment('text', utf8('lo'), true);
  assert.deepEqual(server.written(), hex`01 03  48 65 6c    80 02  6c 6f`);
});

test('§5.7 an unmasked Ping, received by a client, and its masked Pong', () => {
  const client = new Endpoint('client');
  client.receive(hex`89 05  48 65 6c 6c 6f`);
  assert.deepEqual(client.events, [{ ping: HELLO }]);
  assert.deepEqual(client.written(), hex`8a 85  37 fa 21 3d  7f 9f 4d 51 58`);
});

test('§5.7 an unmasked Ping, sent by a server, and its masked Pong', () => {
  const server = new Endpoint('server');
  server.protocol.sendPing(HELLO);
  assert.deepEqual(server.written(), hex`89 05  48 65 6c 6c 6f`);
  server.receive(hex`8a 85  37 fa 21 3d  7f 9f 4d 51 58`);
  assert.deepEqual(server.events, [{ pong: HELLO }]);
});

test('§5.7 256 octets of binary in a single unmasked frame, received by a client', () => {
  const client = new Endpoint('client');
  client.receive(concat(hex`82 7e 01 00`, octetsOf(256)));
  assert.deepEqual(client.events, [{ binary: octetsOf(256) }]);
});

test('§5.7 256 octets of binary in a single unmasked frame, sent by a server', () => {
  const server = new Endpoint('server');
  server.protocol.sendOctets('binary', octetsOf(256));
  assert.deepEqual(server.written(), concat(hex`82 7e 01 00`, octetsOf(256)));
});

test('§5.7 64 KiB of binary in a single unmasked frame, received by a client', () => {
  const client = new Endpoint('client');
  client.receive(concat(hex`82 7f 00 00 00 00 00 01 00 00`, octetsOf(65_536)));
  assert.deepEqual(client.events, [{ binary: octetsOf(65_536) }]);
});

test('§5.7 64 KiB of binary in a single unmasked frame, sent by a server', () => {
  const server = new Endpoint('server');
  server.protocol.sendOctets('binary', octetsOf(65_536));
  const expected = concat(hex`82 7f 00 00 00 00 00 01 00 00`, octetsOf(65_536));
  assert.deepEqual(server.written(), expected);
});
