/** One line about what went wrong, with the cause: what a person has to know to do something. */
import { STATUS_CODES } from 'node:http';
import { inspect } from 'node:util';
import { TunnelError } from '@framewire/tunnel';
import { HandshakeError } from 'framewire';
import { sanitize, sanitizeLine } from './sanitize.ts';
import { ConfigError } from './tunnel/config-error.ts';
import { describeTunnelError } from './tunnel/describe.ts';

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
  if (TunnelError.isInstance(error)) return describeTunnelError(error);
  // A line for each mistake.
  if (error instanceof ConfigError) return sanitize(error.message);
  return error instanceof Error ? describeCause(error) : sanitizeLine(String(error));
}

function describeHandshake(error: HandshakeError): string {
  const where = error.url === undefined ? '' : ` ${sanitizeLine(error.url)}`;
  if (error.code === 'ERR_WS_STATUS' && error.status !== undefined) {
    return `the server refused${where}: ${describeStatus(error, error.status)}`;
  }
  if (error.code === 'ERR_WS_PROXY') return describeProxy(error, where);
  const { cause } = error;
  if (error.code === 'ERR_WS_REDIRECT') {
    return `cannot connect to${where}: ${shorten(error.message, 2 * SHOWN_CHARACTERS)}`;
  }
  if (error.code === 'ERR_WS_HTTP2') {
    const why = sanitizeLine(error.message);
    return `cannot connect to${where}: ${why}; without --http2 it is asked over HTTP/1.1`;
  }
  const why = cause instanceof Error ? describeCause(cause) : sanitizeLine(error.message);
  return `cannot connect to${where}: ${why}`;
}

function describeProxy(error: HandshakeError, where: string): string {
  const { status, cause } = error;
  const proxy = `the proxy ${sanitizeLine(error.proxy ?? '')}`.trim();
  if (status !== undefined) return `${proxy} refused${where}: ${describeStatus(error, status)}`;
  const why =
    cause instanceof Error ? describeCause(cause, OF_PROXIES) : sanitizeLine(error.message);
  return `cannot connect to${where} through ${proxy}: ${why}`;
}

function describeStatus({ headers, body }: HandshakeError, status: number): string {
  const parts = [`${status} ${STATUS_CODES[status] ?? ''}`.trim()];
  const location = status >= 300 && status < 400 ? headers?.get('location') : undefined;
  if (location !== undefined) {
    parts.push(`it moved to ${shorten(location)}`, 'connect --location follows it');
  }
  const line = firstLine(body);
  if (line !== undefined) parts.push(shorten(line));
  if (status === 401) parts.push('--auth user:password tells who you are');
  if (status === 407) parts.push('--proxy http://user:password@… tells who you are');
  return parts.join('; ');
}

/** The first line that says something; a page of HTML says nothing in one line. */
function firstLine(body: Uint8Array | undefined): string | undefined {
  const text = new TextDecoder().decode(body).trim();
  if (text === '' || text.startsWith('<')) return undefined;
  return text.split('\n', 1)[0]?.trim();
}

function shorten(text: string, most: number = SHOWN_CHARACTERS): string {
  const line = sanitizeLine(text);
  return line.length > most ? `${line.slice(0, most)}…` : line;
}

type Meanings = Readonly<Record<string, (error: SystemError) => string>>;

/** What certificates lack, and what can be done about it. */
function certificateMeanings(trust: string): Meanings {
  return {
    DEPTH_ZERO_SELF_SIGNED_CERT: () => `its certificate is self-signed; ${trust}`,
    SELF_SIGNED_CERT_IN_CHAIN: () => `its certificate comes from an unknown authority; ${trust}`,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: () => `its certificate cannot be verified; ${trust}`,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: () => `its certificate cannot be verified; ${trust}`,
  };
}

const WITHOUT_HTTP2 = 'the server does not speak HTTP/2 at this port; try without --http2';

/** What the codes of the network and of TLS mean to somebody who wants to connect. */
const MEANINGS: Meanings = {
  ...certificateMeanings('--ca names one to trust, --no-check accepts any'),
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
  CERT_HAS_EXPIRED: () => 'its certificate has expired',
  CERT_NOT_YET_VALID: () => 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: ({ message }) => message.replace(/^Hostname\/IP/u, 'the name'),
  ERR_OSSL_BAD_DECRYPT: () => '--passphrase is not the one of the key',
  // One wrong passphrase in 256 makes something of the key that only looks like one.
  ERR_OSSL_UNSUPPORTED: () =>
    '--passphrase is not the one of the key, or the key is of no known kind',
  ERR_OSSL_PEM_NO_START_LINE: () => 'a file of --ca, --cert or --key is not PEM',
  ERR_SSL_WRONG_VERSION_NUMBER: () => 'the server does not speak TLS at this port; try ws://',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: () => 'the server does not speak TLS at this port; try ws://',
  ERR_HTTP2_ERROR: () => WITHOUT_HTTP2,
  // RFC 7301 §3.2: there is nothing else that was offered.
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: () => WITHOUT_HTTP2,
};

/** A proxy is dialled otherwise than a server. */
const OF_PROXIES: Meanings = {
  ...MEANINGS,
  ...certificateMeanings('NODE_EXTRA_CA_CERTS=file.pem adds one to trust'),
  ERR_SSL_WRONG_VERSION_NUMBER: () => 'it does not speak TLS at this port; try http://',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: () => 'it does not speak TLS at this port; try http://',
};

function describeCause(error: SystemError, meanings: Meanings = MEANINGS): string {
  // A name with several addresses fails once for each of them.
  if (error instanceof AggregateError) return describeAll(error.errors, meanings);
  const meaning = error.code === undefined ? undefined : meanings[error.code];
  if (meaning === undefined) return sanitizeLine(error.message);
  return `${sanitizeLine(meaning(error))} (${error.code ?? ''})`;
}

function describeAll(errors: readonly unknown[], meanings: Meanings): string {
  const reasons = errors.map((error) =>
    error instanceof Error ? describeCause(error, meanings) : String(error),
  );
  return [...new Set(reasons)].join(', ');
}

function addressOf({ address, port, message }: SystemError): string {
  if (address === undefined) return /'([^']*)'/u.exec(message)?.[1] ?? 'that address';
  if (port === undefined || port < 0) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
