/** RFC 6455 §4 — the opening handshake: header maps and octets in, header maps and octets out. */
export { acceptFor, createKey, isValidKey } from './accept-key.ts';
export { clientRequestHead, judgeResponse } from './client-handshake.ts';
export type { Agreement, ClientRequest } from './client-handshake.ts';
export {
  equalsToken,
  hasToken,
  headerEntries,
  headersFromRaw,
  isToken,
  parseExtensions,
  parseTokenList,
} from './header-values.ts';
export type {
  ExtensionElement,
  ExtensionParameter,
  HeaderMap,
  HeadersLike,
} from './header-values.ts';
export {
  DEFAULT_HEAD_LIMITS,
  HeadReader,
  parseRequestHead,
  parseResponseHead,
  reasonPhrase,
  serializeRequestHead,
  serializeResponseHead,
} from './http1-head.ts';
export type { HeadLimits, HeadResult, RequestHead, ResponseHead } from './http1-head.ts';
export { checkOriginPatterns, isOriginAllowed } from './origin.ts';
export type { OriginPolicy } from './origin.ts';
export { isHost, splitTarget } from './request-target.ts';
export type { RequestTarget } from './request-target.ts';
export { acceptanceHead, judgeRequest, refusalHead, refusalHeaders } from './server-handshake.ts';
export type { ServerOffer } from './server-handshake.ts';
export { checkSubprotocolNames, parseSubprotocols, selectSubprotocol } from './subprotocol.ts';
