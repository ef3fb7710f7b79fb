/** One line about what went wrong, with the cause: what a person has to know to do something. */
import { STATUS_CODES } from 'node:http';
import { inspect } from 'node:util';
import { HandshakeError } from 'framewire';
import { sanitizeLine } from './sanitize.ts';

/** Characters of a peer's text that are shown in an error. */
const SHOWN_CHARACTERS = 160;

interface SystemError extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
}

/** The line for stderr; with FRAMEWIRE_DEBUG=1 everything that is known, over several lines. */
export function describeError(
  error: unknown,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  if (environment['FRAMEWIRE_DEBUG'] === '1') return inspect(error);
  if (error instanceof HandshakeError) return describeHandshake(error);
  return error instanceof Error ? describeCause(error) : sanitizeLine(String(error));
}

function describeHandshake(error: HandshakeError): string {
  const where = error.url === undefined ? '' : ` ${sanitizeLine(error.url)}`;
  if (error.code === 'ERR_WS_STATUS' && error.status !== undefined) {
    return `the server refused${where}: ${describeStatus(error, error.status)}`;
  }
  const { cause } = error;
  const why = cause instanceof Error ? describeCause(cause) : sanitizeLine(error.message);
  return `cannot connect to${where}: ${why}`;
}

function describeStatus({ headers, body }: HandshakeError, status: number): string {
  const parts = [`${status} ${STATUS_CODES[status] ?? ''}`.trim()];
  const location = status >= 300 && status < 400 ? headers?.get('location') : undefined;
  if (location !== undefined) parts.push(`it moved to ${shorten(location)}`);
  const line = firstLine(body);
  if (line !== undefined) parts.push(shorten(line));
  if (status === 401) parts.push('--auth user:password tells who you are');
  return parts.join('; ');
}

/** The first line that says something; a page of HTML says nothing in one line. */
function firstLine(body: Uint8Array | undefined): string | undefined {
  const text = new TextDecoder().decode(body).trim();
  if (text === '' || text.startsWith('<')) return undefined;
  return text.split('\n', 1)[0]?.trim();
}

function shorten(text: string): string {
  const line = sanitizeLine(text);
  return line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line;
}

const TRUST = '--ca names one to trust, --no-check accepts any';

/** What the codes of the network and of TLS mean to somebody who wants to connect. */
const MEANINGS: Readonly<Record<string, (error: SystemError) => string>> = {
  ECONNREFUSED: (error) => `nobody listens at ${addressOf(error)}`,
  ECONNRESET: () => 'the peer reset the connection',
  EPIPE: () => 'the peer has gone',
  ETIMEDOUT: (error) => `no answer from ${addressOf(error)}`,
  EHOSTUNREACH: (error) => `no route to ${addressOf(error)}`,
  ENETUNREACH: (error) => `no network to reach ${addressOf(error)}`,
  ENOTFOUND: (error) => `there is no host ${error.hostname ?? ''}`.trim(),
  EAI_AGAIN: (error) => `the name ${error.hostname ?? ''} cannot be looked up now`,
  ENOENT: (error) => `there is no ${addressOf(error)}`,
  EACCES: (error) => `no permission for ${addressOf(error)}`,
  EADDRINUSE: (error) => `${addressOf(error)} is taken`,
  EADDRNOTAVAIL: (error) => `${addressOf(error)} is not an address of this machine`,
  ENOTSOCK: (error) => `${addressOf(error)} is not a socket`,
  DEPTH_ZERO_SELF_SIGNED_CERT: () => `its certificate is self-signed; ${TRUST}`,
  SELF_SIGNED_CERT_IN_CHAIN: () => `its certificate comes from an unknown authority; ${TRUST}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: () => `its certificate cannot be verified; ${TRUST}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: () => `its certificate cannot be verified; ${TRUST}`,
  CERT_HAS_EXPIRED: () => 'its certificate has expired',
  CERT_NOT_YET_VALID: () => 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: ({ message }) => message.replace(/^Hostname\/IP/u, 'the name'),
  ERR_OSSL_BAD_DECRYPT: () => '--passphrase is not the one of the key',
  ERR_OSSL_PEM_NO_START_LINE: () => 'a file of --ca, --cert or --key is not PEM',
  ERR_SSL_WRONG_VERSION_NUMBER: () => 'the server does not speak TLS at this port; try ws://',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: () => 'the server does not speak TLS at this port; try ws://',
};

function describeCause(error: SystemError): string {
  // A name with several addresses fails once for each of them.
  if (error instanceof AggregateError) return describeAll(error.errors);
  const meaning = error.code === undefined ? undefined : MEANINGS[error.code];
  if (meaning === undefined) return sanitizeLine(error.message);
  return `${sanitizeLine(meaning(error))} (${error.code ?? ''})`;
}

function describeAll(errors: readonly unknown[]): string {
  const reasons = errors.map((error) =>
    error instanceof Error ? describeCause(error) : String(error),
  );
  return [...new Set(reasons)].join(', ');
}

function addressOf({ address, port, message }: SystemError): string {
  if (address === undefined) return /'([^']*)'/u.exec(message)?.[1] ?? 'that address';
  if (port === undefined || port < 0) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
