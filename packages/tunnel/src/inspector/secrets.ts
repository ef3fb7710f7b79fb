/** What is shown only to whoever asks for it: which values these are, and what stands for them. */

/** Stands for a value that is hidden; `hidden` is what to ask for. */
export interface Hidden {
  readonly hidden: string;
}

/** Text with what is hidden in it. */
export type Masked = readonly (string | Hidden)[];

export type IsSecretName = (name: string) => boolean;

const SECRET_NAME =
  /token|secret|passw|passphrase|pwd|key|credential|signature|cookie|csrf|xsrf|jwt|authorization/iu;
const SECRET_WORD = /(?:^|[-_.[])(?:auth|otp|pin|sid|sig|session_?id)(?:$|[-_.\]])/iu;
/** RFC 6455 §11.3.1: a nonce that everybody may see, whatever its name says. */
const NO_SECRET: ReadonlySet<string> = new Set(['sec-websocket-key', 'sec-websocket-accept']);

/** Whether the value of a header, a parameter or a field with this name is one to hide. */
export function isSecretName(name: string): boolean {
  if (NO_SECRET.has(name.toLowerCase())) return false;
  return SECRET_NAME.test(name) || SECRET_WORD.test(name);
}

/** Values of one part that can be asked for; the others are hidden for good. */
const MAX_HIDDEN = 1000;
const MASK = '••••••';

/** Remembers what it hides, part by part, so that each can be asked for. */
export class Veil {
  readonly isSecret: IsSecretName;
  readonly #most: number;
  readonly #values = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  constructor(isSecret: IsSecretName, most: number = MAX_HIDDEN) {
    this.isSecret = isSecret;
    this.#most = most;
  }

  hide(part: string, value: string): string | Hidden {
    const count = this.#counts.get(part) ?? 0;
    if (count >= this.#most) return MASK;
    const hidden = `${part}:${count}`;
    this.#counts.set(part, count + 1);
    this.#values.set(hidden, value);
    return { hidden };
  }

  reveal(hidden: string): string | undefined {
    return this.#values.get(hidden);
  }
}

/** As one text. */
export function flatten(masked: Masked, show: (hidden: string) => string = () => MASK): string {
  return masked.map((piece) => (typeof piece === 'string' ? piece : show(piece.hidden))).join('');
}

/** The value of a header. */
export function maskField(veil: Veil, part: string, name: string, value: string): Masked {
  const lower = name.toLowerCase();
  if (lower === 'cookie') return maskPairs(veil, part, value, /;\s*/gu, () => true);
  if (lower === 'set-cookie') {
    const end = value.search(/;/u);
    const pair = end < 0 ? value : value.slice(0, end);
    const masked = maskPairs(veil, part, pair, /;/gu, () => true);
    return end < 0 ? masked : [...masked, value.slice(end)];
  }
  if (!veil.isSecret(name)) return maskText(veil, part, value);
  // RFC 9110 §11.4: the scheme is no secret.
  const scheme = lower.endsWith('authorization') ? /^[\w-]+ +/u.exec(value)?.[0] : undefined;
  if (scheme === undefined) return [veil.hide(part, value)];
  return [scheme, veil.hide(part, value.slice(scheme.length))];
}

/** A path and its query. */
export function maskTarget(veil: Veil, part: string, target: string): Masked {
  const mark = target.indexOf('?');
  if (mark < 0) return [target];
  const query = maskForm(veil, part, target.slice(mark + 1));
  return [target.slice(0, mark + 1), ...query];
}

/** `application/x-www-form-urlencoded`, as it is written. */
export function maskForm(veil: Veil, part: string, text: string): Masked {
  return maskPairs(veil, part, text, /[&;]/gu, (name) => veil.isSecret(decodeForm(name)));
}

/** `a=b`, and `%`-escapes that are none as they are. */
export function decodeForm(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

function maskPairs(
  veil: Veil,
  part: string,
  text: string,
  separator: RegExp,
  isSecret: (name: string) => boolean,
): Masked {
  const masked: (string | Hidden)[] = [];
  let from = 0;
  const add = (pair: string): void => {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(equals, 0));
    if (equals < 0 || equals + 1 === pair.length || !isSecret(name)) masked.push(pair);
    else masked.push(`${name}=`, veil.hide(part, pair.slice(equals + 1)));
  };
  for (const { 0: found, index } of text.matchAll(separator)) {
    add(text.slice(from, index));
    masked.push(found);
    from = index + found.length;
  }
  add(text.slice(from));
  return masked;
}

/** A name, as in `name=`, `"name":`, `\"name\":` or `<name>`. Bounded: callers write it. */
const NAME = /(?<![\w.-])([\w.-]{1,64})\\{0,3}["']?\s{0,4}[:=>]\s{0,4}/gu;
const VALUE =
  /"[^"\\]*(?:\\.[^"\\]*)*"?|\\{1,3}"[^"]*"?|'[^']*'?|(?:(?:Basic|Bearer) )?[^\s,;&<>}"']+/suy;

/** Any text: what looks like a name and a value. */
export function maskText(veil: Veil, part: string, text: string): Masked {
  const masked: (string | Hidden)[] = [];
  let from = 0;
  NAME.lastIndex = 0;
  for (let found = NAME.exec(text); found !== null; found = NAME.exec(text)) {
    const at = NAME.lastIndex;
    VALUE.lastIndex = at;
    const value = veil.isSecret(found[1] ?? '') ? VALUE.exec(text)?.[0] : undefined;
    if (value === undefined) continue;
    masked.push(text.slice(from, at), veil.hide(part, value));
    from = at + value.length;
    NAME.lastIndex = from;
  }
  if (from < text.length || masked.length === 0) masked.push(text.slice(from));
  return masked;
}
