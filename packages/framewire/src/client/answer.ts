/** What a server answers to an opening handshake, whatever the version of HTTP. */
import type { Clock } from '../connection/clock.ts';
import type { Early, OpeningStream } from '../connection/opening-stream.ts';
import type { Transport } from '../connection/transport.ts';
import type { HandshakeError } from '../errors.ts';
import type { Agreement } from '../handshake/client-handshake.ts';
import type { HeaderMap } from '../handshake/header-values.ts';
import type { Deadline } from './deadline.ts';
import type { OctetSource } from './refusal.ts';

export interface AskOptions {
  readonly clock: Clock;
  readonly deadline: Deadline;
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
export interface Answer {
  readonly head: FinalHead;
  /** The status is that of success; `judge` says whether the rest is. */
  readonly isAccepted: boolean;
  judge(): Agreement | HandshakeError;
  /** Of a refusal, what follows the head. */
  readonly body: OctetSource;
  /** Gives the transport to whoever comes next, with what has arrived on it. */
  release(): { readonly transport: Transport; readonly early: Early };
  destroy(): void;
}

/** An answer that came over a stream of octets. */
export function answerOn(
  stream: OpeningStream,
  head: FinalHead,
  isAccepted: boolean,
  judge: () => Agreement | HandshakeError,
): Answer {
  return {
    head,
    isAccepted,
    judge,
    body: stream,
    release: () => ({ transport: stream.transport, early: stream.release() }),
    destroy: () => stream.destroy(),
  };
}
