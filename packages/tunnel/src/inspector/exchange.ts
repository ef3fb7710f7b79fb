/** One request and its answer, as they were recorded. */
import type { IncomingMessage } from 'node:http';
import type { OnlookedServer } from '../agent/onlooker.ts';
import type { ForwardOutcome } from '../http/forward.ts';
import { CapturedOctets } from './captured-octets.ts';
import { WebSocketLog } from './websocket-log.ts';

export interface RecordedAnswer {
  readonly status: number;
  readonly reason: string;
  /** Names and values in turn. */
  readonly fields: readonly string[];
}

export interface ExchangeOrigin {
  readonly id: number;
  readonly isUpgrade: boolean;
  readonly server: OnlookedServer;
  /** The exchange that this one repeats. */
  readonly replayOf: number | undefined;
  /** Octets kept of each body. */
  readonly maxBody: number;
}

export class Exchange {
  readonly id: number;
  readonly at: number = Date.now();
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  /** Names and values in turn. */
  readonly fields: readonly string[];
  readonly isUpgrade: boolean;
  readonly server: OnlookedServer;
  readonly replayOf: number | undefined;
  requestBody: CapturedOctets;
  answerBody: CapturedOctets;
  answer: RecordedAnswer | undefined;
  answerTrailers: readonly string[] = [];
  requestTrailers: readonly string[] = [];
  outcome: ForwardOutcome | undefined;
  /** Messages of a WebSocket, once the upgrade was granted. */
  webSocket: WebSocketLog | undefined;
  /** Milliseconds until the head of the answer; the outcome has it more exactly. */
  answeredAt: number | undefined;
  /** Octets that all of this takes, about. */
  weight = 0;

  constructor(request: IncomingMessage, origin: ExchangeOrigin) {
    const { method = '', url = '', httpVersion, rawHeaders } = request;
    this.id = origin.id;
    this.method = method;
    this.target = url;
    this.httpVersion = httpVersion;
    this.fields = rawHeaders;
    this.isUpgrade = origin.isUpgrade;
    this.server = origin.server;
    this.replayOf = origin.replayOf;
    this.requestBody = new CapturedOctets(origin.maxBody);
    this.answerBody = new CapturedOctets(origin.maxBody);
    this.weight = 1024 + method.length + url.length + weigh(rawHeaders);
  }

  get isUpgraded(): boolean {
    return this.isUpgrade && this.answer?.status === 101;
  }

  /** It is not kept any more, but whoever passes it on still knows it: its octets go now. */
  release(): void {
    this.requestBody = new CapturedOctets(0);
    this.answerBody = new CapturedOctets(0);
    this.webSocket = undefined;
  }

  /** How much heavier it has become. */
  onAnswer(head: RecordedAnswer, maxBody: number): number {
    this.answer = { ...head, fields: [...head.fields] };
    this.answeredAt = Date.now() - this.at;
    const protocol = fieldOf(this.fields, 'upgrade');
    if (this.isUpgraded && protocol?.toLowerCase() === 'websocket') {
      this.webSocket = new WebSocketLog(
        fieldOf(head.fields, 'sec-websocket-extensions') ?? '',
        maxBody,
      );
    }
    return weigh(head.fields);
  }

  onChunk(side: 'request' | 'answer', chunk: Uint8Array): number {
    const body = side === 'request' ? this.requestBody : this.answerBody;
    if (this.webSocket === undefined) return body.add(chunk);
    const before = this.webSocket.weight;
    this.webSocket.add(side, chunk);
    return this.webSocket.weight - before;
  }
}

/** The first value of a field whose name is given in lower case. */
export function fieldOf(fields: readonly string[], name: string): string | undefined {
  for (let index = 0; index + 1 < fields.length; index += 2) {
    if (fields[index]!.toLowerCase() === name) return fields[index + 1];
  }
  return undefined;
}

function weigh(fields: readonly string[]): number {
  return fields.reduce((sum, text) => sum + text.length + 16, 0);
}
