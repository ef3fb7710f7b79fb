/** RFC 9110 §5 — header fields as an object, which is what Node's HTTP takes. */

/** Fields by name; those whose values cannot be joined have a list. */
export type FieldRecord = Record<string, string | string[]>;

/**
 * Fields of one name, in whatever case, are one field, spelt as the first of them. Names are the
 * caller's, and the object has no prototype: `__proto__` and `constructor` are names like any other.
 */
export function toFieldRecord(entries: Iterable<readonly [string, string]>): FieldRecord {
  const fields = new Map<string, { readonly spelling: string; readonly values: string[] }>();
  for (const [name, value] of entries) {
    const key = name.toLowerCase();
    const field = fields.get(key);
    if (field === undefined) fields.set(key, { spelling: name, values: [value] });
    else field.values.push(value);
  }
  const record = Object.create(null) as FieldRecord;
  for (const [key, { spelling, values }] of fields) record[spelling] = joined(key, values);
  return record;
}

/** RFC 9110 §5.3 joins with a comma, RFC 6265 §5.4 cookies with a semicolon, and Set-Cookie not at all. */
function joined(name: string, values: string[]): string | string[] {
  if (name === 'set-cookie') return values;
  return values.join(name === 'cookie' ? '; ' : ', ');
}
