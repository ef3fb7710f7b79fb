/** A request for an opening handshake and the way to answer it, whatever the version of HTTP. */
import type { IncomingMessage } from 'node:http';
import type { HandshakeError } from '../errors.ts';
import type { HeaderMap, HeadersLike } from '../handshake/header-values.ts';
import type { ServerOffer } from '../handshake/server-handshake.ts';

export interface Exchange {
  readonly method: 'GET' | 'CONNECT';
  readonly httpVersion: '1.1' | '2';
  /** As it was sent. */
  readonly target: string;
  readonly headers: HeaderMap;
  /** Node's request, where the handshake came through an HTTP/1.1 server of Node. */
  readonly message: IncomingMessage | undefined;
  /** What is asked for, or why it cannot be answered with a connection. */
  judge(): ServerOffer | HandshakeError;
  /**
   * Composes the answer that opens the connection, and returns the function that sends it. Throws a
   * TypeError for what cannot be sent.
   */
  accept(
    offer: ServerOffer,
    protocol: string | undefined,
    extensions: string | undefined,
    headers: HeadersLike | undefined,
  ): () => void;
  /** Answers with a refusal, after which the transport ends. Throws a TypeError as `accept`. */
  refuse(status: number, headers: HeadersLike | undefined, body: string): void;
}
