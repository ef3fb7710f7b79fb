/** What a peer can do wrong, one example for each error of the table in src/errors.ts. */
import type { LimitErrorCode, ProtocolErrorCode } from '#src/errors.js';
import type { LimitOptions, Role } from 'framewire/protocol';
import { hex } from 'framewire/testing';
import { concat } from './frames.ts';
import { onTheWireTo } from './endpoint.ts';

/** Some errors do not come from what a peer sends, others only where compression was agreed on. */
type Provoked = Exclude<
  ProtocolErrorCode | LimitErrorCode,
  | 'ERR_WS_TRUNCATED'
  | 'ERR_WS_INVALID_VALUE'
  | 'ERR_WS_SEND_BUFFER_FULL'
  | 'ERR_WS_COMPRESSED_CONTROL'
  | 'ERR_WS_COMPRESSED_CONTINUATION'
  | 'ERR_WS_INFLATE'
>;

export interface Violation {
  readonly code: Provoked;
  readonly closeCode: number;
  /** Unmasked, unless the mask is what is wrong. */
  readonly frames: readonly Uint8Array[];
  /** The octets of them after which the connection must have failed, as each role receives them. */
  readonly knownAfter: { readonly client: number; readonly server: number };
  /** The role that finds fault with it; both unless told. */
  readonly only?: Role;
}

/** The bounds under which each of the examples is a violation. */
export const LIMITS: LimitOptions = { maxMessageSize: 65_536, maxSmallFragments: 8 };

const EXAMPLES: Readonly<Record<Provoked, Omit<Violation, 'code'>>> = {
  ERR_WS_RESERVED_BITS: {
    closeCode: 1002,
    frames: [hex`c1 00`],
    knownAfter: { client: 1, server: 1 },
  },
  ERR_WS_RESERVED_OPCODE: {
    closeCode: 1002,
    frames: [hex`83 00`],
    knownAfter: { client: 1, server: 1 },
  },
  ERR_WS_MASK_REQUIRED: {
    closeCode: 1002,
    frames: [hex`81 05 48 65 6c 6c 6f`],
    knownAfter: { client: Infinity, server: 2 },
    only: 'server',
  },
  ERR_WS_MASK_FORBIDDEN: {
    closeCode: 1002,
    frames: [hex`81 85  37 fa 21 3d  7f 9f 4d 51 58`],
    knownAfter: { client: 2, server: Infinity },
    only: 'client',
  },
  ERR_WS_CONTROL_FRAGMENTED: {
    closeCode: 1002,
    frames: [hex`09 00`],
    knownAfter: { client: 1, server: 1 },
  },
  ERR_WS_CONTROL_TOO_LONG: {
    closeCode: 1002,
    frames: [hex`89 7e 00 7e`],
    knownAfter: { client: 2, server: 2 },
  },
  ERR_WS_UNEXPECTED_CONTINUATION: {
    closeCode: 1002,
    frames: [hex`80 00`],
    knownAfter: { client: 1, server: 1 },
  },
  ERR_WS_EXPECTED_CONTINUATION: {
    closeCode: 1002,
    frames: [hex`01 01 41`, hex`82 00`],
    knownAfter: { client: 3 + 1, server: 7 + 1 },
  },
  ERR_WS_LENGTH_NOT_MINIMAL: {
    closeCode: 1002,
    frames: [hex`82 7e 00 7d`],
    knownAfter: { client: 4, server: 4 },
  },
  ERR_WS_LENGTH_OUT_OF_RANGE: {
    closeCode: 1002,
    frames: [hex`82 7f 80 00 00 00 00 00 00 00`],
    knownAfter: { client: 10, server: 10 },
  },
  ERR_WS_CLOSE_PAYLOAD: {
    closeCode: 1002,
    frames: [hex`88 01 03`],
    knownAfter: { client: 3, server: 7 },
  },
  ERR_WS_CLOSE_CODE: {
    closeCode: 1002,
    frames: [hex`88 02 03 ed`],
    knownAfter: { client: 4, server: 8 },
  },
  ERR_WS_INVALID_UTF8: {
    closeCode: 1007,
    frames: [hex`81 03 41 ff 41`],
    knownAfter: { client: 4, server: 8 },
  },
  ERR_WS_MESSAGE_TOO_BIG: {
    closeCode: 1009,
    frames: [hex`82 7f 00 00 00 00 00 01 00 01`],
    knownAfter: { client: 10, server: 10 },
  },
  ERR_WS_TOO_MANY_FRAGMENTS: {
    closeCode: 1008,
    frames: [hex`02 00`, ...Array.from({ length: 8 }, () => hex`00 00`)],
    knownAfter: { client: 9 * 2, server: 9 * 6 },
  },
};

export const VIOLATIONS: readonly Violation[] = Object.entries(EXAMPLES).map(([code, example]) => ({
  code: code as Provoked,
  ...example,
}));

export function violationsOf(role: Role): Violation[] {
  return VIOLATIONS.filter(({ only }) => only === undefined || only === role);
}

/** The example as the peer of `role` puts it on the wire. */
export function octetsTo(role: Role, { frames, only }: Violation): Uint8Array {
  return only === undefined ? onTheWireTo(role, ...frames) : concat(...frames);
}
