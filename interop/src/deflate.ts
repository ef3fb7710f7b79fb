/** permessage-deflate (RFC 7692) as the scenarios speak of it. */
import type { DeflateAgreement } from 'framewire';

/** What an application asks of the extension; what is absent is left to the other side. */
export interface DeflateRequest {
  readonly serverNoContextTakeover?: true;
  readonly clientNoContextTakeover?: true;
  readonly serverMaxWindowBits?: number;
  readonly clientMaxWindowBits?: number;
}

/** `default` is what the implementation does when the extension is merely switched on. */
export type DeflateChoice = 'off' | 'default' | DeflateRequest;

const NAME = 'permessage-deflate';

const KNOWN = [
  'server_no_context_takeover',
  'client_no_context_takeover',
  'server_max_window_bits',
  'client_max_window_bits',
];

/** What a server's Sec-WebSocket-Extensions says was agreed on; undefined for an empty one. */
export function agreementOf(extensions: string): DeflateAgreement | undefined {
  if (extensions === '') return undefined;
  const [name, ...parameters] = extensions.split(/ *; */);
  const values = new Map(parameters.map((parameter) => splitParameter(parameter)));
  const unknown = [...values.keys()].find((key) => !KNOWN.includes(key));
  if (name !== NAME || unknown !== undefined) throw new Error(`not understood: ${extensions}`);
  return {
    serverNoContextTakeover: values.has('server_no_context_takeover'),
    clientNoContextTakeover: values.has('client_no_context_takeover'),
    serverMaxWindowBits: Number(values.get('server_max_window_bits') ?? 15),
    clientMaxWindowBits: Number(values.get('client_max_window_bits') ?? 15),
  };
}

function splitParameter(parameter: string): [string, string | undefined] {
  const [name = '', value] = parameter.split(/ *= */);
  return [name, value];
}
