/** RFC 6455 §6.1 — Sending Data. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionClosedError } from '#src/errors.js';
import { PreparedMessage } from 'framewire/protocol';
import { hex } from 'framewire/testing';
import { Endpoint, onTheWireTo, otherRole, ROLES } from '../protocol/endpoint.ts';
import { closeFrame, concat, octetsOf, utf8 } from '../protocol/frames.ts';

for (const role of ROLES) {
  test(`§6.1 a ${role} sends nothing of its own accord`, () => {
    assert.equal(new Endpoint(role).written().length, 0);
  });

  test(`§6.1 a ${role} sends an empty message as a frame without payload`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendText('');
    endpoint.protocol.sendOctets('binary', hex``);
    const empty = onTheWireTo(otherRole(role), hex`81 00`, hex`82 00`);
    assert.deepEqual(endpoint.written(), empty);
  });

  test(`§6.1 a ${role} sends in the order it is told, in one output`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendText('1');
    endpoint.protocol.sendOctets('binary', octetsOf(100_000));
    endpoint.receiveFrames(hex`89 01 33`);
    endpoint.protocol.sendText('4');
    assert.deepEqual(
      endpoint.sent().map(({ payload }) => payload),
      [utf8('1'), octetsOf(100_000), utf8('3'), utf8('4')],
    );
  });

  test(`§6.1 a ${role} cannot send data once it sent Close`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendClose(1000);
    assert.throws(() => endpoint.protocol.sendText('late'), ConnectionClosedError);
    assert.throws(() => endpoint.protocol.sendOctets('binary', hex`00`), /connection is closed/u);
    assert.deepEqual(
      endpoint.sent().map(({ opcode }) => opcode),
      [0x8],
    );
  });

  test(`§6.1 a ${role} cannot send data once the peer sent Close`, () => {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(closeFrame(1001, 'bye'));
    endpoint.written();
    const message = new PreparedMessage('text', utf8('late'));
    assert.throws(
      () => endpoint.protocol.sendPrepared(message),
      (error) => {
        assert.ok(error instanceof ConnectionClosedError);
        assert.match(error.message, /1001 "bye", the (?:client|server) began/u);
        assert.equal(error.info.code, 1001);
        return true;
      },
    );
    assert.equal(endpoint.written().length, 0);
  });

  test(`§6.1 what a ${role} sends in fragments is the message that was sent whole`, () => {
    const whole = octetsOf(1000);
    const endpoint = new Endpoint(role);
    for (let at = 0; at < 1000; at += 100) {
      endpoint.protocol.sendFragment('binary', whole.subarray(at, at + 100), at === 900);
    }
    const frames = endpoint.sent();
    assert.deepEqual(concat(...frames.map(({ payload }) => payload)), whole);
    const peer = new Endpoint(otherRole(role));
    peer.receiveFrames(
      ...frames.map(({ fin, opcode, payload }) =>
        concat(Uint8Array.of((fin ? 0x80 : 0) | opcode, payload.length), payload),
      ),
    );
    assert.deepEqual(peer.events, [{ binary: whole }]);
  });
}
