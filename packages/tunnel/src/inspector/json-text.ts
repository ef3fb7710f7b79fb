/** JSON as people read it, with what is secret in it hidden. */
import { maskText, type Hidden, type Masked, type Veil } from './secrets.ts';

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"?|[{}[\],:]|[^\s"{}[\],:]+|\s+/gsu;
/** Deeper, lines are not broken: what is written must not grow by its square. */
const MAX_INDENT = 16;

/**
 * What is written stays as it is, numbers above all. With `isPretty` the text has to be JSON, and
 * is indented; otherwise spaces stay too, and it may break off anywhere.
 */
export function maskJson(veil: Veil, part: string, text: string, isPretty: boolean): Masked {
  const writer = new JsonWriter(veil, part, isPretty);
  for (const [token] of text.matchAll(TOKEN)) writer.add(token);
  return writer.end();
}

class JsonWriter {
  readonly #veil: Veil;
  readonly #part: string;
  readonly #isPretty: boolean;
  readonly #masked: (string | Hidden)[] = [];
  #text = '';
  #depth = 0;
  /** The string before, which is a name if a colon follows. */
  #last: string | undefined;
  #isSecret = false;
  /** The depth at which a secret object or array began: all in it is secret. */
  #secretFrom = Infinity;
  #isEmpty = false;

  constructor(veil: Veil, part: string, isPretty: boolean) {
    this.#veil = veil;
    this.#part = part;
    this.#isPretty = isPretty;
  }

  add(token: string): void {
    const first = token[0]!;
    if (/\s/u.test(first)) {
      if (!this.#isPretty) this.#text += token;
    } else if (first === '{' || first === '[') this.#open(first);
    else if (first === '}' || first === ']') this.#close(first);
    else if (first === ',') this.#comma();
    else if (first === ':') this.#colon();
    else this.#value(token);
  }

  end(): Masked {
    if (this.#last !== undefined) this.#flushLast();
    if (this.#text !== '' || this.#masked.length === 0) this.#masked.push(this.#text);
    return this.#masked;
  }

  #open(bracket: string): void {
    this.#break();
    this.#text += bracket;
    this.#depth++;
    if (this.#isSecret) this.#secretFrom = Math.min(this.#secretFrom, this.#depth);
    this.#isSecret = false;
    this.#isEmpty = true;
  }

  #close(bracket: string): void {
    if (this.#last !== undefined) this.#flushLast();
    if (this.#depth <= this.#secretFrom) this.#secretFrom = Infinity;
    this.#depth = Math.max(0, this.#depth - 1);
    if (!this.#isEmpty) this.#line();
    this.#isEmpty = false;
    this.#isSecret = false;
    this.#text += bracket;
  }

  #comma(): void {
    if (this.#last !== undefined) this.#flushLast();
    this.#text += ',';
    this.#isSecret = false;
    this.#isEmpty = false;
    this.#line();
  }

  #colon(): void {
    const name = this.#last;
    this.#last = undefined;
    if (name !== undefined) {
      this.#text += name;
      this.#isSecret = this.#veil.isSecret(unquote(name));
    }
    this.#text += this.#isPretty ? ': ' : ':';
  }

  #value(token: string): void {
    this.#break();
    if (this.#last !== undefined) this.#flushLast();
    if (token.startsWith('"')) {
      if (this.#isSecret) this.#put(token, true);
      else this.#last = token;
    } else {
      const isPlain = token === 'null' || token === 'true' || token === 'false';
      this.#put(token, !isPlain && (this.#isSecret || this.#depth >= this.#secretFrom));
    }
    this.#isSecret = false;
  }

  /** A string that turned out to be a value. */
  #flushLast(): void {
    const token = this.#last ?? '';
    this.#last = undefined;
    this.#put(token, this.#depth >= this.#secretFrom);
  }

  #put(token: string, isSecret: boolean): void {
    if (isSecret) {
      this.#masked.push(this.#text, this.#veil.hide(this.#part, token));
      this.#text = '';
      return;
    }
    for (const piece of maskText(this.#veil, this.#part, token)) {
      if (typeof piece === 'string') this.#text += piece;
      else {
        this.#masked.push(this.#text, piece);
        this.#text = '';
      }
    }
  }

  /** Before the first thing within brackets. */
  #break(): void {
    if (!this.#isEmpty) return;
    this.#isEmpty = false;
    this.#line();
  }

  #line(): void {
    if (!this.#isPretty || this.#depth > MAX_INDENT) return;
    this.#text += `\n${'  '.repeat(this.#depth)}`;
  }
}

function unquote(name: string): string {
  try {
    return String(JSON.parse(name));
  } catch {
    return name;
  }
}
