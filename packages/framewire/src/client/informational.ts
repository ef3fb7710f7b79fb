/** RFC 9110 §15.2 — informational answers, which may come before the final one. */
import { HandshakeError, type HandshakeErrorCode } from '../errors.ts';

/** So many are read; one more is taken for a peer that never comes to the point. */
export const MAX_INFORMATIONAL = 10;

export function tooManyInformational(code: HandshakeErrorCode = 'ERR_WS_STATUS'): HandshakeError {
  return new HandshakeError(code, `more than ${MAX_INFORMATIONAL} of 1xx`);
}
