/** The frames of yamux, version 0 (its specification, "Framing"): a header of 12 octets, big-endian. */

export const HEADER_SIZE = 12;

export const FrameType = {
  data: 0,
  windowUpdate: 1,
  ping: 2,
  goAway: 3,
} as const;

/** "Flag Field". */
export const Flag = {
  syn: 0x1,
  ack: 0x2,
  fin: 0x4,
  rst: 0x8,
} as const;

const ALL_FLAGS = 0xf;

/** "Session termination": what a GOAWAY says. */
export const GoAwayCode = {
  normal: 0,
  protocolError: 1,
  internalError: 2,
} as const;

export type GoAwayCode = (typeof GoAwayCode)[keyof typeof GoAwayCode];

/** "StreamID Field": 0 is the session itself. */
export const SESSION_ID = 0;

/** The largest value of a stream id, a length or a window. */
export const MAX_UINT32: number = 2 ** 32 - 1;

/** Writes a header into `octets` from `at` on. */
export function writeHeader(
  octets: Uint8Array,
  at: number,
  type: number,
  flags: number,
  streamId: number,
  length: number,
): void {
  octets[at] = 0;
  octets[at + 1] = type;
  octets[at + 2] = flags >>> 8;
  octets[at + 3] = flags;
  writeUint32(octets, at + 4, streamId);
  writeUint32(octets, at + 8, length);
}

function writeUint32(octets: Uint8Array, at: number, value: number): void {
  octets[at] = value >>> 24;
  octets[at + 1] = value >>> 16;
  octets[at + 2] = value >>> 8;
  octets[at + 3] = value;
}

export function readUint32(octets: Uint8Array, at: number): number {
  const low = (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!;
  return octets[at]! * 0x1000000 + low;
}

/** What is wrong with a header, whoever sent it and whenever; undefined where nothing is. */
export function faultOf(
  version: number,
  type: number,
  flags: number,
  streamId: number,
  length: number,
): string | undefined {
  if (version !== 0) return `version ${version}`;
  if ((flags & ~ALL_FLAGS) !== 0) return `unknown flags 0x${flags.toString(16)}`;
  switch (type) {
    case FrameType.data:
    case FrameType.windowUpdate:
      return streamId === SESSION_ID ? `type ${type} without a stream` : undefined;
    case FrameType.ping:
      if (streamId !== SESSION_ID) return 'a ping on a stream';
      return flags === Flag.syn || flags === Flag.ack ? undefined : 'a ping is SYN or ACK';
    case FrameType.goAway:
      if (streamId !== SESSION_ID || flags !== 0) return 'a GOAWAY with a stream or flags';
      return length > GoAwayCode.internalError ? `GOAWAY ${length}` : undefined;
    default:
      return `unknown type ${type}`;
  }
}
