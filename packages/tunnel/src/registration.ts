/** What agent and relay say to each other in the opening handshake of their session. */

/** The subprotocol of the native protocol; without it, an agent speaks that of wsp. */
export const MUX_PROTOCOL = 'framewire.mux.v1';

/** Where agents register, as with wsp. */
export const REGISTER_PATH = '/register';

/** The names an agent wants to serve, separated by commas. */
export const NAMES_HEADER = 'X-Tunnel-Names';

/** Says `1` where nobody else may serve the names meanwhile. */
export const EXCLUSIVE_HEADER = 'X-Tunnel-Exclusive';

/** What an agent calls itself: the same on all of its connections. */
export const AGENT_HEADER = 'X-Tunnel-Agent';

/** The Host that the target is told in place of the one the caller has asked for. */
export const HOST_HEADER = 'X-Tunnel-Host';

/** Streams at a time that the agent takes on this connection. */
export const STREAMS_HEADER = 'X-Tunnel-Streams';

/** Of the relay's 101: where the world reaches the names, separated by commas. */
export const URLS_HEADER = 'X-Tunnel-Urls';

/** Of a refusal, and of an answer that the tunnel gives in place of the target: the error's code. */
export const ERROR_HEADER = 'X-Tunnel-Error';

/** How each side finds out that the other is gone. */
export interface LivenessOptions {
  /** Milliseconds of silence after which a ping is sent. Default 15 000. */
  readonly pingInterval?: number | undefined;
  /** Milliseconds after that ping within which something must come. Default 15 000. */
  readonly pingTimeout?: number | undefined;
}

/** RFC 1035 §2.3.1: a label of a host name, in lower case; underscores are left to wsp's greeting. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u;

export function isName(text: string): boolean {
  return NAME.test(text);
}

/** A list of names in a header; undefined if one of them is none, or there are too many. */
export function parseNames(value: string): readonly string[] | undefined {
  const names = value.split(',').map((name) => name.trim().toLowerCase());
  const isGood = names.length <= MOST_NAMES && names.every(isName);
  return isGood ? [...new Set(names)] : undefined;
}

const MOST_NAMES = 64;

/** Octets of one message, either way: senders keep to half of it. */
export const MAX_MESSAGE_SIZE: number = 128 * 1024;
