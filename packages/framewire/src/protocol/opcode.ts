/** RFC 6455 §5.2 and §11.8: what a frame is for. */
export const Opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** §5.5: the most significant bit of a control frame's opcode is 1. */
export function isControl(opcode: number): boolean {
  return (opcode & 0x8) !== 0;
}

/** §5.2: 3–7 and 0xB–0xF are reserved. */
export function isReserved(opcode: number): boolean {
  return (opcode & 0x7) > 0x2;
}

/** What a user sends and receives: text or binary (§5.6). */
export type MessageType = 'text' | 'binary';

export type Role = 'client' | 'server';
