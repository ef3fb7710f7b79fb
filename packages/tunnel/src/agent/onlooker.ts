/** Who is shown what an agent passes on, such as the inspector. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { attempt } from '../tell.ts';
import type { AnswerHead, ForwardOutcome } from '../http/forward.ts';

/** Who is shown each request, and how it ended. What it throws is a warning, and no more is told of that request. */
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
  /** Not called for interim responses. */
  readonly onAnswer?: (head: AnswerHead) => void;
  readonly onRequestChunk?: (chunk: Uint8Array) => void;
  readonly onAnswerChunk?: (chunk: Uint8Array) => void;
  /** Names and values in turn, as they came. Not called where there are none. */
  readonly onAnswerTrailers?: (trailers: readonly string[]) => void;
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

/** What it throws does not get to those who are served. */
export function guarded(onlooker: Onlooker): Onlooker {
  return {
    onRequest: (request, isUpgrade, server) => {
      const one = attempt(() => onlooker.onRequest(request, isUpgrade, server));
      return one === undefined ? undefined : guardedOne(one);
    },
  };
}

function guardedOne(one: OnlookerOfOne): OnlookerOfOne {
  let isGood = true;
  const guard =
    <Arguments extends unknown[]>(told: ((...values: Arguments) => void) | undefined) =>
    (...values: Arguments): void => {
      if (!isGood) return;
      isGood = false;
      attempt(() => {
        told?.(...values);
        isGood = true;
      });
    };
  return {
    onAnswer: guard(one.onAnswer),
    onRequestChunk: guard(one.onRequestChunk),
    onAnswerChunk: guard(one.onAnswerChunk),
    onAnswerTrailers: guard(one.onAnswerTrailers),
    onOutcome: guard(one.onOutcome),
  };
}
