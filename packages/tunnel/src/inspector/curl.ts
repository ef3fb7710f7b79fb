/** A request as a command of curl. */
import { fieldOf, type Exchange } from './exchange.ts';
import { draftOf, sendingOf } from './again.ts';
import { Veil, type IsSecretName } from './secrets.ts';

/** What the relay, or curl itself, says of the caller. */
const LEFT_OUT = /^(?:host|forwarded|x-forwarded-.*|x-real-ip)$/iu;

/** With `hides`, what is secret is `…`, for whoever pastes it to fill in. */
export function curlOf(exchange: Exchange, hides: boolean, isSecret: IsSecretName): string {
  const { fields, requestBody } = exchange;
  const draft = draftOf(exchange, new Veil(hides ? isSecret : () => false, Infinity), () => '…');
  const hasOwn = draft.method === (requestBody.length > 0 ? 'POST' : 'GET');
  const words = ['curl'];
  if (draft.method === 'HEAD') words.push('--head');
  else if (!hasOwn) words.push(`--request ${quote(draft.method)}`);
  words.push(quote(addressOf(exchange, draft.target)));
  for (const line of draft.headers.split('\n')) {
    const name = line.slice(0, line.indexOf(':'));
    if (name !== '' && !LEFT_OUT.test(name)) words.push(`--header ${quote(line)}`);
  }
  if (fieldOf(fields, 'accept-encoding') !== undefined) words.push('--compressed');
  if (requestBody.length === 0) return words.join(' \\\n  ');
  const note = requestBody.isWhole ? '' : '# The body was longer than what was kept of it.\n';
  if (draft.body !== undefined) {
    words.push(`--data-raw ${quote(draft.body)}`);
    return note + words.join(' \\\n  ');
  }
  const octets = Buffer.from(sendingOf(exchange).body).toString('base64');
  words.push('--data-binary @-');
  return `${note}printf %s ${octets} | base64 -d | ${words.join(' \\\n  ')}`;
}

function addressOf({ fields }: Exchange, target: string): string {
  if (!target.startsWith('/')) return target;
  const scheme = fieldOf(fields, 'x-forwarded-proto') === 'https' ? 'https' : 'http';
  const host = fieldOf(fields, 'x-forwarded-host') ?? fieldOf(fields, 'host') ?? 'localhost';
  return `${scheme}://${host}${target}`;
}

/** For a POSIX shell. */
function quote(text: string): string {
  if (/^[\w./:=@%+,-]+$/u.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
