import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CloseCode, isCloseCodeOnWire } from 'framewire/protocol';

test('§7.4.1 the codes have names', () => {
  assert.deepEqual(CloseCode, {
    normal: 1000,
    goingAway: 1001,
    protocolError: 1002,
    unsupportedData: 1003,
    noStatusReceived: 1005,
    abnormalClosure: 1006,
    invalidPayload: 1007,
    policyViolation: 1008,
    messageTooBig: 1009,
    mandatoryExtension: 1010,
    internalError: 1011,
    serviceRestart: 1012,
    tryAgainLater: 1013,
    badGateway: 1014,
    tlsHandshake: 1015,
  });
});

test('§7.4 of all 65 536 numbers these can be in a Close frame, and no others', () => {
  const onWire = new Set([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]);
  for (let code = 3000; code < 5000; code++) onWire.add(code);
  for (let code = 0; code <= 0xffff; code++) {
    assert.equal(isCloseCodeOnWire(code), onWire.has(code), `code ${code}`);
  }
});

test('§7.4.1 the codes that stand for what was not received are not on the wire', () => {
  for (const name of ['noStatusReceived', 'abnormalClosure', 'tlsHandshake'] as const) {
    assert.equal(isCloseCodeOnWire(CloseCode[name]), false);
  }
});

test('§7.4 what is not a whole number is not a code', () => {
  for (const code of [1000.5, 3000.1, 4999.9, NaN, Infinity, -1000]) {
    assert.equal(isCloseCodeOnWire(code), false, `code ${code}`);
  }
});
