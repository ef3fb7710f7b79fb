/** WebSockets for Node.js: client and server by RFC 6455. This page is the table of contents. */

// Opening connections.
export { connect } from './client/connect.ts';
export type { ConnectOptions, HeadersFunction } from './client/connect-options.ts';
export type { Authentication } from './client/authentication.ts';
export type { CookieJar } from './client/cookies.ts';
export type { Dial, DialTarget, ProxyFunction, TcpOptions } from './client/dial.ts';
export type { ProxyChoice, ProxyOptions } from './client/proxy.ts';
export { reconnecting } from './client/reconnecting.ts';
export type { BackoffOptions } from './client/backoff.ts';
export type { ConnectionEnd, ConnectionStart, ReconnectingOptions } from './client/reconnecting.ts';
export { WebSocketServer } from './server/server.ts';
export type {
  AnyHttpServer,
  AttachOptions,
  BroadcastOptions,
  CloseOptions,
} from './server/server.ts';
export type { ListenAddress, ListenOptions } from './server/listener.ts';
export type {
  Acceptance,
  Decision,
  OriginChoice,
  PathPattern,
  Refusal,
  RefusalError,
  RefusalResponse,
  ServerOptions,
  SubprotocolChoice,
} from './server/server-options.ts';
export type { HandshakeRequest } from './server/handshake-request.ts';
export type { HeaderMap, HeadersLike } from './handshake/header-values.ts';

// Using them.
export { Connection } from './connection/connection.ts';
export type { PingOptions, ReadyState } from './connection/connection.ts';
export type { ConnectionHandler } from './connection/handler.ts';
export type { ConnectionOptions, HeartbeatOptions } from './connection/options.ts';
export type { LimitOptions } from './protocol/limits.ts';
export type { PerMessageDeflateOptions } from './extensions/deflate-options.ts';
export type { DeflateAgreement } from './extensions/permessage-deflate.ts';
export type { MessageType, Role } from './protocol/opcode.ts';
export { prepareMessage } from './connection/message.ts';
export type { Message, Sendable, SendOptions } from './connection/message.ts';
export type { PreparedMessage } from './protocol/prepared-message.ts';
export type { MessageStream } from './connection/message-stream.ts';
export type { StreamSource } from './connection/send-queue.ts';
export { json, message, type Codec, type CodecConnection } from './connection/codec.ts';
export type { WebStreams } from './connection/views.ts';
export { systemClock, type Clock, type Timer } from './connection/clock.ts';

// How they end, and what can go wrong.
export { CloseCode } from './protocol/close-code.ts';
export {
  ConnectionClosedError,
  ERROR_CODES,
  FramewireError,
  HandshakeError,
  LimitError,
  ProtocolError,
  TimeoutError,
} from './errors.ts';
export type {
  CloseFrame,
  CloseInfo,
  ErrorCode,
  HandshakeErrorCode,
  HandshakeErrorDetails,
  LimitErrorCode,
  ProtocolErrorCode,
  TimeoutErrorCode,
  UsageErrorCode,
} from './errors.ts';
