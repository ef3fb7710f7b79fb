/**
 * One WebSocket per request, in its simplest form: the agent keeps some open that nobody uses, the relay
 * takes one for each request, and it is closed after the answer. Requests have no content. A head is a
 * text message of JSON, the content of an answer follows in binary ones.
 */

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly string[];
}
