import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionClosedError, ProtocolError } from '#src/errors.js';
import {
  MaskingKeys,
  OutputBuffer,
  PreparedMessage,
  Protocol,
  resolveLimits,
} from 'framewire/protocol';
import { hex } from 'framewire/testing';
import {
  assertDeaf,
  assertFailed,
  assertOpen,
  Endpoint,
  inBothRoles,
  isMistake,
  isOutOfRange,
  onTheWireTo,
  otherRole,
  ROLES,
} from './endpoint.ts';
import { closeFrame, closePayload, concat, frame, octetsOf, singleOctets, utf8 } from './frames.ts';
import { LIMITS, octetsTo, violationsOf } from './violations.ts';

const isConcurrent = isMistake(Error, 'ERR_WS_CONCURRENT_MESSAGE', /§5\.4/u);

test('§5.3 a client without masking keys cannot be made, nor a server with them', () => {
  const sink = { onMessage() {}, onFragment() {}, onPing() {}, onPong() {} };
  const common = { limits: resolveLimits(), sink, output: new OutputBuffer() };
  const maskingKeys = new MaskingKeys(() => {});
  const isMisuse = isMistake(Error, 'ERR_WS_INVALID_ARGUMENT', /masking keys/u);
  assert.throws(() => new Protocol({ ...common, role: 'client' }), isMisuse);
  assert.throws(() => new Protocol({ ...common, role: 'server', maskingKeys }), isMisuse);
});

inBothRoles('§7.1.4 at first a connection is open, and would be closed as 1006', (role) => {
  const { protocol } = new Endpoint(role);
  assert.equal(protocol.role, role);
  assert.equal(protocol.state, 'open');
  assert.equal(protocol.isOpen, true);
  assert.equal(protocol.error, undefined);
  assert.equal(protocol.framesReceived, 0);
  assert.equal(protocol.streaming, false);
  assert.equal(protocol.shouldEndTransport, false);
  const unknown = { code: 1006, reason: '', wasClean: false, initiator: 'network' };
  assert.deepEqual(protocol.closeInfo, unknown);
});

for (const role of ROLES) {
  for (const violation of violationsOf(role)) {
    const { code, closeCode, knownAfter } = violation;
    const octets = octetsTo(role, violation);

    test(`§7.1.7 ${code} fails a ${role} with ${closeCode}, once and for good`, () => {
      const endpoint = new Endpoint(role, LIMITS);
      endpoint.receive(octets);
      assertFailed(endpoint, code, closeCode);
    });

    test(`§7.1.7 ${code} is known to a ${role} after ${knownAfter[role]} octets`, () => {
      const endpoint = new Endpoint(role, LIMITS);
      for (const octet of singleOctets(octets.subarray(0, knownAfter[role] - 1))) {
        endpoint.receive(octet);
        assertOpen(endpoint);
      }
      endpoint.receive(octets.subarray(knownAfter[role] - 1, knownAfter[role]));
      assertFailed(endpoint, code, closeCode);
    });

    test(`§7.1.7 ${code} does not undo the message before it (a ${role} receives)`, () => {
      const endpoint = new Endpoint(role, LIMITS);
      endpoint.receive(concat(onTheWireTo(role, hex`81 02 48 69`, hex`89 01 21`), octets));
      assert.deepEqual(endpoint.events.slice(0, 2), [{ text: 'Hi' }, { ping: hex`21` }]);
      assertFailed(endpoint, code, closeCode);
    });

    test(`§7.1.7 ${code} after the Close of a ${role} sends nothing more`, () => {
      const endpoint = new Endpoint(role, LIMITS);
      endpoint.protocol.sendClose(1000);
      endpoint.written();
      endpoint.receive(octets);
      const ignored = ['ERR_WS_MESSAGE_TOO_BIG', 'ERR_WS_INVALID_UTF8'].includes(code);
      assert.equal(endpoint.written().length, 0);
      assert.deepEqual(endpoint.events, ignored ? [] : [{ failure: code }]);
      assert.equal(endpoint.protocol.state, ignored ? 'closeSent' : 'closed');
    });
  }
}

inBothRoles(
  '§7.1.7 an error of ours sends the close code, without words of the application',
  (role) => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.fail(new Error('secret: hunter2'), 1011);
    assert.deepEqual(endpoint.sent()[0]?.payload, hex`03 f3`);
    assert.deepEqual(endpoint.events, [{ failure: undefined }]);
    assertDeaf(endpoint);
  },
);

inBothRoles('§7.1.7 an error of the table is sent with its sentence', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.fail(new ProtocolError('ERR_WS_INVALID_VALUE', 'detail'), 1007);
  const payload = closePayload(1007, 'a message is not a value of the codec');
  assert.deepEqual(endpoint.sent()[0]?.payload, payload);
});

inBothRoles('§7.1.7 failing happens once', (role) => {
  const endpoint = new Endpoint(role);
  const first = new Error('first');
  endpoint.protocol.fail(first, 1011);
  endpoint.protocol.fail(new Error('second'), 1008);
  assert.equal(endpoint.protocol.error, first);
  assert.equal(endpoint.events.length, 1);
  assert.equal(endpoint.sent().length, 1);
});

inBothRoles('§7.1.7 failing after this side’s Close sends no other', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.sendClose(1000, 'bye');
  endpoint.protocol.fail(new Error('late'), 1011);
  assert.deepEqual(endpoint.sent().length, 1);
  assert.deepEqual(endpoint.closeInfo.sent, { code: 1000, reason: 'bye' });
  assert.equal(endpoint.closeInfo.wasClean, false);
  assert.equal(endpoint.protocol.shouldEndTransport, true);
});

inBothRoles('§7.1.7 failing after both Closes is too late to matter', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(closeFrame(1000));
  endpoint.protocol.fail(new Error('late'), 1011);
  assert.equal(endpoint.protocol.error, undefined);
  assert.equal(endpoint.closeInfo.wasClean, true);
  assert.equal(endpoint.events.length, 1);
});

inBothRoles('§7.4.1 failing with 1005, 1006 or 1015 sends no Close', (role) => {
  for (const code of [1005, 1006, 1015]) {
    const endpoint = new Endpoint(role);
    endpoint.protocol.fail(new Error('network'), code);
    assert.equal(endpoint.written().length, 0);
    assert.equal(endpoint.protocol.shouldEndTransport, true);
    assert.equal(endpoint.closeInfo.initiator, 'network');
    assert.equal(endpoint.closeInfo.sent, undefined);
  }
});

test('the sink need not listen to Close and failure', () => {
  for (const octets of [hex`88 00`, hex`ff`]) {
    const protocol = new Protocol({
      role: 'client',
      limits: resolveLimits(),
      output: new OutputBuffer(),
      maskingKeys: new MaskingKeys(() => {}),
      sink: { onMessage() {}, onFragment() {}, onPing() {}, onPong() {} },
    });
    protocol.receive(octets);
    assert.equal(protocol.state, 'closed');
  }
});

inBothRoles('§5.4 a message cannot be sent between the fragments of another', (role) => {
  const { protocol } = new Endpoint(role);
  protocol.sendFragment('text', utf8('Hel'), false);
  assert.throws(() => protocol.sendText('no'), isConcurrent);
  assert.throws(() => protocol.sendOctets('binary', hex`00`), isConcurrent);
  assert.throws(() => protocol.sendPrepared(new PreparedMessage('text', utf8('no'))), isConcurrent);
  protocol.sendFragment('text', utf8('lo'), true);
  assert.doesNotThrow(() => protocol.sendText('yes'));
});

inBothRoles('§5.4 fragments, with control frames between them', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.sendFragment('text', utf8('Hel'), false);
  endpoint.protocol.sendPing(utf8('?'));
  endpoint.protocol.sendFragment('text', utf8('l'), false);
  endpoint.protocol.sendPong(utf8('!'));
  endpoint.protocol.sendFragment('text', utf8('o'), true);
  endpoint.protocol.sendFragment('binary', hex`07`, true);
  assert.deepEqual(
    endpoint.sent().map(({ fin, opcode, payload }) => [fin, opcode, payload]),
    [
      [false, 0x1, utf8('Hel')],
      [true, 0x9, utf8('?')],
      [false, 0x0, utf8('l')],
      [true, 0xa, utf8('!')],
      [true, 0x0, utf8('o')],
      [true, 0x2, hex`07`],
    ],
  );
});

inBothRoles('§5.6 a prepared message is sent as either role sends it', (role) => {
  const endpoint = new Endpoint(role);
  const message = new PreparedMessage('text', utf8('Hello'));
  endpoint.protocol.sendPrepared(message);
  endpoint.protocol.sendPrepared(message);
  const hello = onTheWireTo(otherRole(role), hex`81 05 48 65 6c 6c 6f`);
  assert.deepEqual(endpoint.written(), concat(hello, hello));
});

inBothRoles('§5.5 a Ping or Pong of more than 125 octets cannot be sent', (role) => {
  const endpoint = new Endpoint(role);
  assert.throws(() => endpoint.protocol.sendPing(octetsOf(126)), isOutOfRange);
  assert.throws(() => endpoint.protocol.sendPong(octetsOf(126)), isOutOfRange);
  endpoint.protocol.sendPing(octetsOf(125));
  endpoint.protocol.sendPong(octetsOf(125));
  assert.deepEqual(
    endpoint.sent().map(({ opcode, payload }) => [opcode, payload]),
    [
      [0x9, octetsOf(125)],
      [0xa, octetsOf(125)],
    ],
  );
});

const SENDS: Readonly<Record<string, (protocol: Protocol) => void>> = {
  sendText: (protocol) => protocol.sendText('late'),
  sendOctets: (protocol) => protocol.sendOctets('binary', hex`00`),
  sendPrepared: (protocol) => protocol.sendPrepared(new PreparedMessage('text', hex``)),
  sendFragment: (protocol) => protocol.sendFragment('text', hex``, true),
  sendPing: (protocol) => protocol.sendPing(hex``),
  sendPong: (protocol) => protocol.sendPong(hex``),
};

const ENDS: Readonly<Record<string, (endpoint: Endpoint) => void>> = {
  'this side’s Close': ({ protocol }) => protocol.sendClose(1000, 'bye'),
  'the peer’s Close': (endpoint) => endpoint.receiveFrames(closeFrame(1000, 'bye')),
  'a violation': (endpoint) => endpoint.receive(hex`ff`),
  'the end of the transport': ({ protocol }) => protocol.receiveEnd(),
};

for (const [name, send] of Object.entries(SENDS)) {
  for (const [after, end] of Object.entries(ENDS)) {
    inBothRoles(`§6.1 ${name} after ${after} throws, and writes nothing`, (role) => {
      const endpoint = new Endpoint(role);
      end(endpoint);
      endpoint.written();
      assert.throws(
        () => send(endpoint.protocol),
        (error) => {
          assert.ok(error instanceof ConnectionClosedError);
          assert.equal(error.code, 'ERR_WS_CLOSED');
          assert.deepEqual(error.info, endpoint.closeInfo);
          return true;
        },
      );
      assert.equal(endpoint.written().length, 0);
    });
  }
}

inBothRoles(
  '§5.5.2 while Pongs are held, none is sent; then the latest Ping is answered',
  (role) => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.holdPongs();
    endpoint.receiveFrames(hex`89 01 01`, hex`89 01 02`, hex`89 01 03`);
    assert.deepEqual(endpoint.events, [{ ping: hex`01` }, { ping: hex`02` }, { ping: hex`03` }]);
    assert.equal(endpoint.written().length, 0);
    endpoint.protocol.releasePongs();
    assert.deepEqual(
      endpoint.sent().map(({ opcode, payload }) => [opcode, payload]),
      [[0xa, hex`03`]],
    );
  },
);

inBothRoles('§5.5.2 released Pongs are sent once, and later ones at once', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.holdPongs();
  endpoint.receiveFrames(hex`89 01 01`);
  endpoint.protocol.releasePongs();
  endpoint.written();
  endpoint.protocol.releasePongs();
  assert.equal(endpoint.written().length, 0);
  endpoint.receiveFrames(hex`89 01 02`);
  assert.deepEqual(endpoint.sent()[0]?.payload, hex`02`);
});

inBothRoles('§5.5.2 with nothing owed, releasing sends nothing', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.holdPongs();
  endpoint.protocol.releasePongs();
  assert.equal(endpoint.written().length, 0);
});

inBothRoles('§5.5.2 after this side’s Close a Ping is answered, until the peer’s Close', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.holdPongs();
  endpoint.receiveFrames(hex`89 01 01`);
  endpoint.protocol.sendClose(1000);
  endpoint.written();
  endpoint.protocol.releasePongs();
  endpoint.receiveFrames(hex`89 01 02`);
  assert.deepEqual(
    endpoint.sent().map(({ opcode, payload }) => [opcode, payload]),
    [
      [0xa, hex`01`],
      [0xa, hex`02`],
    ],
  );
});

inBothRoles('a call of receive that is held returns how far it read', (role) => {
  const seen: number[] = [];
  const ignore = (): void => {};
  const protocol: Protocol = new Protocol({
    role,
    limits: resolveLimits(),
    output: new OutputBuffer(),
    maskingKeys: role === 'client' ? new MaskingKeys((target) => target.fill(7)) : undefined,
    sink: {
      onMessage: (_type, octets, start) => {
        seen.push(octets[start]!);
        protocol.hold();
      },
      onFragment: ignore,
      onPing: ignore,
      onPong: ignore,
    },
  });
  const wire = onTheWireTo(role, hex`82 01 01`, hex`82 01 02`, hex`82 01 03`);
  const third = wire.length / 3;
  assert.equal(protocol.receive(wire.slice(0, third + 1)), third);
  assert.equal(protocol.receive(wire.slice(third)), third);
  assert.equal(protocol.receive(wire.slice(2 * third)), third);
  assert.deepEqual(seen, [1, 2, 3]);
});

const FINAL_ENDS = Object.entries(ENDS).filter(([after]) => after !== 'this side’s Close');

for (const [after, end] of FINAL_ENDS) {
  inBothRoles(`§5.5.2 after ${after} no Pong is owed any more`, (role) => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.holdPongs();
    endpoint.receiveFrames(hex`89 01 01`);
    end(endpoint);
    endpoint.written();
    endpoint.protocol.releasePongs();
    assert.equal(endpoint.written().length, 0);
  });
}

inBothRoles('§7.1.5 the transport ends without a Close: 1006, with the cause', (role) => {
  const endpoint = new Endpoint(role);
  const cause = new Error('read ECONNRESET');
  endpoint.protocol.receiveEnd(cause);
  const { error } = endpoint.protocol;
  assert.ok(error instanceof ProtocolError);
  assert.equal(error.code, 'ERR_WS_TRUNCATED');
  assert.equal(error.closeCode, 1006);
  assert.equal(error.cause, cause);
  assert.deepEqual(endpoint.closeInfo, {
    code: 1006,
    reason: '',
    wasClean: false,
    initiator: 'network',
    error,
  });
  assert.equal(endpoint.protocol.shouldEndTransport, true);
  assertDeaf(endpoint);
});

inBothRoles('§7.1.5 the transport ends once: a second end changes nothing', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.receiveEnd();
  const { error } = endpoint.protocol;
  assert.equal(Object.hasOwn(error ?? {}, 'cause'), false);
  endpoint.protocol.receiveEnd(new Error('again'));
  assert.equal(endpoint.protocol.error, error);
});

inBothRoles('§7.1.5 the transport ends after this side’s Close only: not clean', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.sendClose(1000);
  endpoint.protocol.receiveEnd();
  assert.equal(endpoint.closeInfo.code, 1006);
  assert.equal(endpoint.closeInfo.wasClean, false);
  assert.equal(endpoint.closeInfo.initiator, role);
});

inBothRoles('§7.1.4 the transport ends after both Closes: clean', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(closeFrame(1000));
  endpoint.protocol.receiveEnd(new Error('late reset'));
  assert.equal(endpoint.protocol.error, undefined);
  assert.equal(endpoint.closeInfo.wasClean, true);
});

inBothRoles('§6.2 a large message may be read where it is put together', (role) => {
  for (const opcode of [0x81, 0x82]) {
    for (const size of [40_000, 1_000_000, 3_000_000]) {
      const endpoint = new Endpoint(role);
      const payload = new Uint8Array(size).map((_, index) => 97 + (index % 26));
      const wire = onTheWireTo(role, frame(opcode, payload));
      let at = 20_000;
      endpoint.protocol.receive(wire.slice(0, at));
      let placed = 0;
      while (at < wire.length) {
        const { room } = endpoint.protocol;
        const octets = wire.subarray(at, at + Math.min(room?.length ?? 70_000, 70_000));
        const chunk = room?.subarray(0, octets.length) ?? new Uint8Array(octets.length);
        chunk.set(octets);
        endpoint.protocol.receive(chunk);
        at += octets.length;
        if (room !== undefined) placed++;
      }
      assert.ok(placed > 0);
      assert.equal(endpoint.protocol.room, undefined);
      const text = Buffer.from(payload).toString();
      assert.deepEqual(endpoint.events, [opcode === 0x81 ? { text } : { binary: payload }]);
    }
  }
});

inBothRoles('what is small, a stream or of no use has no room of its own', (role) => {
  const large = onTheWireTo(role, frame(0x82, octetsOf(100_000))).subarray(0, 1000);
  const small = new Endpoint(role);
  assert.equal(small.protocol.room, undefined);
  small.protocol.receive(onTheWireTo(role, frame(0x82, octetsOf(1000))).slice(0, 500));
  assert.equal(small.protocol.room, undefined);
  const streaming = new Endpoint(role);
  streaming.protocol.streaming = true;
  streaming.protocol.receive(large.slice());
  assert.equal(streaming.protocol.room, undefined);
  const closing = new Endpoint(role);
  closing.protocol.receive(large.slice());
  closing.protocol.sendClose(1000);
  assert.equal(closing.protocol.room, undefined);
});
