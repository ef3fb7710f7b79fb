/** What a server answers to an opening handshake, whatever the version of HTTP. */
import type { Early, OpeningStream } from '../connection/opening-stream.ts';
import type { Transport } from '../connection/transport.ts';
import type { CloseInfo, HandshakeError } from '../errors.ts';
import type { Agreement } from '../handshake/client-handshake.ts';
import type { HeaderMap } from '../handshake/header-values.ts';
import type { DialOptions } from './dial.ts';
import type { OctetSource } from './refusal.ts';

export interface AskOptions extends DialOptions {
  /** Milliseconds that the socket of a session may outlive the last connection on it. */
  readonly closeTimeout: number;
  /** For the errors. */
  readonly url: string;
}

export interface FinalHead {
  readonly status: number;
  /** The server's own words, or the empty string. */
  readonly reason: string;
  readonly headers: HeaderMap;
  /** The values of Set-Cookie, which cannot be joined (RFC 6265 §3). */
  readonly cookies: readonly string[];
}

/** Whoever has one either releases it or destroys it. */
export type Answer = Accepted | Refused;

/** The status is that of success. */
export interface Accepted {
  readonly isAccepted: true;
  readonly head: FinalHead;
  /** Whether the rest is, too. */
  judge(): Agreement | HandshakeError;
  /** Gives the transport to whoever comes next, with what has arrived on it. */
  release(): { readonly transport: Transport; readonly early: Early };
  /** To be told how the connection ended, where others share what it was on. */
  readonly onEnd: ((info: CloseInfo) => void) | undefined;
  destroy(): void;
}

export interface Refused {
  readonly isAccepted: false;
  readonly head: FinalHead;
  /** What follows the head. */
  readonly body: OctetSource;
  destroy(): void;
}

/** An answer that came over a stream of octets. */
export function answerOn(
  stream: OpeningStream,
  head: FinalHead,
  isAccepted: boolean,
  judge: () => Agreement | HandshakeError,
  onEnd?: (info: CloseInfo) => void,
): Answer {
  const destroy = (): void => stream.destroy();
  if (!isAccepted) return { isAccepted, head, body: stream, destroy };
  const release: Accepted['release'] = () => ({
    transport: stream.transport,
    early: stream.release(),
  });
  return { isAccepted, head, judge, release, onEnd, destroy };
}
