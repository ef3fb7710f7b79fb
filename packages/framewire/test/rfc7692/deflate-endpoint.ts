/** One side of a connection with permessage-deflate: the machine, with the inflaters of the library. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Compression } from '#src/extensions/compression.js';
import { resolveDeflateOptions } from '#src/extensions/deflate-options.js';
import type { DeflateAgreement } from '#src/extensions/permessage-deflate.js';
import type { InflateWaiter } from '#src/protocol/inflater.js';
import {
  resolveLimits,
  MaskingKeys,
  OutputBuffer,
  Protocol,
  type IsUtf8,
  type LimitOptions,
  type Role,
} from 'framewire/protocol';
import { type ErrorCode } from '#src/errors.js';
import { assertClose, decode, onTheWireTo, ROLES, type Event } from '../protocol/endpoint.ts';
import { concat, readFrames, type Frame } from '../protocol/frames.ts';
import type { Way } from './compressed.ts';

export interface DeflateEndpointOptions extends LimitOptions, Way {
  readonly isUtf8?: IsUtf8;
}

function agreementOf({ takeover = false, bits = 15 }: Way): DeflateAgreement {
  return {
    serverNoContextTakeover: !takeover,
    clientNoContextTakeover: !takeover,
    serverMaxWindowBits: bits,
    clientMaxWindowBits: bits,
  };
}

export class DeflateEndpoint implements InflateWaiter {
  readonly role: Role;
  readonly protocol: Protocol;
  readonly events: Event[] = [];
  readonly #output = new OutputBuffer();
  #onInflated: (() => void) | undefined;

  constructor(role: Role, options: DeflateEndpointOptions = {}) {
    this.role = role;
    const settings = resolveDeflateOptions({});
    this.protocol = new Protocol({
      role,
      limits: resolveLimits(options),
      output: this.#output,
      maskingKeys: role === 'client' ? new MaskingKeys((target) => target.fill(0x37)) : undefined,
      natives: { isUtf8: options.isUtf8 },
      inflaters: new Compression(role, agreementOf(options), 'permessage-deflate', settings),
      inflateWaiter: this,
      sink: {
        onMessage: (type, octets, start, end) => {
          const data = octets.slice(start, end);
          this.events.push(
            type === 'text' ? { text: decode(data) } : { binary: Uint8Array.from(data) },
          );
        },
        onFragment: (type, octets, start, end, final) => {
          const fragment = Uint8Array.from(octets.subarray(start, end));
          this.events.push({ fragment, type, final });
        },
        onPing: (octets, start, end) => this.events.push({ ping: octets.slice(start, end) }),
        onPong: (octets, start, end) => this.events.push({ pong: octets.slice(start, end) }),
        onClose: (close) => this.events.push({ close }),
        onFailure: (error) => {
          this.events.push({ failure: Reflect.get(error, 'code') as ErrorCode });
        },
      },
    });
  }

  onInflated(): void {
    this.#onInflated?.();
  }

  /**
   * Octets as they are on the wire, in these pieces. Each is a copy of which all that was read is
   * overwritten at once, also while it is still inflated.
   */
  async receive(...chunks: readonly Uint8Array[]): Promise<this> {
    for (const chunk of chunks) {
      const lent = chunk.slice();
      let read = this.protocol.receive(lent);
      lent.fill(0xaa, 0, read);
      while (this.protocol.inflating !== 'no' || read < lent.length) {
        if (this.protocol.inflating === 'waiting') await this.#inflated();
        read += this.protocol.receive(lent.subarray(read));
        lent.fill(0xaa, 0, read);
      }
    }
    return this;
  }

  /** Unmasked frames; a server is sent them masked, as a client would. */
  receiveFrames(...frames: readonly Uint8Array[]): Promise<this> {
    return this.receive(...frames.map((frame) => onTheWireTo(this.role, frame)));
  }

  /** The frames written since the last call. */
  sent(): Frame[] {
    return readFrames(concat(...this.#output.take()));
  }

  /** Ends it within a message or between two: nothing stays open. */
  end(): void {
    this.protocol.receiveEnd();
  }

  #inflated(): Promise<void> {
    return new Promise((resolve) => {
      this.#onInflated = resolve;
    });
  }
}

/** §7.1.7: the connection has failed with this error; its Close, with the code, is all that was sent. */
export function assertFailed(endpoint: DeflateEndpoint, code: ErrorCode, closeCode: number): void {
  assert.deepEqual(endpoint.events.at(-1), { failure: code });
  const [close, ...others] = endpoint.sent().filter(({ opcode }) => opcode === 0x8);
  assert.ok(close !== undefined && others.length === 0, 'one Close was sent');
  assertClose(close, closeCode);
  assert.equal(endpoint.protocol.shouldEndTransport, true);
}

/** One test for each role. */
export function inBothRoles(title: string, body: (role: Role) => Promise<void>): void {
  for (const role of ROLES) test(`${title} (a ${role} receives)`, () => body(role));
}

/** One test for each role, with its messages referring to earlier ones and without. */
export function inAllWays(
  title: string,
  body: (role: Role, takeover: boolean) => Promise<void>,
): void {
  for (const takeover of [true, false]) {
    const how = takeover ? 'with' : 'without';
    inBothRoles(`${title}, ${how} context takeover`, (role) => body(role, takeover));
  }
}
