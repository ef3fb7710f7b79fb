/** RFC 9110 §5 — what names and values of fields are made of, as strings of latin1. */

/** §5.6.2: a token. */
export const FIELD_NAME: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** §5.5. */
export const FIELD_VALUE: RegExp = /^[\t\x20-\x7e\x80-\xff]*$/;
