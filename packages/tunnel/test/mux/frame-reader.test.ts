import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameReader, type FrameSink } from '#src/mux/frame-reader.js';
import { data, FIN, goAway, header, ping, SYN, unexpected, update } from './sessions.ts';

interface Recording extends FrameSink {
  readonly log: string[];
}

/** What a reader says, with the parts of a payload put together. */
function recording(wanted: number = Infinity): Recording {
  const log: string[] = [];
  let payload = '';
  return {
    log,
    onFrame(type, flags, id, length) {
      log.push(`${type} ${flags} ${id} ${length}`);
      return log.length < wanted;
    },
    onPayload(octets, isLast) {
      payload += Buffer.from(octets).toString('latin1');
      if (!isLast) return true;
      log.push(payload);
      payload = '';
      return log.length < wanted;
    },
    onFault(reason) {
      log.push(`fault: ${reason}`);
    },
  };
}

const FRAMES = Buffer.concat([
  update(SYN, 1, 100),
  data(0, 1, 'Hello'),
  ping(SYN, 7),
  data(FIN, 1),
  data(0, 3, 'a longer payload than a header has octets'),
  goAway(0),
]);

const SAID = [
  '1 1 1 100',
  '0 0 1 5',
  'Hello',
  '2 1 0 7',
  '0 4 1 0',
  '0 0 3 41',
  'a longer payload than a header has octets',
  '3 0 0 0',
];

test('Framing: frames are the same in any slicing of their octets', () => {
  const cuts = fc.array(fc.integer({ min: 0, max: FRAMES.length }), { maxLength: 40 });
  fc.assert(
    fc.property(cuts, (positions) => {
      const sink = recording();
      const reader = new FrameReader(sink);
      let from = 0;
      for (const to of [...positions.sort((a, b) => a - b), FRAMES.length]) {
        reader.push(FRAMES.subarray(from, to));
        from = to;
      }
      assert.deepEqual(sink.log, SAID);
    }),
  );
});

test('Framing: frames are the same octet by octet', () => {
  const sink = recording();
  const reader = new FrameReader(sink);
  for (const octet of FRAMES) reader.push(Uint8Array.of(octet));
  assert.deepEqual(sink.log, SAID);
});

test('Framing: a payload is passed on before all of it is there', () => {
  const parts: string[] = [];
  const reader = new FrameReader({
    onFrame: () => true,
    onPayload: (octets, isLast) => parts.push(`${octets.length} ${isLast}`) > 0,
    onFault: unexpected,
  });
  reader.push(header(0, 0, 1, 1_000_000));
  reader.push(new Uint8Array(600_000));
  reader.push(new Uint8Array(400_000));
  assert.deepEqual(parts, ['600000 false', '400000 true']);
});

test('Framing: after a fault nothing is read any more', () => {
  const sink = recording();
  const reader = new FrameReader(sink);
  reader.push(Buffer.concat([ping(SYN, 1), header(9, 0, 0, 0), ping(SYN, 2)]));
  reader.push(ping(SYN, 3));
  assert.deepEqual(sink.log, ['2 1 0 1', 'fault: unknown type 9']);
});

test('Framing: after a sink has had enough nothing is read any more', () => {
  for (let wanted = 1; wanted < SAID.length; wanted++) {
    const sink = recording(wanted);
    const reader = new FrameReader(sink);
    reader.push(FRAMES);
    reader.push(FRAMES);
    assert.deepEqual(sink.log, SAID.slice(0, wanted));
  }
});

test('Framing: any octets are frames or one fault, and never an exception', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (pieces) => {
      const sink = recording();
      const reader = new FrameReader(sink);
      for (const piece of pieces) reader.push(piece);
      const faults = sink.log.filter((entry) => entry.startsWith('fault'));
      assert.ok(faults.length <= 1);
      if (faults.length === 1) assert.equal(sink.log.at(-1), faults[0]);
    }),
  );
});
