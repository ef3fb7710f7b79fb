import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LimitError } from '#src/errors.js';
import { Fragmentation, SMALL_FRAGMENT } from '#src/protocol/fragmentation.js';
import { Opcode, resolveLimits } from 'framewire/protocol';

const LIMITS = resolveLimits({ maxSmallFragments: 3 });
const CONTROL = [Opcode.close, Opcode.ping, Opcode.pong];

function begun(): Fragmentation {
  const fragmentation = new Fragmentation();
  assert.equal(fragmentation.begin(Opcode.text, 0, false, LIMITS), undefined);
  return fragmentation;
}

test('§5.4 with no message begun, text and binary may come, and no continuation', () => {
  const fragmentation = new Fragmentation();
  assert.equal(fragmentation.check(Opcode.text), undefined);
  assert.equal(fragmentation.check(Opcode.binary), undefined);
  assert.equal(fragmentation.check(Opcode.continuation), 'ERR_WS_UNEXPECTED_CONTINUATION');
});

test('§5.4 with a message begun, a continuation may come, and neither text nor binary', () => {
  const fragmentation = begun();
  assert.equal(fragmentation.check(Opcode.continuation), undefined);
  assert.equal(fragmentation.check(Opcode.text), 'ERR_WS_EXPECTED_CONTINUATION');
  assert.equal(fragmentation.check(Opcode.binary), 'ERR_WS_EXPECTED_CONTINUATION');
});

test('§5.5 control frames may come at any time', () => {
  for (const opcode of CONTROL) {
    assert.equal(new Fragmentation().check(opcode), undefined);
    assert.equal(begun().check(opcode), undefined);
  }
});

test('§5.4 the first frame gives the message its type, until its end', () => {
  const fragmentation = new Fragmentation();
  assert.equal(fragmentation.type, undefined);
  fragmentation.begin(Opcode.binary, 1, false, LIMITS);
  fragmentation.begin(Opcode.continuation, 1, false, LIMITS);
  assert.equal(fragmentation.type, 'binary');
  fragmentation.end();
  assert.equal(fragmentation.type, undefined);
  fragmentation.begin(Opcode.text, 1, false, LIMITS);
  assert.equal(fragmentation.type, 'text');
});

test('§5.4 judging changes nothing', () => {
  const fragmentation = new Fragmentation();
  fragmentation.check(Opcode.text);
  assert.equal(fragmentation.type, undefined);
  assert.equal(fragmentation.check(Opcode.text), undefined);
});

test('§10.4 one small fragment more than allowed is too many', () => {
  const fragmentation = begun();
  const small = SMALL_FRAGMENT - 1;
  assert.equal(fragmentation.begin(Opcode.continuation, small, false, LIMITS), undefined);
  assert.equal(fragmentation.begin(Opcode.continuation, 0, false, LIMITS), undefined);
  const error = fragmentation.begin(Opcode.continuation, 1, false, LIMITS);
  assert.ok(error instanceof LimitError);
  assert.equal(error.code, 'ERR_WS_TOO_MANY_FRAGMENTS');
  assert.equal(error.option, 'maxSmallFragments');
  assert.equal(error.limit, 3);
  assert.equal(error.actual, 4);
});

test('§10.4 fragments of 32 octets are not small: they are not counted', () => {
  const fragmentation = begun();
  for (let count = 0; count < 100; count++) {
    assert.equal(
      fragmentation.begin(Opcode.continuation, SMALL_FRAGMENT, false, LIMITS),
      undefined,
    );
  }
  assert.equal(SMALL_FRAGMENT, 32);
});

test('§10.4 each message has a count of its own', () => {
  const fragmentation = new Fragmentation();
  for (let message = 0; message < 10; message++) {
    assert.equal(fragmentation.begin(Opcode.text, 0, false, LIMITS), undefined);
    assert.equal(fragmentation.begin(Opcode.continuation, 0, false, LIMITS), undefined);
    assert.equal(fragmentation.begin(Opcode.continuation, 0, false, LIMITS), undefined);
    fragmentation.end();
  }
});
