/** RFC 9110 §15.2 — interim responses, as many as a caller may have use for. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ReadHead } from './client/answer-reader.ts';
import { rawHead, streamOf, toRecord } from './caller.ts';
import { responseFields } from './hop-by-hop.ts';

/** Interim responses of one request, and the octets of their heads; more are dropped. */
const MAX_COUNT = 20;
const MAX_OCTETS = 64 * 1024;

export class InterimResponses {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #count = 0;
  #octets = 0;
  #hasContinued = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  /**
   * Passes it on; without a word where the caller cannot take it. Returns whether it is a sign of
   * life, as the first ones are: whoever says nothing else for ever is late all the same.
   */
  pass(interim: ReadHead): boolean {
    const { status, reason } = interim;
    const isEarly = this.#count < MAX_COUNT;
    if (isEarly) this.#count++;
    // §15.2.1: a caller may wait for this one, which is small and is needed once.
    const isAwaited = status === 100 && !this.#hasContinued;
    this.#octets += octetsOf(interim);
    if (!isAwaited && !(isEarly && this.#octets <= MAX_OCTETS)) return isEarly;
    if (status === 100) this.#hasContinued = true;
    const fields = responseFields(interim.fields, { isChunked: false, status });
    try {
      this.#write(status, reason, fields);
    } catch {
      // Nobody counts on an interim response.
    }
    return isEarly;
  }

  #write(status: number, reason: string, fields: string[]): void {
    const response = this.#response;
    if (response.headersSent || response.destroyed) return;
    const stream = streamOf(response);
    if (stream !== undefined) {
      stream.additionalHeaders({ ...toRecord(fields), ':status': status });
      return;
    }
    // RFC 9110 §15.2: HTTP/1.0 did not know them.
    if (this.#request.httpVersionMinor === 0) return;
    if (status === 100) {
      response.writeContinue();
      return;
    }
    const { socket } = response;
    // A caller that does not read would have them kept for it.
    if (socket === null || socket.writableNeedDrain) return;
    // What Node offers for the others, it offers for some of them, and for tame fields.
    socket.write(rawHead(status, reason, fields), 'latin1');
  }
}

function octetsOf({ reason, fields }: ReadHead): number {
  let octets = reason.length;
  // With a colon and a space, or the end of a line, after each.
  for (const text of fields) octets += text.length + 2;
  return octets;
}
