/** A raw TCP or TLS stream → the head of a request, read strictly and in bounded time. */
import type { OpeningStream } from '../connection/opening-stream.ts';
import { HandshakeError } from '../errors.ts';
import {
  DEFAULT_HEAD_LIMITS,
  HeadReader,
  parseRequestHead,
  type RequestHead,
} from '../handshake/http1-head.ts';

/** Rejects with what is wrong with the head, or with the failure of the stream. */
export async function readRequestHead(stream: OpeningStream): Promise<RequestHead> {
  const reader = new HeadReader(DEFAULT_HEAD_LIMITS, 'request');
  for (;;) {
    const chunk = await stream.next();
    if (chunk === undefined) throw new HandshakeError('ERR_WS_NETWORK', 'it ended early');
    const result = reader.push(chunk);
    if (result.kind === 'refusal') throw result.error;
    if (result.kind === 'needMore') continue;
    stream.unread(result.rest);
    const head = parseRequestHead(result.head);
    if (head instanceof HandshakeError) throw head;
    return head;
  }
}
