/** Random peers: sequences of frames, with what a receiver must make of them. */
import fc from 'fast-check';
import type { Role } from 'framewire/protocol';
import { decode, onTheWireTo, type Event } from './endpoint.ts';
import { closeFrame, concat, frame, slicesOf, utf8 } from './frames.ts';
import { octetsTo, violationsOf, type Violation } from './violations.ts';

export interface Conversation {
  readonly octets: Uint8Array;
  readonly events: readonly Event[];
  /** The octets that the endpoint answers: Pongs and a Close, as frames that are not masked. */
  readonly pongs: readonly Uint8Array[];
  readonly violation: Violation | undefined;
}

interface Piece {
  readonly frames: readonly Uint8Array[];
  readonly events: readonly Event[];
}

/** Any text of up to so many code points, of all lengths of UTF-8; no surrogates. */
export function validText(maxLength: number): fc.Arbitrary<string> {
  const point = fc.oneof(
    fc.integer({ min: 0, max: 0x7f }),
    fc.integer({ min: 0x80, max: 0x7ff }),
    fc.integer({ min: 0x800, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0xffff }),
    fc.integer({ min: 0x10000, max: 0x10ffff }),
  );
  return fc.array(point, { maxLength }).map((points) => String.fromCodePoint(...points));
}

/** Any string at all, with surrogates that have no partner. */
export const anyText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0x7f }),
      fc.integer({ min: 0x80, max: 0x7ff }),
      fc.integer({ min: 0xd700, max: 0xe0ff }),
      fc.integer({ min: 0, max: 0xffff }),
    ),
    { maxLength: 300 },
  )
  .map((units) => String.fromCharCode(...units));

const control: fc.Arbitrary<Piece> = fc
  .tuple(fc.boolean(), fc.uint8Array({ maxLength: 125 }))
  .map(([ping, payload]) => ({
    frames: [frame(ping ? 0x89 : 0x8a, payload)],
    events: [ping ? { ping: payload } : { pong: payload }],
  }));

const message: fc.Arbitrary<Piece> = fc
  .record({
    data: fc.oneof(validText(80), fc.uint8Array({ maxLength: 300 })),
    cuts: fc.array(fc.nat(), { maxLength: 4 }),
    interleaved: fc.array(fc.option(control, { nil: undefined }), { maxLength: 4 }),
  })
  .map(({ data, cuts, interleaved }) => {
    const payload = typeof data === 'string' ? utf8(data) : data;
    const fragments = slicesOf(payload, cuts);
    const frames: Uint8Array[] = [];
    const events: Event[] = [];
    for (const [index, fragment] of fragments.entries()) {
      const opcode = index > 0 ? 0x0 : typeof data === 'string' ? 0x1 : 0x2;
      const final = index === fragments.length - 1;
      frames.push(frame((final ? 0x80 : 0) | opcode, fragment));
      if (final) break;
      frames.push(...(interleaved[index]?.frames ?? []));
      events.push(...(interleaved[index]?.events ?? []));
    }
    events.push(typeof data === 'string' ? { text: decode(payload) } : { binary: payload });
    return { frames, events };
  });

const close: fc.Arbitrary<Piece> = fc
  .tuple(fc.constantFrom(1000, 1001, 1011, 3000, 4999), validText(30))
  .map(([code, reason]) => ({
    frames: [closeFrame(code, reason)],
    events: [{ close: { code, reason } }],
  }));

/** Messages and control frames; then perhaps a Close or a violation, and more that is not heard. */
export function conversation(role: Role): fc.Arbitrary<Conversation> {
  return fc
    .record({
      pieces: fc.array(fc.oneof({ weight: 3, arbitrary: message }, control), { maxLength: 8 }),
      close: fc.option(close, { nil: undefined }),
      violation: fc.option(fc.constantFrom(...violationsOf(role)), { nil: undefined }),
      unheard: fc.array(message, { maxLength: 2 }),
    })
    .map(({ pieces, close, violation, unheard }) => {
      const heard = close === undefined ? pieces : [...pieces, close];
      const ends = close !== undefined || violation !== undefined;
      const events = heard.flatMap((piece) => piece.events);
      const pongs = events.flatMap((event) => ('ping' in event ? [frame(0x8a, event.ping)] : []));
      const failed = close === undefined ? violation : undefined;
      return {
        octets: concat(
          onTheWireTo(role, ...heard.flatMap((piece) => piece.frames)),
          violation === undefined ? new Uint8Array(0) : octetsTo(role, violation),
          onTheWireTo(role, ...(ends ? unheard : []).flatMap((piece) => piece.frames)),
        ),
        events: failed === undefined ? events : [...events, { failure: failed.code }],
        pongs,
        violation: failed,
      };
    });
}
