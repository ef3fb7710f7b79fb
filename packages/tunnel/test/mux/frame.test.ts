import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from 'framewire/testing';
import { faultOf, readUint32, writeHeader } from '#src/mux/frame.js';

const GOLDEN: readonly [string, Uint8Array, readonly [number, number, number, number]][] = [
  ['data with SYN', hex`00 00 0001 00000001 00000005`, [0, 1, 1, 5]],
  ['data with ACK', hex`00 00 0002 00000002 00000100`, [0, 2, 2, 256]],
  ['data with FIN', hex`00 00 0004 00000003 00000000`, [0, 4, 3, 0]],
  ['a window update', hex`00 01 0000 00000001 00040000`, [1, 0, 1, 262_144]],
  ['a window update with RST', hex`00 01 0008 fffffffe 00000000`, [1, 8, 4_294_967_294, 0]],
  ['a ping that asks', hex`00 02 0001 00000000 deadbeef`, [2, 1, 0, 0xdeadbeef]],
  ['a ping that answers', hex`00 02 0002 00000000 deadbeef`, [2, 2, 0, 0xdeadbeef]],
  ['a GOAWAY', hex`00 03 0000 00000000 00000002`, [3, 0, 0, 2]],
];

for (const [name, octets, [type, flags, id, length]] of GOLDEN) {
  test(`Framing: ${name} is what the specification draws, and no fault`, () => {
    const written = new Uint8Array(14).fill(0xff);
    writeHeader(written, 1, type, flags, id, length);
    assert.deepEqual(written.subarray(1, 13), octets);
    assert.deepEqual([written[0], written[13]], [0xff, 0xff]);
    assert.deepEqual([readUint32(octets, 4), readUint32(octets, 8)], [id, length]);
    assert.equal(faultOf(0, type, flags, id, length), undefined);
  });
}

const FAULTS: readonly [string, readonly [number, number, number, number, number], RegExp][] = [
  ['Version: another than 0', [1, 0, 0, 1, 0], /version 1/u],
  ['Type: one that is unknown', [0, 4, 0, 1, 0], /unknown type 4/u],
  ['Flag: one that is unknown', [0, 0, 0x10, 1, 0], /unknown flags 0x10/u],
  ['Flag: one in the high octet', [0, 1, 0x8000, 1, 0], /unknown flags 0x8000/u],
  ['StreamID: data for the session', [0, 0, 0, 0, 1], /without a stream/u],
  ['StreamID: a window update for the session', [0, 1, 0, 0, 1], /without a stream/u],
  ['StreamID: a ping on a stream', [0, 2, 1, 1, 0], /ping on a stream/u],
  ['StreamID: a GOAWAY on a stream', [0, 3, 0, 1, 0], /GOAWAY with a stream/u],
  ['Flag: a ping without one', [0, 2, 0, 0, 0], /SYN or ACK/u],
  ['Flag: a ping with both', [0, 2, 3, 0, 0], /SYN or ACK/u],
  ['Flag: a GOAWAY with one', [0, 3, 1, 0, 0], /GOAWAY with a stream or flags/u],
  ['Session termination: a code that is unknown', [0, 3, 0, 0, 3], /GOAWAY 3/u],
];

for (const [name, [version, type, flags, id, length], reason] of FAULTS) {
  test(`${name} is a fault`, () => {
    assert.match(faultOf(version, type, flags, id, length) ?? '', reason);
  });
}
