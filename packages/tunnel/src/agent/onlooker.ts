/** Who is shown what an agent passes on, such as the inspector. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AnswerHead, ForwardOutcome } from '../http/forward.ts';

/** Who is shown each request, and how it ended. What it throws is not caught. */
export interface Onlooker {
  /** Of a request that begins, and by whom it is served; what it returns is told of the rest. */
  onRequest(
    request: IncomingMessage,
    isUpgrade: boolean,
    server: OnlookedServer,
  ): OnlookerOfOne | undefined;
}

/** Chunks are not to be changed or kept. The functions are called without `this`. */
export interface OnlookerOfOne {
  /** Not called for interim responses; without `answer` where a function answers. */
  readonly onAnswer?: (head: AnswerHead, answer?: IncomingMessage) => void;
  readonly onRequestChunk?: (chunk: Uint8Array) => void;
  readonly onAnswerChunk?: (chunk: Uint8Array) => void;
  /** The last call. */
  readonly onOutcome: (outcome: ForwardOutcome) => void;
}

/** Whoever serves what is looked at. */
export interface OnlookedServer {
  /** As it is shown. */
  readonly target: string;
  /** Takes a connection of HTTP as if the relay had opened it: so that something is asked again. */
  accept(connection: Duplex): void;
}
