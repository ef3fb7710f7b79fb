/** A configuration in YAML: what it says, and the line and column of what it should not say. */
import { readFileSync } from 'node:fs';
import { isCollection, isMap, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { messageOf } from '../error-message.ts';
import type { Mistake } from './config-error.ts';
import { nearestOf } from './nearest.ts';

/** Keys and indices, from the outside. */
export type KeyPath = readonly PropertyKey[];

/** Octets; nobody writes more by hand. */
const MAX_SIZE = 1024 * 1024;

/** A file that was read, and is YAML at least. */
export class ConfigFile {
  readonly path: string;
  /** An empty file says nothing, which is an empty map. */
  readonly content: unknown;
  readonly mistakes: Mistake[] = [];
  readonly #document: Document;
  readonly #lines: LineCounter;

  private constructor(path: string, text: string) {
    this.path = path;
    this.#lines = new LineCounter();
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const error of this.#document.errors) {
      this.#add(error.pos[0], '', error.message);
    }
    this.content = this.#toContent();
  }

  /** A file that cannot be read is a mistake like any other. */
  static read(path: string): ConfigFile | Mistake {
    try {
      const text = readFileSync(path, 'utf8');
      if (text.length > MAX_SIZE) return { place: path, key: '', reason: 'has more than 1 MiB' };
      return new ConfigFile(path, text);
    } catch (error) {
      return { place: path, key: '', reason: `cannot be read: ${messageOf(error)}` };
    }
  }

  /** What the schema makes of the content; undefined, and mistakes, where it is not as it says. */
  async parse<Value>(schema: z.ZodType<Value>): Promise<Value | undefined> {
    if (this.mistakes.length > 0) return undefined;
    const { data, error } = await schema.safeParseAsync(this.content, { reportInput: true });
    for (const issue of error?.issues ?? []) this.#addIssue(issue, schema);
    this.mistakes.sort((one, other) => lineOf(one) - lineOf(other));
    return data;
  }

  /** A mistake at what stands there, or would stand there. */
  add(path: KeyPath, reason: string): void {
    this.mistakes.push(this.mistakeAt(path, reason));
  }

  /** The same, for what is to be warned of only. */
  mistakeAt(path: KeyPath, reason: string): Mistake {
    return { place: this.#placeOf(this.#offsetOf(path)), key: keyOf(path), reason };
  }

  #toContent(): unknown {
    if (this.mistakes.length > 0) return {};
    try {
      return (this.#document.toJS({ maxAliasCount: 100 }) as unknown) ?? {};
    } catch (error) {
      this.#add(0, '', messageOf(error));
      return {};
    }
  }

  #addIssue(issue: z.core.$ZodIssue, schema: z.ZodType): void {
    if (issue.code !== 'unrecognized_keys') {
      this.add(issue.path, reasonOf(issue));
      return;
    }
    const known = keysAt(schema, issue.path);
    for (const key of issue.keys) {
      const nearest = nearestOf(key, known);
      const hint =
        nearest === undefined ? `; known are ${known.join(', ')}` : `; did you mean ${nearest}?`;
      const path = [...issue.path, key];
      this.#add(this.#offsetOfKey(issue.path, key), keyOf(path), `is not known${hint}`);
    }
  }

  #add(offset: number, key: string, reason: string): void {
    this.mistakes.push({ place: this.#placeOf(offset), key, reason });
  }

  #placeOf(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.path}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  }

  /** Of the value; where there is none, of what it is missing in. */
  #offsetOf(path: KeyPath): number {
    for (let length = path.length; length > 0; length--) {
      const node: unknown = this.#document.getIn(path.slice(0, length), true);
      const range = isScalar(node) || isCollection(node) ? node.range : undefined;
      if (range) return range[0];
    }
    return this.#document.contents?.range?.[0] ?? 0;
  }

  #offsetOfKey(path: KeyPath, key: string): number {
    const map: unknown = path.length === 0 ? this.#document.contents : this.#document.getIn(path);
    if (!isMap(map)) return this.#offsetOf(path);
    const pair = map.items.find((item) => isScalar(item.key) && item.key.value === key);
    const range = isScalar(pair?.key) ? pair.key.range : undefined;
    return range?.[0] ?? this.#offsetOf(path);
  }
}

function lineOf({ place }: Mistake): number {
  return Number(/:(\d+):\d+$/u.exec(place)?.[1] ?? 0);
}

/** `tokens[0].hash`. */
function keyOf(path: KeyPath): string {
  return path.reduce<string>((whole, part) => {
    if (typeof part === 'number') return `${whole}[${part}]`;
    return whole === '' ? String(part) : `${whole}.${String(part)}`;
  }, '');
}

const KINDS: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
  object: 'a map',
  record: 'a map',
  string: 'a text',
};

/** Never the value. */
function reasonOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_type') return issue.message;
  const expected = KINDS[issue.expected] ?? issue.expected;
  if (issue.input === undefined) return `is missing; it has to be ${expected}`;
  return `has to be ${expected}, and is ${kindOf(issue.input)}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return KINDS[typeof value] ?? typeof value;
}

/** The keys that the schema knows there. */
function keysAt(schema: z.core.$ZodType, path: KeyPath): readonly string[] {
  const [first, ...rest] = path;
  if (schema instanceof z.ZodOptional) return keysAt(schema.unwrap(), path);
  if (schema instanceof z.ZodPipe) return keysAt(schema.in, path);
  if (schema instanceof z.ZodObject) {
    const shape = schema.shape as Readonly<Record<PropertyKey, z.core.$ZodType>>;
    if (first === undefined) return Object.keys(shape);
    const inner = shape[first];
    return inner === undefined ? [] : keysAt(inner, rest);
  }
  if (schema instanceof z.ZodArray) return keysAt(schema.element, rest);
  if (schema instanceof z.ZodRecord) return keysAt(schema.valueType, rest);
  return [];
}
