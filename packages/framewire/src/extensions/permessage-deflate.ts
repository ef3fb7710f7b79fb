/**
 * RFC 7692 §5 and §7.1 — permessage-deflate's negotiation: what a client offers, what a server makes
 * of it, and what a client takes for an answer. Header values in, header values out.
 */
import { parseExtensions, quote, type ExtensionParameter } from '../handshake/header-values.ts';

/** What both sides agreed on. Both directions have their own two parameters (§7.1). */
export interface DeflateAgreement {
  /** The server compresses each message without regard to those before it (§7.1.1.1). */
  readonly serverNoContextTakeover: boolean;
  /** The client does (§7.1.1.2). */
  readonly clientNoContextTakeover: boolean;
  /** The server's window, as the base-2 logarithm of its octets, 8 to 15 (§7.1.2.1). */
  readonly serverMaxWindowBits: number;
  /** The client's window (§7.1.2.2). */
  readonly clientMaxWindowBits: number;
}

/** One element of a client's Sec-WebSocket-Extensions. */
export interface DeflateOffer {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number | undefined;
  /** `true`: the server may choose any; undefined: it must not choose. */
  readonly clientMaxWindowBits: number | true | undefined;
}

/** What a server wants. Undefined leaves the choice to the client, or to what is best for both. */
export interface DeflatePreferences {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number | undefined;
  /** A client that does not let the server choose is not served with compression. */
  readonly clientMaxWindowBits: number | undefined;
}

const NAME = 'permessage-deflate';

/** What a window has unless it is made smaller (§7.1.2). */
const MOST_BITS = 15;

/** The value of Sec-WebSocket-Extensions for these offers, best first (§5). */
export function serializeOffers(offers: readonly DeflateOffer[]): string {
  return offers.map(serializeOffer).join(', ');
}

function serializeOffer(offer: DeflateOffer): string {
  const { serverMaxWindowBits, clientMaxWindowBits } = offer;
  return serialize([
    offer.serverNoContextTakeover && 'server_no_context_takeover',
    offer.clientNoContextTakeover && 'client_no_context_takeover',
    serverMaxWindowBits !== undefined && `server_max_window_bits=${serverMaxWindowBits}`,
    clientMaxWindowBits === true && 'client_max_window_bits',
    typeof clientMaxWindowBits === 'number' && `client_max_window_bits=${clientMaxWindowBits}`,
  ]);
}

function serialize(parameters: readonly (string | false)[]): string {
  return [NAME, ...parameters.filter((parameter) => parameter !== false)].join('; ');
}

/**
 * A server's choice: the first offer that is well-formed and acceptable, and the value to answer it
 * with; undefined declines them all, which never refuses the handshake (§5.1, §7.1).
 */
export function agree(
  header: string | undefined,
  preferences: DeflatePreferences,
): { readonly agreement: DeflateAgreement; readonly response: string } | undefined {
  if (header === undefined) return undefined;
  for (const { name, parameters } of parseExtensions(header) ?? []) {
    const offer = name === NAME ? readParameters(parameters) : undefined;
    const accepted = offer === undefined ? undefined : accept(offer, preferences);
    if (accepted !== undefined) return accepted;
  }
  return undefined;
}

function accept(
  offer: DeflateOffer,
  preferences: DeflatePreferences,
): { agreement: DeflateAgreement; response: string } | undefined {
  const serverMaxWindowBits = Math.min(
    offer.serverMaxWindowBits ?? MOST_BITS,
    preferences.serverMaxWindowBits ?? MOST_BITS,
  );
  const { clientMaxWindowBits: wanted } = preferences;
  const offered = offer.clientMaxWindowBits;
  // §7.1.2.2: what a client did not allow to be chosen must not be chosen.
  if (wanted !== undefined && wanted < MOST_BITS && offered === undefined) return undefined;
  const most = typeof offered === 'number' ? offered : MOST_BITS;
  const clientMaxWindowBits = Math.min(most, wanted ?? MOST_BITS);
  const agreement: DeflateAgreement = Object.freeze({
    serverNoContextTakeover: offer.serverNoContextTakeover || preferences.serverNoContextTakeover,
    clientNoContextTakeover: offer.clientNoContextTakeover || preferences.clientNoContextTakeover,
    serverMaxWindowBits,
    clientMaxWindowBits,
  });
  const namesServer = offer.serverMaxWindowBits !== undefined || serverMaxWindowBits < MOST_BITS;
  const response = serialize([
    agreement.serverNoContextTakeover && 'server_no_context_takeover',
    agreement.clientNoContextTakeover && 'client_no_context_takeover',
    namesServer && `server_max_window_bits=${serverMaxWindowBits}`,
    clientMaxWindowBits < MOST_BITS && `client_max_window_bits=${clientMaxWindowBits}`,
  ]);
  return { agreement, response };
}

/**
 * A client's judgement of the answer: what was agreed on, undefined when the server declined, or
 * what is wrong with it, for which the connection must be failed (§7.1).
 */
export function judgeAnswer(
  header: string,
  offers: readonly DeflateOffer[],
): DeflateAgreement | string | undefined {
  const element = parseExtensions(header)?.find(({ name }) => name === NAME);
  if (element === undefined) return undefined;
  const answer = readParameters(element.parameters);
  // §7.1.2.2: only in an offer may the client's window stand without a value.
  if (!isComplete(answer)) {
    return `a parameter is unknown, repeated or has a bad value: ${quote(header)}`;
  }
  const offer = offers.find((offer) => isAnswer(answer, offer));
  if (offer === undefined) {
    return `${quote(header)} is no answer to ${quote(serializeOffers(offers))}`;
  }
  // §7.1.2.2: a window that was offered is kept to, whatever the server makes of it.
  const { clientMaxWindowBits: offered } = offer;
  const most = typeof offered === 'number' ? offered : MOST_BITS;
  return Object.freeze({
    serverNoContextTakeover: answer.serverNoContextTakeover,
    clientNoContextTakeover: answer.clientNoContextTakeover,
    serverMaxWindowBits: answer.serverMaxWindowBits ?? MOST_BITS,
    clientMaxWindowBits: Math.min(answer.clientMaxWindowBits ?? MOST_BITS, most),
  });
}

function isComplete(answer: DeflateOffer | undefined): answer is DeflateAnswer {
  return answer !== undefined && answer.clientMaxWindowBits !== true;
}

interface DeflateAnswer extends DeflateOffer {
  readonly clientMaxWindowBits: number | undefined;
}

/** Whether an answer gives what an offer demands, and takes no more than the offer allows. */
function isAnswer(answer: DeflateAnswer, offer: DeflateOffer): boolean {
  // §7.1.1.1: the one takeover a client can demand. Its own the server may forbid at any time.
  if (offer.serverNoContextTakeover && !answer.serverNoContextTakeover) return false;
  const { serverMaxWindowBits: demanded = MOST_BITS } = offer;
  if ((answer.serverMaxWindowBits ?? MOST_BITS) > demanded) return false;
  // §7.1.2.2: whether the server may choose is all that an offer says; its number is a hint.
  return answer.clientMaxWindowBits === undefined || offer.clientMaxWindowBits !== undefined;
}

/** Undefined for what §7.1 has declined: an unknown or repeated parameter, or a bad value. */
function readParameters(parameters: readonly ExtensionParameter[]): DeflateOffer | undefined {
  const values = new Map<string, Value>(parameters.map(({ name, value }) => [name, value ?? true]));
  if (values.size < parameters.length) return undefined;
  for (const [name, value] of values) {
    if (RULES.get(name)?.(value) !== true) return undefined;
  }
  const serverMaxWindowBits = values.get('server_max_window_bits');
  const clientMaxWindowBits = values.get('client_max_window_bits');
  return {
    serverNoContextTakeover: values.has('server_no_context_takeover'),
    clientNoContextTakeover: values.has('client_no_context_takeover'),
    serverMaxWindowBits:
      serverMaxWindowBits === undefined ? undefined : Number(serverMaxWindowBits),
    clientMaxWindowBits:
      typeof clientMaxWindowBits === 'string' ? Number(clientMaxWindowBits) : clientMaxWindowBits,
  };
}

/** Of a parameter; `true` stands for none. */
type Value = string | true;

const RULES: ReadonlyMap<string, (value: Value) => boolean> = new Map([
  ['server_no_context_takeover', isAbsent],
  ['client_no_context_takeover', isAbsent],
  ['server_max_window_bits', isWindowBits],
  ['client_max_window_bits', (value: Value) => isAbsent(value) || isWindowBits(value)],
]);

function isAbsent(value: Value): boolean {
  return value === true;
}

/** §7.1.2: a decimal integer from 8 to 15 without leading zeros. */
function isWindowBits(value: Value): boolean {
  return value !== true && /^(?:[89]|1[0-5])$/u.test(value);
}
