/** RFC 8441 §5 — asking over HTTP/2, with an extended CONNECT on a session that is open. */
import type { ClientHttp2Stream } from 'node:http2';
import { REFUSED_STREAM } from '../connection/http2-stream.ts';
import { OpeningStream } from '../connection/opening-stream.ts';
import { Transport } from '../connection/transport.ts';
import { HandshakeError } from '../errors.ts';
import type { ClientRequest } from '../handshake/client-handshake.ts';
import { judgeConnectResponse, type FieldRecord } from '../handshake/extended-connect.ts';
import { answerOn, type Answer, type AskOptions, type FinalHead } from './answer.ts';
import type { Farewell, Http2Session } from './http2-session.ts';
import { MAX_INFORMATIONAL, tooManyInformational } from './informational.ts';

/** Undefined if the server has not looked at the request, so that it can be repeated (RFC 9113 §8.7). */
export async function askOverHttp2(
  session: Http2Session,
  fields: FieldRecord,
  request: ClientRequest,
  options: AskOptions,
): Promise<Answer | undefined> {
  const requested = send(session, fields, options);
  const stream = new OpeningStream(new Transport(requested), options);
  try {
    const head = await stream.race(finalHead(requested));
    const isAccepted = head.status >= 200 && head.status <= 299;
    return answerOn(stream, head, isAccepted, () => judgeConnectResponse(head, request));
  } catch (error) {
    stream.destroy();
    const isRefused = requested.rstCode === REFUSED_STREAM;
    // A server that says nothing may be one that is not there any more: nobody else has to wait for it.
    if (isRefused || options.deadline.isTimeout) session.drain();
    if (isRefused) return undefined;
    throw error;
  }
}

function send(session: Http2Session, fields: FieldRecord, farewell: Farewell): ClientHttp2Stream {
  try {
    return session.request(fields, farewell);
  } catch (cause) {
    throw new HandshakeError('ERR_WS_NETWORK', (cause as Error).message, { cause });
  }
}

function finalHead(stream: ClientHttp2Stream): Promise<FinalHead> {
  return new Promise((resolve, reject) => {
    let informational = 0;
    const onInformational = (): void => {
      informational++;
      if (informational > MAX_INFORMATIONAL) reject(tooManyInformational());
    };
    stream.on('headers', onInformational);
    stream.once('response', (fields) => {
      stream.off('headers', onInformational);
      const { ':status': status = 0, 'set-cookie': cookies = [], ...rest } = fields;
      const headers = new Map<string, string>();
      for (const [name, value] of Object.entries(rest)) headers.set(name, String(value));
      if (cookies.length > 0) headers.set('set-cookie', cookies.join(', '));
      resolve({ status, reason: '', headers, cookies });
    });
  });
}
