/** Messages as zlib alone compresses them, and connections on which they may be sent. */
import { constants, deflateRawSync, inflateRawSync, type ZlibOptions } from 'node:zlib';
import { connect, WebSocketServer, type PerMessageDeflateOptions, type Role } from 'framewire';
import { memoryPair } from 'framewire/testing';
import type { Opened, OpenOptions } from '../connection/opening.ts';
import { RawPeer, within } from '../connection/raw-peer.ts';
import { concat } from '../protocol/frames.ts';

/** What §7.2.1 leaves out at the end of a message. */
export const TAIL: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

/** The payload of a message (§7.2.1); with `dictionary` it may refer to what was sent before. */
export function deflated(octets: Uint8Array, options: ZlibOptions = {}): Uint8Array {
  const whole = deflateRawSync(octets, { finishFlush: constants.Z_SYNC_FLUSH, ...options });
  return Uint8Array.from(whole.subarray(0, -TAIL.length));
}

/** What a payload is to a peer (§7.2.2). */
export function inflated(payload: Uint8Array, options: ZlibOptions = {}): Uint8Array {
  const whole = concat(payload, TAIL);
  return Uint8Array.from(
    inflateRawSync(whole, { finishFlush: constants.Z_SYNC_FLUSH, ...options }),
  );
}

/** `count` octets that do not get any smaller, the same for the same seed. */
export function noise(count: number, seed: number = 1): Uint8Array {
  let state = seed;
  return new Uint8Array(count).map(() => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 24;
  });
}

/** How both sides of a connection compress. */
export interface Way {
  /** Messages may refer to earlier ones; they do not unless told. */
  readonly takeover?: boolean;
  /** The windows; 15 unless told. */
  readonly bits?: number;
}

/** A connection of the role that compresses all messages that it is not told not to. */
export async function openCompressed(
  role: Role,
  { takeover = false, bits = 15 }: Way = {},
  options: OpenOptions = {},
  more: PerMessageDeflateOptions = {},
): Promise<Opened> {
  const perMessageDeflate: PerMessageDeflateOptions = {
    serverNoContextTakeover: !takeover,
    clientNoContextTakeover: !takeover,
    serverMaxWindowBits: bits,
    clientMaxWindowBits: bits,
    threshold: 0,
    ...more,
  };
  const contexts = takeover ? '' : '; server_no_context_takeover; client_no_context_takeover';
  const windows = `; server_max_window_bits=${bits}; client_max_window_bits=${bits}`;
  const extension = { 'Sec-WebSocket-Extensions': `permessage-deflate${contexts}${windows}` };
  const [near, far] = memoryPair();
  if (role === 'client') {
    const peer = new RawPeer(far, 'server');
    const connecting = connect('ws://test.example/', {
      ...options,
      perMessageDeflate,
      transport: near,
    });
    await peer.openAsServer(extension);
    return { connection: await within(connecting, 'connect'), peer };
  }
  const peer = new RawPeer(far, 'client');
  const serving = new WebSocketServer({ ...options, perMessageDeflate }).serve(near);
  await peer.openAsClient(extension);
  return { connection: await within(serving, 'serve'), peer };
}
