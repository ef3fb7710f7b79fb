/**
 * RFC 6455 §7.4 and the IANA registry "WebSocket Close Code Number": the codes by name.
 *
 * | code | name | who sends it |
 * | --- | --- | --- |
 * | 1000 | normal | either side: the purpose is fulfilled |
 * | 1001 | goingAway | either side: a server shuts down, a page is left |
 * | 1002 | protocolError | either side: the peer broke the protocol |
 * | 1003 | unsupportedData | either side: a type of data it cannot accept |
 * | 1005 | noStatusReceived | nobody: stands for a Close without a code |
 * | 1006 | abnormalClosure | nobody: stands for an end without a Close |
 * | 1007 | invalidPayload | either side: data that does not fit its type, such as bad UTF-8 |
 * | 1008 | policyViolation | either side |
 * | 1009 | messageTooBig | either side |
 * | 1010 | mandatoryExtension | a client only: a server refuses the handshake instead |
 * | 1011 | internalError | either side: an unexpected condition |
 * | 1012 | serviceRestart | either side |
 * | 1013 | tryAgainLater | either side |
 * | 1014 | badGateway | a server that is a gateway |
 * | 1015 | tlsHandshake | nobody: stands for a failed TLS handshake |
 * | 3000–3999 | | libraries and frameworks, registered with IANA |
 * | 4000–4999 | | applications, by private agreement |
 */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  noStatusReceived: 1005,
  abnormalClosure: 1006,
  invalidPayload: 1007,
  policyViolation: 1008,
  messageTooBig: 1009,
  mandatoryExtension: 1010,
  internalError: 1011,
  serviceRestart: 1012,
  tryAgainLater: 1013,
  badGateway: 1014,
  tlsHandshake: 1015,
} as const;

/**
 * Whether a Close frame may carry the code (§7.4). Codes nobody defined below 3000 are refused,
 * since only a revision of the RFC can give them a meaning (§7.4.2).
 */
export function isCloseCodeOnWire(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  return (
    (code >= 1000 && code <= 1003) ||
    (code >= 1007 && code <= 1014) ||
    (code >= 3000 && code <= 4999)
  );
}
