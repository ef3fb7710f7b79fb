/** RFC 6455 §4.1 — asking over HTTP/1.1, in octets on a transport that is ready. */
import { isTransported, Transport } from '../connection/transport.ts';
import { OpeningStream } from '../connection/opening-stream.ts';
import { HandshakeError, invalidArgument } from '../errors.ts';
import { judgeResponse, type ClientRequest } from '../handshake/client-handshake.ts';
import { HeadReader, parseResponseHead, type ResponseHead } from '../handshake/http1-head.ts';
import type { Duplex } from 'node:stream';
import { answerOn, type Answer, type AskOptions } from './answer.ts';
import { take } from './dial.ts';
import { MAX_INFORMATIONAL, tooManyInformational } from './informational.ts';

/** Sends the head of the request. Destroys the stream when it rejects. */
export async function askOverHttp1(
  duplex: Duplex,
  requestHead: Uint8Array,
  request: ClientRequest,
  options: AskOptions,
): Promise<Answer> {
  if (isTransported(duplex)) throw invalidArgument('transport is used by another connection');
  const stream = new OpeningStream(new Transport(duplex), options);
  take(duplex);
  try {
    stream.transport.write(requestHead);
    const head = await readFinalHead(stream);
    return answerOn(stream, head, head.status === 101, () => judgeResponse(head, request));
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

async function readFinalHead(stream: OpeningStream): Promise<ResponseHead> {
  const reader = new HeadReader();
  for (let informational = 0; ; informational++) {
    const head = parseResponseHead(await stream.readHead(reader));
    if (head instanceof HandshakeError) throw head;
    if (head.status === 101 || head.status >= 200) return head;
    if (informational === MAX_INFORMATIONAL) throw tooManyInformational();
  }
}
