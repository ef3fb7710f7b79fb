/**
 * RFC 1928 and RFC 1929 — SOCKS 5 as a client speaks it: without authentication or with a user name
 * and a password. Names are sent as they are, for the proxy to resolve.
 */
import { HandshakeError, invalidArgument } from '../errors.ts';
import type { Credentials } from './authentication.ts';
import type { BorrowedStream } from './borrowed-stream.ts';
import { addressOctets } from './ip-address.ts';

/** All that a client says to open a tunnel. */
export interface Socks5Messages {
  readonly greeting: Uint8Array;
  /** What authenticates, if the proxy asks for it. */
  readonly authentication: Uint8Array | undefined;
  readonly request: Uint8Array;
}

const VERSION = 5;
const CONNECT = 1;

/** RFC 1928 §3. */
const Method = { none: 0x00, password: 0x02, unacceptable: 0xff } as const;

/** RFC 1928 §5. */
const AddressType = { ipv4: 1, name: 3, ipv6: 4 } as const;

/** RFC 1929 §2: the version of the authentication, not of SOCKS. */
const PASSWORD_VERSION = 1;

/** RFC 1928 §5 and RFC 1929 §2: one octet tells the length of a name. */
const MAX_NAME = 255;

const SUCCEEDED = 0;

/** RFC 1928 §6. */
const REPLIES: readonly string[] = [
  'succeeded',
  'general failure of the SOCKS server',
  'connection not allowed by the ruleset',
  'network unreachable',
  'host unreachable',
  'connection refused',
  'TTL expired',
  'command not supported',
  'address type not supported',
];

/** Throws a TypeError for what SOCKS cannot carry, and never shows the credentials. */
export function socks5Messages(
  target: { readonly hostname: string; readonly port: number },
  credentials: Credentials | undefined,
): Socks5Messages {
  const methods = credentials === undefined ? [Method.none] : [Method.none, Method.password];
  return {
    greeting: Uint8Array.of(VERSION, methods.length, ...methods),
    authentication: credentials === undefined ? undefined : authentication(credentials),
    request: Uint8Array.of(
      VERSION,
      CONNECT,
      0,
      ...address(target.hostname),
      target.port >>> 8,
      target.port & 0xff,
    ),
  };
}

/** RFC 1929 §2. The RFC has no empty password, but those who issue user names alone take it. */
function authentication({ username, password }: Credentials): Uint8Array {
  if (username === '') throw invalidArgument('the user name for the proxy is empty');
  return Uint8Array.of(
    PASSWORD_VERSION,
    ...lengthAndOctets(username, 'the user name for the proxy'),
    ...lengthAndOctets(password, 'the password for the proxy'),
  );
}

/** RFC 1928 §5: the type of the address, and the address. */
function address(hostname: string): readonly number[] {
  const octets = addressOctets(hostname);
  if (octets !== undefined) {
    return [octets.length === 4 ? AddressType.ipv4 : AddressType.ipv6, ...octets];
  }
  return [AddressType.name, ...lengthAndOctets(hostname, 'the host name')];
}

function lengthAndOctets(text: string, what: string): readonly number[] {
  const octets = Buffer.from(text);
  if (octets.length <= MAX_NAME) return [octets.length, ...octets];
  throw invalidArgument(
    `${what} has ${octets.length} octets where SOCKS takes ${MAX_NAME} at most`,
  );
}

/** Has the proxy open a tunnel; what follows on the stream is the target's. */
export async function openBySocks5(
  stream: BorrowedStream,
  messages: Socks5Messages,
): Promise<void> {
  stream.write(messages.greeting);
  const [version = 0, method = 0] = await stream.readExactly(2);
  requireVersion(version);
  if (method === Method.password && messages.authentication !== undefined) {
    stream.write(messages.authentication);
    await readVerdict(stream);
  } else if (method === Method.unacceptable) {
    throw refusal('it takes none of the methods of authentication that were offered');
  } else if (method !== Method.none) {
    throw refusal(`it chose ${hex(method)} for the authentication, which was not offered`);
  }
  stream.write(messages.request);
  await readReply(stream);
}

/** RFC 1929 §2: any status but 0 is a failure. */
async function readVerdict(stream: BorrowedStream): Promise<void> {
  const [version = 0, status = 0] = await stream.readExactly(2);
  // Some servers repeat the version of SOCKS.
  if (version !== PASSWORD_VERSION) requireVersion(version);
  if (status !== SUCCEEDED) throw refusal('it does not accept the user name and the password');
}

/** RFC 1928 §6, to its last octet: the next one is the target's. */
async function readReply(stream: BorrowedStream): Promise<void> {
  const [version = 0, reply = 0] = await stream.readExactly(2);
  requireVersion(version);
  // Some servers end the stream right behind a failure.
  if (reply !== SUCCEEDED) throw refusal(REPLIES[reply] ?? `reply ${hex(reply)}`, reply);
  const [, type = 0] = await stream.readExactly(2);
  const length = await addressLength(stream, type);
  // Where the proxy bound its own end is nobody's concern.
  await stream.readExactly(length + 2);
}

async function addressLength(stream: BorrowedStream, type: number): Promise<number> {
  if (type === AddressType.ipv4) return 4;
  if (type === AddressType.ipv6) return 16;
  if (type !== AddressType.name) throw refusal(`its reply has an address of type ${hex(type)}`);
  const [length = 0] = await stream.readExactly(1);
  return length;
}

function requireVersion(version: number): void {
  if (version === VERSION) return;
  throw refusal(`its answer begins with ${hex(version)} where SOCKS 5 begins with 0x05`);
}

function refusal(detail: string, socksReply?: number): HandshakeError {
  return new HandshakeError('ERR_WS_PROXY', detail, { socksReply });
}

function hex(octet: number): string {
  return `0x${octet.toString(16).padStart(2, '0')}`;
}
