/** One side of a connection under test: what it was told, in order, and the octets it wrote. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CloseFrame, CloseInfo, ErrorCode } from '#src/errors.js';
import {
  MaskingKeys,
  OutputBuffer,
  Protocol,
  resolveLimits,
  type FillRandom,
  type IsUtf8,
  type LimitOptions,
  type MessageType,
  type Role,
  type WriteText,
} from 'framewire/protocol';
import { hex } from 'framewire/testing';
import { concat, KEY, masked, readFrames, slicesOf, type Frame } from './frames.ts';

export const ROLES: readonly Role[] = ['client', 'server'];

export type Event =
  | { readonly text: string }
  | { readonly binary: Uint8Array }
  | { readonly fragment: Uint8Array; readonly type: MessageType; readonly final: boolean }
  | { readonly ping: Uint8Array }
  | { readonly pong: Uint8Array }
  | { readonly close: CloseFrame }
  | { readonly failure: ErrorCode | undefined };

export interface EndpointOptions extends LimitOptions {
  readonly isUtf8?: IsUtf8 | undefined;
  readonly writeText?: WriteText | undefined;
  /** Where a client's keys come from; the key of §5.7 again and again unless told. */
  readonly fillRandom?: FillRandom;
}

export class Endpoint {
  readonly role: Role;
  readonly protocol: Protocol;
  readonly events: Event[] = [];
  /** What is called with each event, at the moment it happens. */
  onEvent: ((event: Event) => void) | undefined;
  readonly #output = new OutputBuffer();

  constructor(role: Role, options: EndpointOptions = {}) {
    this.role = role;
    const { fillRandom = fillWithKey, isUtf8, writeText, ...limits } = options;
    this.protocol = new Protocol({
      role,
      limits: resolveLimits(limits),
      output: this.#output,
      maskingKeys: role === 'client' ? new MaskingKeys(fillRandom) : undefined,
      natives: { isUtf8, writeText },
      sink: {
        onMessage: (type, octets, start, end) => {
          const data = octets.slice(start, end);
          this.#record(
            type === 'text' ? { text: decode(data) } : { binary: Uint8Array.from(data) },
          );
        },
        onFragment: (type, octets, start, end, final) => {
          this.#record({ fragment: octets.slice(start, end), type, final });
        },
        onPing: (octets, start, end) => this.#record({ ping: octets.slice(start, end) }),
        onPong: (octets, start, end) => this.#record({ pong: octets.slice(start, end) }),
        onClose: (close) => this.#record({ close }),
        onFailure: (error) => this.#record({ failure: Reflect.get(error, 'code') as ErrorCode }),
      },
    });
  }

  /**
   * Octets as they are on the wire, in these pieces. Each is a copy that is overwritten afterwards:
   * whoever kept a view of what was lent shows it.
   */
  receive(...chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      const lent = chunk.slice();
      this.protocol.receive(lent);
      lent.fill(0xaa);
    }
  }

  /** Unmasked frames, or beginnings of such; a server is sent them masked, as a client would. */
  receiveFrames(...frames: readonly Uint8Array[]): void {
    this.receive(...frames.map((frame) => onTheWireTo(this.role, frame)));
  }

  /** The octets written since the last call. */
  written(): Uint8Array {
    return concat(...this.#output.take());
  }

  /** The frames written since the last call: masked by a client, and not by a server (§5.1). */
  sent(): Frame[] {
    const frames = readFrames(this.written());
    for (const { key } of frames) assert.equal(key !== undefined, this.role === 'client');
    return frames;
  }

  get closeInfo(): CloseInfo {
    return this.protocol.closeInfo;
  }

  #record(event: Event): void {
    this.events.push(event);
    this.onEvent?.(event);
  }
}

/** One test for each role. */
export function inBothRoles(title: string, body: (role: Role) => void): void {
  for (const role of ROLES) test(`${title} (a ${role} receives)`, () => body(role));
}

export function otherRole(role: Role): Role {
  return role === 'client' ? 'server' : 'client';
}

/** Unmasked frames as the peer of `role` sends them. */
export function onTheWireTo(role: Role, ...frames: readonly Uint8Array[]): Uint8Array {
  return concat(...frames.map((frame) => (role === 'server' ? masked(frame) : frame)));
}

export function receiveSliced(
  endpoint: Endpoint,
  octets: Uint8Array,
  cuts: readonly number[],
): void {
  endpoint.receive(...slicesOf(octets, cuts));
}

/** What is left of an endpoint once it is done: equal for equal behaviour. */
export function outcomeOf(endpoint: Endpoint): object {
  const { state, error, framesReceived } = endpoint.protocol;
  return {
    events: endpoint.events,
    written: endpoint.written(),
    state,
    error: error?.message,
    closeInfo: endpoint.closeInfo,
    // A frame that is bad in its middle is complete or not by then.
    frames: error === undefined ? framesReceived : undefined,
  };
}

/**
 * §7.1.7: the connection has failed with this error, once; the last that was written is a Close with
 * the code and a short reason; and whatever else arrives is neither read nor answered.
 */
export function assertFailed(endpoint: Endpoint, code: ErrorCode, closeCode: number): void {
  const { protocol, events } = endpoint;
  const failures = events.filter((event) => 'failure' in event);
  assert.deepEqual(failures, [{ failure: code }]);
  assert.deepEqual(events.at(-1), { failure: code }, 'nothing happens after a failure');
  const frames = endpoint.sent();
  const close = frames.at(-1);
  assert.ok(close !== undefined, 'a Close was sent');
  assertClose(close, closeCode);
  assert.equal(frames.filter(({ opcode }) => opcode === 0x8).length, 1);
  assert.equal(protocol.state, 'closed');
  assert.equal(protocol.isOpen, false);
  assert.equal(protocol.shouldEndTransport, true);
  assert.equal(endpoint.closeInfo.wasClean, false);
  assert.equal(endpoint.closeInfo.sent?.code, closeCode);
  assert.equal(endpoint.closeInfo.error, protocol.error);
  assertDeaf(endpoint);
}

/** Nothing that arrives changes anything any more. */
export function assertDeaf(endpoint: Endpoint): void {
  const events = endpoint.events.length;
  const { framesReceived } = endpoint.protocol;
  const later = [hex`81 05 48 65 6c 6c 6f`, hex`89 00`, hex`88 02 03 e8`, hex`ff ff`];
  endpoint.receiveFrames(...later);
  endpoint.receive(new Uint8Array(64));
  assert.equal(endpoint.events.length, events, 'nothing is delivered');
  assert.equal(endpoint.written().length, 0, 'nothing is answered');
  assert.equal(endpoint.protocol.framesReceived, framesReceived, 'nothing is read');
}

/** A Close of ours on account of an error: the code, and a sentence that fits. */
export function assertClose({ fin, rsv, opcode, payload }: Frame, closeCode: number): void {
  assert.deepEqual({ fin, rsv, opcode }, { fin: true, rsv: 0, opcode: 0x8 });
  assert.equal((payload[0]! << 8) | payload[1]!, closeCode);
  const reason = decode(payload.subarray(2));
  assert.match(reason, /^[a-z][^\n]+$/iu);
  assert.ok(payload.length <= 125);
}

/** Nothing has gone wrong. */
export function assertOpen(endpoint: Endpoint): void {
  assert.equal(endpoint.protocol.error, undefined);
  assert.equal(endpoint.protocol.state, 'open');
}

/** An error of the wanted class with the library's code. */
export function isMistake(type: ErrorConstructor, code: ErrorCode, message: RegExp = /./u) {
  return (error: unknown): true => {
    assert.ok(error instanceof Error);
    assert.equal(error.constructor, type);
    assert.equal(Reflect.get(error, 'code'), code);
    assert.match(error.message, message);
    return true;
  };
}

export const isOutOfRange = isMistake(RangeError, 'ERR_WS_INVALID_ARGUMENT');

export function decode(octets: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
}

function fillWithKey(target: Uint8Array): void {
  for (let at = 0; at < target.length; at += KEY.length) target.set(KEY, at);
}
