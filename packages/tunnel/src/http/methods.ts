/** RFC 9110 §9.2.2: methods of requests that may be sent again, where nobody knows what became of them. */
export const IDEMPOTENT: ReadonlySet<string> = new Set([
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PUT',
  'TRACE',
]);
