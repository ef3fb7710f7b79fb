/** RFC 8441 §5 — asking over HTTP/2, with an extended CONNECT on a session that is open. */
import type { ClientHttp2Stream } from 'node:http2';
import { HTTP_1_1_REQUIRED, REFUSED_STREAM } from '../connection/http2-stream.ts';
import { OpeningStream } from '../connection/opening-stream.ts';
import { Transport } from '../connection/transport.ts';
import { HandshakeError, TimeoutError } from '../errors.ts';
import type { Agreement, ClientRequest } from '../handshake/client-handshake.ts';
import { judgeConnectResponse, type FieldRecord } from '../handshake/extended-connect.ts';
import { answerOn, type Answer, type AskOptions, type FinalHead } from './answer.ts';
import type { Farewell, Http2Session } from './http2-session.ts';
import { MAX_INFORMATIONAL, tooManyInformational } from './informational.ts';

/**
 * No answer is one too: `again` of a server that has not looked at the request, so that it can be
 * repeated (RFC 9113 §8.7), and `http1` of one that wants it by HTTP/1.1 (§7).
 */
export async function askOverHttp2(
  session: Http2Session,
  fields: FieldRecord,
  request: ClientRequest,
  options: AskOptions,
): Promise<Answer | 'again' | 'http1'> {
  const requested = send(session, fields, options);
  const stream = new OpeningStream(new Transport(requested), options);
  try {
    const head = await stream.race(finalHead(requested));
    const isAccepted = head.status >= 200 && head.status <= 299;
    const judge = (): Agreement | HandshakeError => judgeConnectResponse(head, request);
    return answerOn(stream, head, isAccepted, judge, ({ error }) => {
      if (isSilence(error)) session.drain();
    });
  } catch (error) {
    stream.destroy();
    const { rstCode } = requested;
    if (rstCode === REFUSED_STREAM || options.deadline.isTimeout) session.drain();
    if (rstCode === REFUSED_STREAM) return 'again';
    if (rstCode === HTTP_1_1_REQUIRED) return 'http1';
    throw error;
  }
}

/**
 * A server that says nothing, or takes nothing, may be one that is not there any more: nobody else is
 * to be sent to it, least of all the successor of the connection that has found out.
 */
function isSilence(error: Error | undefined): boolean {
  if (!(error instanceof TimeoutError)) return false;
  return error.code === 'ERR_WS_PONG_TIMEOUT' || error.code === 'ERR_WS_SEND_TIMEOUT';
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
