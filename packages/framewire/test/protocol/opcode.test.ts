import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isControl, isReserved, Opcode } from '#src/protocol/opcode.js';

test('§5.2 the opcodes have the values of the registry in §11.8', () => {
  assert.deepEqual(Opcode, {
    continuation: 0x0,
    text: 0x1,
    binary: 0x2,
    close: 0x8,
    ping: 0x9,
    pong: 0xa,
  });
});

test('§5.5 opcodes 8 to 15 are those of control frames', () => {
  for (let opcode = 0; opcode <= 0xf; opcode++) assert.equal(isControl(opcode), opcode >= 8);
});

test('§5.2 opcodes 3 to 7 and 11 to 15 are reserved', () => {
  const reserved = [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf];
  for (let opcode = 0; opcode <= 0xf; opcode++) {
    assert.equal(isReserved(opcode), reserved.includes(opcode), `opcode ${opcode}`);
  }
});
