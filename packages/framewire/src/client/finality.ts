/** Which ends of a connection, and of an attempt to open one, would only repeat themselves. */
import {
  ConnectionClosedError,
  HandshakeError,
  LimitError,
  ProtocolError,
  type CloseInfo,
} from '../errors.ts';
import { CloseCode } from '../protocol/close-code.ts';

/** RFC 6455 §7.4.1: one side cannot do with what the other says, and would say again. */
const REPEATED: ReadonlySet<number | undefined> = new Set([
  CloseCode.protocolError,
  CloseCode.unsupportedData,
  CloseCode.invalidPayload,
  CloseCode.policyViolation,
  CloseCode.messageTooBig,
  CloseCode.mandatoryExtension,
]);

/** Codes that say what went wrong, though the closing handshake was complete. */
const FAILURES: ReadonlySet<number | undefined> = new Set([
  ...REPEATED,
  CloseCode.internalError,
  CloseCode.serviceRestart,
  CloseCode.tryAgainLater,
  CloseCode.badGateway,
]);

/**
 * RFC 9110 §15: of the statuses that are no 101, a later request may be answered differently by
 * those of a server's failure, and by 408 Request Timeout, 425 Too Early and 429 Too Many Requests.
 */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** 501 Not Implemented and 505 HTTP Version Not Supported do not pass. */
const LASTING_FAILURES: ReadonlySet<number> = new Set([501, 505]);

/**
 * RFC 1928 §6: of the replies of a SOCKS proxy, those that tell of its own failure or of the network
 * behind it (network or host unreachable, connection refused, TTL expired). The ruleset, and what the
 * proxy does not support, stay as they are.
 */
const PASSING_REPLIES: ReadonlySet<number> = new Set([1, 3, 4, 5, 6]);

/** How Node calls a certificate that it does not trust: OpenSSL's names of X.509, and its own. */
const CERTIFICATE_CODES: ReadonlySet<unknown> = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_CRL',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'CERT_SIGNATURE_FAILURE',
  'CRL_SIGNATURE_FAILURE',
  'CERT_NOT_YET_VALID',
  'CERT_HAS_EXPIRED',
  'CRL_NOT_YET_VALID',
  'CRL_HAS_EXPIRED',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CRL_LAST_UPDATE_FIELD',
  'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED',
  'INVALID_CA',
  'PATH_LENGTH_EXCEEDED',
  'INVALID_PURPOSE',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'HOSTNAME_MISMATCH',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_TLS_CERT_ALTNAME_FORMAT',
]);

/** The end of a connection; `wasAsked` where this side's `close` asked for it. */
export function isFinalClose(info: CloseInfo, wasAsked: boolean): boolean {
  if (isFulfilled(info, wasAsked)) return true;
  const { received, sent, error } = info;
  // The Close of a failure may not have left.
  const meant =
    ProtocolError.isInstance(error) || LimitError.isInstance(error) ? error.closeCode : undefined;
  return [received?.code, sent?.code, meant].some((code) => REPEATED.has(code));
}

/** What an end is called an error for; undefined after one that somebody meant. */
export function errorOfClose(info: CloseInfo, wasAsked: boolean): Error | undefined {
  if (isFulfilled(info, wasAsked)) return undefined;
  if (info.wasClean && !FAILURES.has(info.code)) return undefined;
  return new ConnectionClosedError(info);
}

/** An attempt to open a connection. */
export function isFinalFailure(error: Error): boolean {
  if (HandshakeError.isInstance(error)) return isFinalHandshake(error);
  const code = 'code' in error ? String(error.code) : '';
  // Caller mistakes, as the library, Node and OpenSSL report them; without a code it may be anything.
  const isMistake = error instanceof TypeError || error instanceof RangeError;
  return isMistake ? code.startsWith('ERR_') : /^ERR_(?:OSSL|SSL)_/u.test(code);
}

/** §7.4.1: 1000 means that the purpose for which the connection was made has been fulfilled. */
function isFulfilled(info: CloseInfo, wasAsked: boolean): boolean {
  return wasAsked || info.received?.code === CloseCode.normal;
}

function isFinalHandshake(error: HandshakeError): boolean {
  const { code, status, cause } = error;
  if (isUntrusted(cause)) return true;
  switch (code) {
    case 'ERR_WS_NETWORK':
      return false;
    case 'ERR_WS_PROXY':
      return isFinalOfProxy(error);
    case 'ERR_WS_STATUS':
      return status === undefined || isFinalStatus(status);
    default:
      // An answer that breaks the protocol: whoever gave it does not speak it.
      return true;
  }
}

/** Where the network failed, that is the cause; without it the proxy has answered, whatever it was. */
function isFinalOfProxy({ status, socksReply, cause }: HandshakeError): boolean {
  if (status !== undefined) return isFinalStatus(status);
  if (socksReply !== undefined) return !PASSING_REPLIES.has(socksReply);
  return cause === undefined || HandshakeError.isInstance(cause);
}

function isFinalStatus(status: number): boolean {
  if (PASSING_STATUSES.has(status)) return false;
  return status < 500 || LASTING_FAILURES.has(status);
}

function isUntrusted(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && CERTIFICATE_CODES.has(cause.code);
}
