/**
 * RFC 6455 without I/O: for whoever brings a transport of their own. Pure: no Node.js module, no
 * timer, no `Buffer`; runs wherever JavaScript does.
 */
export { CloseCode, isCloseCodeOnWire } from './close-code.ts';
export { closingSteps, type ClosingState, type ClosingStep } from './closing.ts';
export type { ProtocolSink } from './events.ts';
export type { WriteText } from './frame-encoder.ts';
export type { Inflater, InflaterSource, InflateStep, InflateWaiter } from './inflater.ts';
export { resolveLimits, type LimitOptions, type Limits } from './limits.ts';
export { MaskingKeys, type ApplyMask, type FillRandom } from './masking.ts';
export { Opcode, type MessageType, type Role } from './opcode.ts';
export type { ProtocolNatives } from './natives.ts';
export type { Allocate } from './octets.ts';
export { MAX_RESERVATION, OutputBuffer, type Output } from './output.ts';
export { PreparedMessage } from './prepared-message.ts';
export { Protocol, type ProtocolOptions } from './protocol.ts';
export type { IsUtf8 } from './utf8.ts';
