/** Two sides of a connection, or a side and its own output: what `Protocol` does as a whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PreparedMessage } from 'framewire/protocol';
import { hex } from 'framewire/testing';
import { anyText } from './conversations.ts';
import {
  assertOpen,
  decode,
  Endpoint,
  otherRole,
  receiveSliced,
  ROLES,
  type Event,
} from './endpoint.ts';
import { concat, frame, octetsOf, readFrames, utf8 } from './frames.ts';

/** What a user can do with a connection that is open. */
const actions = fc.oneof(
  anyText.map((text) => ({ text })),
  fc.uint8Array({ maxLength: 300 }).map((binary) => ({ binary })),
  fc.uint8Array({ maxLength: 125 }).map((ping) => ({ ping })),
  fc.uint8Array({ maxLength: 125 }).map((pong) => ({ pong })),
  fc
    .array(fc.uint8Array({ maxLength: 100 }), { minLength: 1, maxLength: 4 })
    .map((fragments) => ({ fragments })),
  fc.uint8Array({ maxLength: 300 }).map((prepared) => ({ prepared })),
);

for (const role of ROLES) {
  test(`§6.1 what a ${role} sends is what its peer receives, however it is sliced`, () => {
    const lists = fc.array(actions, { maxLength: 10 });
    const keys = fc.uint8Array({ minLength: 8192, maxLength: 8192 });
    fc.assert(
      fc.property(lists, fc.array(fc.nat(), { maxLength: 10 }), keys, (list, cuts, key) => {
        const sender = new Endpoint(role, { fillRandom: (pool) => pool.set(key) });
        const expected: Event[] = [];
        for (const action of list) {
          const { protocol } = sender;
          if ('text' in action) {
            protocol.sendText(action.text);
            expected.push({ text: decode(utf8(action.text)) });
          } else if ('binary' in action) {
            protocol.sendOctets('binary', action.binary);
            expected.push(action);
          } else if ('ping' in action) {
            protocol.sendPing(action.ping);
            expected.push(action);
          } else if ('pong' in action) {
            protocol.sendPong(action.pong);
            expected.push(action);
          } else if ('prepared' in action) {
            protocol.sendPrepared(new PreparedMessage('binary', action.prepared));
            expected.push({ binary: action.prepared });
          } else {
            const last = action.fragments.length - 1;
            for (const [index, fragment] of action.fragments.entries()) {
              protocol.sendFragment('binary', fragment, index === last);
            }
            expected.push({ binary: concat(...action.fragments) });
          }
        }
        const receiver = new Endpoint(otherRole(role));
        receiveSliced(receiver, sender.written(), cuts);
        assert.deepEqual(receiver.events, expected);
        assertOpen(receiver);
      }),
      { numRuns: 100 },
    );
  });
}

test('§7.1 whatever two sides say, each says Close once, then at most Pongs, and both end clean', () => {
  const step = fc.record({
    actor: fc.constantFrom(0, 1),
    action: fc.constantFrom('text', 'ping', 'close', 'deliver', 'deliverSome'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const sides = [new Endpoint('client'), new Endpoint('server')] as const;
      const sent: Uint8Array[][] = [[], []];
      const wires = [hex``, hex``];
      const flush = (actor: number): void => {
        const octets = sides[actor]!.written();
        sent[actor]!.push(octets);
        wires[actor] = concat(wires[actor]!, octets);
      };
      const deliver = (actor: number, count: number): void => {
        const from = 1 - actor;
        sides[actor]!.receive(wires[from]!.subarray(0, count));
        wires[from] = wires[from]!.subarray(count);
        flush(actor);
      };
      for (const { actor, action } of steps) {
        const { protocol } = sides[actor === 0 ? 0 : 1];
        if (action === 'close') protocol.sendClose(1000, `side ${actor}`);
        else if (action === 'deliver') deliver(actor, Infinity);
        else if (action === 'deliverSome') deliver(actor, 3);
        else if (protocol.isOpen && action === 'text') protocol.sendText('Hello');
        else if (protocol.isOpen) protocol.sendPing(hex`00`);
        flush(actor);
      }
      sides[0].protocol.sendClose(1001);
      flush(0);
      for (const actor of [1, 0, 1, 0]) deliver(actor, Infinity);
      for (const [actor, side] of sides.entries()) {
        assert.equal(side.protocol.state, 'closed');
        assert.equal(side.closeInfo.wasClean, true);
        assert.equal(side.events.filter((event) => 'close' in event).length, 1);
        const opcodes = readFrames(concat(...sent[actor]!)).map(({ opcode }) => opcode);
        const afterClose = opcodes.slice(opcodes.indexOf(0x8) + 1);
        assert.ok(afterClose.every((opcode) => opcode === 0xa));
      }
      assert.equal(sides[0].protocol.shouldEndTransport, false);
      assert.equal(sides[1].protocol.shouldEndTransport, true);
    }),
    { numRuns: 200 },
  );
});

test('§5.2 frames of any size come back whole from the other role', () => {
  for (const role of ROLES) {
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 300_000]) {
      const sender = new Endpoint(role);
      sender.protocol.sendOctets('binary', octetsOf(size));
      const receiver = new Endpoint(otherRole(role));
      receiver.receive(sender.written());
      assert.deepEqual(receiver.events, [{ binary: octetsOf(size) }]);
      const own = new Endpoint(role);
      own.receiveFrames(frame(0x82, octetsOf(size)));
      assert.deepEqual(own.events, [{ binary: octetsOf(size) }]);
    }
  }
});
